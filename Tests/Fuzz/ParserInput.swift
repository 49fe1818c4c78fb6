import Domain
import HTTP
import JSON
import WorkerProtocol

/// Texts and messages that are parsed. Where there are two ways to the same result, they must agree.
enum ParserInput {
    static func sniff(_ bytes: RawSpan) { _ = MediaType(sniffing: array(bytes)) }

    static func json(_ bytes: RawSpan) {
        guard let value = try? JSONParser.parse(array(bytes)) else { return }
        let again = try? JSONParser.parse(value.encoded)
        precondition(again == value, "what is written is not read back")
    }

    /// A form must be read alike, however it is cut.
    static func multipart(_ bytes: RawSpan) {
        let bytes = array(bytes)
        let whole = Form.read([bytes])
        guard let cut = bytes.first.map({ min(bytes.count, Int($0)) }) else { return }
        precondition(Form.read([Array(bytes[..<cut]), Array(bytes[cut...])]) == whole, "a cut changes the form")
        precondition(Form.read(bytes.map { [$0] }) == whole, "byte by byte is another form")
    }

    /// Lines: the method, the target, the version, then a field each.
    static func head(_ bytes: RawSpan) {
        let lines = array(bytes).split(separator: 10, omittingEmptySubsequences: false).map(Array.init)
        guard lines.count >= 3 else { return }
        var raw = RawHead()
        (raw.method, raw.target, raw.version) = (lines[0], lines[1], lines[2])
        raw.fields = lines[3...].map { line in
            let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
            return (Array(line[..<colon]), Array(line[colon...].dropFirst()))
        }
        raw.byteCount = bytes.byteCount
        guard
            let head = try? RequestHead(
                checking: raw, id: "id", remoteAddress: "127.0.0.1", maximumBytes: 32_768, maximumFields: 100)
        else { return }
        precondition(!(head.isChunked && head.contentLength != nil), "a body with two ends")
        precondition(head.path.utf8.first == UInt8(ascii: "/"), "a path from nowhere")
        _ = ContentSelection(for: head, size: 1000, tag: EntityTag("t"))
        for value in head.headers.values("content-type") { _ = ParameterizedField(value) }
    }

    /// What a worker in a hostile file's hands may send, and what a worker reads.
    static func workerProtocol(_ bytes: RawSpan) {
        let bytes = array(bytes)
        if let report = try? StartReport(decoding: bytes) {
            precondition((try? StartReport(decoding: report.encoded())) == report, "a report is not read back")
        }
        if let request = try? ScanRequest(decoding: bytes) {
            precondition((try? ScanRequest(decoding: request.encoded())) == request, "a request is not read back")
        }
        let request = ScanRequest(id: 1, mediaType: .png, threshold: 0.8, limits: ScanLimits())
        if let reply = try? ScanReply(decoding: bytes, to: request) {
            precondition(
                (try? ScanReply(decoding: reply.encoded(), to: request)) == reply, "a reply is not read back")
        }
    }

    private static func array(_ bytes: RawSpan) -> [UInt8] {
        // The bytes are copied while the span lives.
        unsafe bytes.withUnsafeBytes { unsafe Array($0) }
    }
}

/// What came out of a form.
private struct Form: MultipartReceiver, Equatable {
    var parts: [MultipartPart] = []
    var contents: [[UInt8]] = []
    var ended = 0

    /// nil for a form that is refused; how far it was read until then depends on the pieces.
    static func read(_ pieces: [[UInt8]]) -> Form? {
        var form = Form()
        do throws(Failure) {
            var parser = try MultipartParser(contentType: "multipart/form-data; boundary=b")
            for piece in pieces { try parser.feed(unsafe piece.span.bytes, into: &form) }
            try parser.finish()
            precondition(form.ended == form.parts.count, "a part without an end")
            return form
        } catch {
            precondition(!error.message.isEmpty, "a refusal says why")
            return nil
        }
    }

    mutating func partBegan(_ part: MultipartPart) throws(Failure) {
        parts.append(part)
        contents.append([])
    }

    mutating func partReceived(_ bytes: RawSpan) throws(Failure) {
        precondition(bytes.byteCount > 0 && ended == contents.count - 1, "content of no part")
        unsafe bytes.withUnsafeBytes { unsafe contents[ended].append(contentsOf: $0) }
    }

    mutating func partEnded() throws(Failure) { ended += 1 }
}
