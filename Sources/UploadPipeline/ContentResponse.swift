import BlobStore
import Domain
import HTTP
import SystemCalls

/// Serves an upload's content: ranges, validators, and header fields that keep a browser from running it.
struct ContentResponse: Sendable {
    let record: UploadRecord

    /// - Parameter open: opens the content, once it is known that it is to be sent.
    func answer(to head: RequestHead, open: () throws(Failure) -> StoredBlob) throws(Failure) -> Response {
        let tag = EntityTag(record.sha256.rawValue)
        var response: Response
        switch ContentSelection(for: head, size: record.size, tag: tag) {
        case .whole:
            response = Response(status: 200, body: try file(open, from: 0, length: record.size))
        case .part(let range):
            response = Response(status: 206, body: try file(open, from: range.first, length: range.length))
            response.headers["Content-Range"] = range.contentRange(of: record.size)
        case .notModified:
            response = Response(status: 304, body: .omitted(length: record.size))
        case .preconditionFailed:
            throw Failure(.preconditionFailed, "The content has the entity tag \(tag.headerValue).")
        case .unsatisfiable:
            throw .rangeNotSatisfiable(size: record.size)
        }
        response.headers["ETag"] = tag.headerValue
        response.headers["Accept-Ranges"] = "bytes"
        response.headers["Cache-Control"] = "private, no-cache"
        if response.status != 304 {
            // An image is served as what it is, whatever it was declared as.
            response.headers["Content-Type"] =
                record.mediaType.isImage ? record.mediaType.rawValue : record.declaredContentType
        }
        response.headers["Content-Disposition"] = Self.attachment(record.filename)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
        return response
    }

    private func file(
        _ open: () throws(Failure) -> StoredBlob, from offset: Int64, length: Int64
    ) throws(Failure) -> Response.Body {
        let blob = try open()
        // The answer announces a length, and a file that ends before it would keep the client waiting for the rest.
        guard blob.size == record.size else {
            throw .damagedContent(record, foundSize: blob.size)
        }
        return .file(ResponseFile(owning: blob.takeDescriptor().release(), offset: offset, length: length))
    }

    /// RFC 6266: a plain name for old readers, and the whole name percent-encoded in UTF-8 (RFC 8187).
    static func attachment(_ filename: String) -> String {
        let plain = String(
            filename.unicodeScalars.map { scalar -> Character in
                let isPlain = (0x20...0x7e).contains(scalar.value) && scalar != "\"" && scalar != "\\" && scalar != "%"
                return isPlain ? Character(scalar) : "_"
            })
        let encoded = filename.utf8.map { byte -> String in
            let isUnreserved =
                (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                || "!#$&+-.^_`|~".utf8.contains(byte)
            if isUnreserved { return String(UnicodeScalar(byte)) }
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + (digits.utf8.count == 1 ? "0" : "") + digits
        }.joined()
        return "attachment; filename=\"\(plain)\"; filename*=UTF-8''\(encoded)"
    }
}

extension Failure {
    /// - Parameter foundSize: of the content's file, in bytes.
    static func damagedContent(_ record: UploadRecord, foundSize: Int64) -> Failure {
        Failure(
            .internal,
            privateDetail: "the content \(record.sha256) of the upload \(record.id) is damaged: its file has "
                + "\(foundSize) bytes; it should have \(record.size)")
    }
}
