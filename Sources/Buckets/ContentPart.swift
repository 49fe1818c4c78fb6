import Domain
import HTTP
import Spool

/// Which bytes of the file a request brings, as its header section announces it.
struct ContentPart: Hashable, Sendable {
    let start: Int64
    /// The file's size once the part is there; nil where the body tells it only by its end.
    let end: Int64?
    let isRange: Bool
    /// Whether the file is whole after it.
    let isLast: Bool

    /// - Parameters:
    ///   - limit: the most bytes that the file may have.
    ///   - announced: the bytes that it must have, where its client said so.
    init(_ head: RequestHead, limit: Int64, announced: Int64?) throws(Failure) {
        if let text = head.headers["content-range"] {
            guard let (first, last, total) = Self.parse(text), head.headers.values("content-range").count == 1 else {
                throw Failure(
                    .badRequest, "Content-Range is malformed; expected bytes FIRST-LAST/TOTAL, as in bytes 100-199/200."
                )
            }
            (start, end, isRange, isLast) = (first, last + 1, true, last + 1 == total)
            try Self.check(total, limit, announced)
            guard head.contentLength ?? (last - first + 1) == last - first + 1 else {
                throw Failure(.badRequest, "Content-Range and Content-Length disagree about the length of the body.")
            }
        } else {
            (start, end, isRange, isLast) = (0, head.contentLength, false, true)
            if let length = head.contentLength {
                guard length > 0 else { throw UploadForm.emptyFile }
                try Self.check(length, limit, announced)
            }
        }
    }

    private static func check(_ size: Int64, _ limit: Int64, _ announced: Int64?) throws(Failure) {
        if let announced, size != announced { throw wrongSize(size, announced: announced) }
        guard size <= limit else { throw UploadForm.tooLarge(limit: limit, size: size) }
    }

    /// - Parameter size: nil where it is only known to be more.
    static func wrongSize(_ size: Int64?, announced: Int64) -> Failure {
        .validation([
            ValidationError(
                "file_size_bytes", at: ["body"],
                "the file has \(size.map(String.init) ?? "more") bytes; the URL is signed for the \(announced) that were announced"
            )
        ])
    }

    /// `bytes FIRST-LAST/TOTAL` (RFC 9110, section 14.4), where the total is known.
    private static func parse(_ text: String) -> (first: Int64, last: Int64, total: Int64)? {
        guard text.lowercased().hasPrefix("bytes ") else { return nil }
        let parts = text.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let range = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard range.count == 2, let first = number(range[0]), let last = number(range[1]), let total = number(parts[1]),
            first <= last, last < total
        else { return nil }
        return (first, last, total)
    }

    private static func number(_ text: Substring) -> Int64? {
        guard (1...18).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int64(text)
    }
}
