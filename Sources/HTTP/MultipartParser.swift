package import Domain
import Glibc

/// Takes the parts of a form as they are found.
package protocol MultipartReceiver {
    mutating func partBegan(_ part: MultipartPart) throws(Failure)
    /// Content of the current part, in order, in pieces of any size but none.
    mutating func partReceived(_ bytes: RawSpan) throws(Failure)
    mutating func partEnded() throws(Failure)
}

/// Reads `multipart/form-data` (RFC 7578, RFC 2046) as it arrives, in slices of any size, in constant memory.
///
/// It is strict, because a form that two programs read differently is a way around a gate: lines end in CR LF, the final
/// boundary must be there, and what follows a boundary on its line is nothing but spaces and tabs.
package struct MultipartParser: Sendable {
    package struct Limits: Sendable {
        package var maximumParts = 64
        package var maximumPartHeaderBytes = 8_192
        /// What may stand before the first boundary, and after the last; both are passed over.
        package var maximumFrameBytes = 4_096
        package init() {}
    }

    private enum State: Sendable {
        /// Before the first boundary.
        case preamble
        /// After a boundary: a line end, or the first hyphen of the final one.
        case boundary
        /// One hyphen after a boundary.
        case finalHyphen
        /// Spaces after a boundary.
        case padding
        /// CR after a boundary.
        case lineEnd
        case header
        case content
        /// After the final boundary, on its line.
        case finalPadding
        case finalLineEnd
        case epilogue
    }

    private let limits: Limits
    /// CR LF, two hyphens and the boundary. CR stands nowhere but at its beginning, so a match that fails in the middle
    /// can begin anew only at the byte that failed.
    private let delimiter: [UInt8]
    private var state = State.preamble
    /// How much of the delimiter has been seen.
    private var matched = 2
    /// How much of that came before the content: the body's beginning counts as a line's beginning, and so does the
    /// empty line before a part's content.
    private var borrowed = 2
    private var header: [UInt8] = []
    private var frameBytes = 0
    private var parts = 0
    private var offset: Int64 = 0

    /// Reads the boundary (1 to 70 characters) from a Content-Type.
    ///
    /// - Throws: 415 for another media type, 400 for a missing or malformed boundary.
    package init(contentType: String, limits: Limits = Limits()) throws(Failure) {
        let field: ParameterizedField
        do throws(ParameterizedField.Problem) {
            field = try ParameterizedField(reading: contentType)
        } catch {
            throw Failure(.malformedMultipart, "The Content-Type is malformed: \(error.text).")
        }
        guard field.value == "multipart/form-data" else {
            throw Failure(.unsupportedMediaType, "The Content-Type is \(field.value); expected multipart/form-data.")
        }
        guard let boundary = field.parameters["boundary"] else {
            throw Failure(.malformedMultipart, "The Content-Type has no boundary.")
        }
        guard (1...70).contains(boundary.utf8.count), boundary.utf8.last != ASCII.space,
            boundary.utf8.allSatisfy({ ASCII.isAlphanumeric($0) || "'()+_,-./:=? ".utf8.contains($0) })
        else {
            throw Failure(
                .malformedMultipart, "The boundary is malformed; expected 1 to 70 characters of RFC 2046's set.")
        }
        delimiter = Array("\r\n--\(boundary)".utf8)
        self.limits = limits
    }

    /// Reads the next slice of the body.
    ///
    /// - Throws: `.malformedMultipart` naming what is wrong and where, or what the receiver threw. Afterwards the parser
    ///   must not be used any more.
    package mutating func feed(_ bytes: RawSpan, into receiver: inout some MultipartReceiver) throws(Failure) {
        var index = 0
        while index < bytes.byteCount {
            let next =
                switch state {
                case .preamble, .content: try scan(bytes, from: index, into: &receiver)
                default: try take(Self.byte(bytes, at: index), &receiver, next: index + 1)
                }
            offset += Int64(next - index)
            index = next
        }
    }

    /// To be called at the end of the body.
    ///
    /// - Throws: `.malformedMultipart` when the final boundary has not come.
    package mutating func finish() throws(Failure) {
        switch state {
        case .finalPadding, .epilogue: return
        case .preamble: throw problem("no boundary was found")
        default: throw problem("the body ends without the final boundary")
        }
    }

    /// Passes on content up to the next delimiter, or up to what may become one with the next slice, or matches one more
    /// byte of such a beginning. Gives the index to go on from.
    private mutating func scan(
        _ bytes: RawSpan, from index: Int, into receiver: inout some MultipartReceiver
    ) throws(Failure) -> Int {
        if matched == 0 {
            let found = firstDelimiter(in: bytes, from: index)
            if found.start > index { try pass(bytes.extracting(index..<found.start), to: &receiver) }
            matched = found.count
            borrowed = 0
            if matched == delimiter.count { try endContent(&receiver) }
            return found.start + found.count
        }
        guard Self.byte(bytes, at: index) == delimiter[matched] else {
            // What looked like a delimiter was content.
            let withheld = borrowed..<matched
            matched = 0
            let delimiter = delimiter
            // The span lives as long as the local copy.
            if !withheld.isEmpty { try unsafe pass(delimiter.span.extracting(withheld).bytes, to: &receiver) }
            return index
        }
        matched += 1
        if matched == delimiter.count { try endContent(&receiver) }
        return index + 1
    }

    private mutating func endContent(_ receiver: inout some MultipartReceiver) throws(Failure) {
        matched = 0
        if state == .content { try receiver.partEnded() }
        state = .boundary
    }

    private mutating func pass(_ bytes: RawSpan, to receiver: inout some MultipartReceiver) throws(Failure) {
        if state == .content { try receiver.partReceived(bytes) } else { try countFrame(bytes.byteCount) }
    }

    /// Where the first delimiter begins, and how much of it is there: less than the whole where the slice ends within it,
    /// and nothing, at the slice's end, where there is none. A CR that begins no delimiter splits nothing: content of
    /// random bytes has one in 256, and each piece is a write of its own.
    private func firstDelimiter(in bytes: RawSpan, from index: Int) -> (start: Int, count: Int) {
        unsafe bytes.withUnsafeBytes { bytes in
            unsafe delimiter.withUnsafeBytes { delimiter in
                guard let base = bytes.baseAddress, let wanted = delimiter.baseAddress else { return (bytes.count, 0) }
                var start = index
                while start < bytes.count,
                    let candidate = unsafe memchr(base + start, Int32(ASCII.carriageReturn), bytes.count - start)
                {
                    start = unsafe UnsafeRawPointer(candidate) - base
                    let count = min(delimiter.count, bytes.count - start)
                    if unsafe memcmp(candidate, wanted, count) == 0 { return (start, count) }
                    start += 1
                }
                return (bytes.count, 0)
            }
        }
    }

    /// `index` must lie within `bytes`.
    private static func byte(_ bytes: RawSpan, at index: Int) -> UInt8 {
        unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)
    }

    /// Takes one byte outside of content.
    private mutating func take(
        _ byte: UInt8, _ receiver: inout some MultipartReceiver, next: Int
    ) throws(Failure) -> Int {
        switch (state, byte) {
        case (.boundary, UInt8(ascii: "-")): state = .finalHyphen
        case (.finalHyphen, UInt8(ascii: "-")): state = .finalPadding
        case (.boundary, ASCII.space), (.boundary, ASCII.tab), (.padding, ASCII.space), (.padding, ASCII.tab):
            state = .padding
        case (.boundary, ASCII.carriageReturn), (.padding, ASCII.carriageReturn): state = .lineEnd
        case (.lineEnd, ASCII.lineFeed):
            parts += 1
            guard parts <= limits.maximumParts else { throw problem("it has more than \(limits.maximumParts) parts") }
            header = []
            state = .header
        case (.header, _): try takeHeader(byte, &receiver)
        case (.finalPadding, ASCII.space), (.finalPadding, ASCII.tab): try countFrame(1)
        case (.finalPadding, ASCII.carriageReturn): state = .finalLineEnd
        case (.finalLineEnd, ASCII.lineFeed): state = .epilogue
        case (.epilogue, _): try countFrame(1)
        default: throw problem("a boundary is followed by something else than a line end (CR LF)")
        }
        return next
    }

    private mutating func takeHeader(_ byte: UInt8, _ receiver: inout some MultipartReceiver) throws(Failure) {
        let follows = header.last == ASCII.carriageReturn
        guard follows == (byte == ASCII.lineFeed) else { throw problem("a header line does not end in CR LF") }
        header.append(byte)
        guard header.count <= limits.maximumPartHeaderBytes else {
            throw problem("its header section is larger than \(limits.maximumPartHeaderBytes) bytes")
        }
        // Line feeds come after carriage returns alone, so that the empty line is told by the end of the line before it.
        guard byte == ASCII.lineFeed, header.count == 2 || header[header.count - 3] == ASCII.lineFeed else { return }
        let part = try MultipartPart(header: header.dropLast(2)) { problem($0) }
        header = []
        state = .content
        matched = 2
        borrowed = 2
        try receiver.partBegan(part)
    }

    private mutating func countFrame(_ count: Int) throws(Failure) {
        frameBytes += count
        guard frameBytes <= limits.maximumFrameBytes else {
            throw problem("more than \(limits.maximumFrameBytes) bytes stand outside of its parts")
        }
    }

    private func problem(_ text: String) -> Failure {
        let place = parts == 0 ? "" : "part \(parts), "
        return Failure(
            .malformedMultipart, "The multipart body is malformed at \(place)byte \(offset): \(text).",
            details: ["part": .integer(Int64(parts)), "offset": .integer(offset)])
    }
}
