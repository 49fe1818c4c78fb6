import Domain
import HTTP
import Testing

/// What came out of a form.
private struct Form: MultipartReceiver {
    struct Part: Equatable {
        var head: MultipartPart
        var content: [UInt8] = []
        var hasEnded = false
        var text: String { String(decoding: content, as: UTF8.self) }
    }
    var parts: [Part] = []
    /// Calls with content.
    var pieces = 0

    mutating func partBegan(_ part: MultipartPart) throws(Failure) { parts.append(Part(head: part)) }
    mutating func partReceived(_ bytes: RawSpan) throws(Failure) {
        guard let last = parts.indices.last, bytes.byteCount > 0 else {
            throw Failure(.internal, "content out of place")
        }
        pieces += 1
        unsafe bytes.withUnsafeBytes { unsafe parts[last].content.append(contentsOf: $0) }
    }
    mutating func partEnded() throws(Failure) { parts[parts.count - 1].hasEnded = true }
}

private func parse(
    _ body: [UInt8], contentType: String = "multipart/form-data; boundary=b", pieces: [Int]? = nil,
    limits: MultipartParser.Limits = .init()
) throws(Failure) -> [Form.Part] {
    var parser = try MultipartParser(contentType: contentType, limits: limits)
    var form = Form()
    var start = 0
    for size in pieces ?? [body.count] {
        let piece = Array(body[start..<start + size])
        try parser.feed(unsafe piece.span.bytes, into: &form)
        start += size
    }
    try parser.finish()
    return form.parts
}

private func parse(_ text: String, contentType: String = "multipart/form-data; boundary=b") throws(Failure) -> [Form
    .Part]
{
    try parse(Array(text.utf8), contentType: contentType)
}

private func problem(_ text: String, limits: MultipartParser.Limits = .init()) -> String? {
    do throws(Failure) {
        _ = try parse(Array(text.utf8), limits: limits)
        return nil
    } catch {
        return error.code == .malformedMultipart ? error.message : "another code: \(error.code)"
    }
}

private let disposition = "Content-Disposition: form-data; name=\"f\"\r\n"

extension HTTPSuite {
    @Suite("Multipart forms") struct MultipartParserTests {
        /// Content that looks like a boundary in every way short of being one.
        private static let tricky =
            "preamble --b\r\n--\r\n--bx is no line start\r\n"
            + "--b\r\n\(disposition)\r\nplain\r\n--b \t \r\nContent-Disposition: form-data; name=\"file\"; filename=\"a b.png\"\r\n"
            + "Content-Type: image/png\r\nX-Other: 1\r\n\r\n\r\r\n\r\n-\r\n--\r\n--a\r\n--\rb\r--b\n--b\r\n\r\n--b\r\n"
            + "\(disposition)\r\n\r\n--b--  \r\nepilogue\r\n--b\r\n"

        @Test("A form is read alike at every split into two pieces, and byte by byte")
        func everySplit() throws {
            // Without the line in the preamble that a strict reader takes for a malformed boundary.
            let body = Array(Self.tricky.utf8).replacing(Array("\r\n--bx is no line start".utf8), with: [])
            let expected = try parse(body)
            #expect(expected.map(\.text) == ["plain", "\r\r\n\r\n-\r\n--\r\n--a\r\n--\rb\r--b\n--b\r\n", ""])
            #expect(expected.map(\.head.name) == ["f", "file", "f"])
            #expect(expected[1].head.filename == "a b.png")
            #expect(expected[1].head.contentType == "image/png")
            #expect(expected[0].head.filename == nil && expected[0].head.contentType == nil)
            #expect(!expected.contains { !$0.hasEnded })
            for split in 0...body.count {
                #expect(try parse(body, pieces: [split, body.count - split]) == expected, "split at \(split)")
            }
            #expect(try parse(body, pieces: Array(repeating: 1, count: body.count)) == expected)
            for size in 2...9 {
                let whole = Array(repeating: size, count: body.count / size)
                #expect(try parse(body, pieces: whole + [body.count % size]) == expected)
            }
        }

        @Test("Every byte value passes through a part unchanged")
        func binary() throws {
            let content =
                (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) } + [13, 10, 13, 13, 10, 45, 45]
            let body = Array("--b\r\n\(disposition)\r\n".utf8) + content + Array("\r\n--b--".utf8)
            #expect(try parse(body).map(\.content) == [content])
            #expect(try parse(body, pieces: Array(repeating: 1, count: body.count)).map(\.content) == [content])
        }

        /// Each piece is written and hashed by itself. Cut at every CR, content of random bytes came in pieces of 256 bytes,
        /// and an upload cost three times as much as its bytes.
        @Test("A CR that begins no boundary does not cut the content")
        func pieces() throws {
            let content = Array(repeating: [13, 10, 45, 45, 0, 13] as [UInt8], count: 1000).joined()
            let body = Array("--b\r\n\(disposition)\r\n".utf8) + content + Array("\r\n--b--".utf8)
            var parser = try MultipartParser(contentType: "multipart/form-data; boundary=b")
            var form = Form()
            try parser.feed(unsafe body.span.bytes, into: &form)
            try parser.finish()
            #expect(form.parts.map(\.content) == [Array(content)])
            #expect(form.pieces == 1)
        }

        @Test("An empty part may leave out its line end, and a form may have no parts' names twice")
        func emptyParts() throws {
            #expect(try parse("--b\r\n\(disposition)\r\n--b--").map(\.content) == [[]])
            #expect(
                try parse("--b\r\n\(disposition)\r\n\r\n--b\r\n\(disposition)\r\nx\r\n--b--\r\n").map(\.text) == [
                    "", "x",
                ])
        }

        @Test(
            "Boundaries of 1 and 70 characters, quoted, and of RFC 2046's whole set work",
            arguments: [
                "b", String(repeating: "x", count: 70), "a'()+_,-./:=?z", "with space",
                "----WebKitFormBoundary7MA4YWxkTrZu0gW",
            ])
        func boundaries(_ boundary: String) throws {
            let body = "--\(boundary)\r\n\(disposition)\r\nx\r\n--\(boundary)--\r\n"
            #expect(
                try parse(body, contentType: "multipart/form-data; charset=utf-8; boundary=\"\(boundary)\"").map(\.text)
                    == ["x"])
            if boundary.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "-" }) {
                #expect(
                    try parse(body, contentType: "Multipart/Form-Data; Boundary=\(boundary); x=y").map(\.text) == ["x"])
            }
        }

        @Test(
            "A Content-Type without a usable boundary is refused",
            arguments: [
                ("multipart/form-data", "malformed_multipart"),
                ("multipart/form-data; boundary=", "malformed_multipart"),
                ("multipart/form-data; boundary=\"\"", "malformed_multipart"),
                ("multipart/form-data; boundary=\"a \"", "malformed_multipart"),
                ("multipart/form-data; boundary=" + String(repeating: "x", count: 71), "malformed_multipart"),
                ("multipart/form-data; boundary=\"a\u{e4}\"", "malformed_multipart"),
                ("multipart/form-data; boundary=a; boundary=b", "malformed_multipart"),
                ("multipart/form-data; boundary=\"a", "malformed_multipart"),
                ("multipart/form-data boundary=a", "unsupported_media_type"),
                ("multipart/mixed; boundary=a", "unsupported_media_type"),
                ("application/json", "unsupported_media_type"), ("", "malformed_multipart"),
            ])
        func contentTypes(_ text: String, _ code: String) {
            do throws(Failure) {
                _ = try MultipartParser(contentType: text)
                Issue.record("it was taken")
            } catch { #expect(error.code.rawValue == code) }
        }

        @Test(
            "Names are unquoted, and may be of any script",
            arguments: [
                ("filename=\"a\\\"b\\\\c\"", "a\"b\\c"), ("filename=\"a\\b.txt\"", "a\\b.txt"),
                ("filename=plain.txt", "plain.txt"),
                ("filename=\"\"", ""), ("filename=\"名前;x=y.png\"", "名前;x=y.png"), ("FileName=\"x\"", "x"),
                ("filename*=UTF-8''%e2%82%ac%20rates", "€ rates"), ("filename*=utf-8'en'a", "a"),
            ])
        func names(_ parameter: String, _ expected: String) throws {
            let parts = try parse("--b\r\nContent-Disposition: form-data; name=\"f\"; \(parameter)\r\n\r\nx\r\n--b--")
            #expect(parts.map(\.head.filename) == [expected])
        }

        @Test(
            "A malformed form is refused with the reason",
            arguments: [
                ("", "no boundary was found"), ("x", "no boundary was found"), ("--c\r\n", "no boundary was found"),
                ("--b", "without the final boundary"), ("--b\r\n\(disposition)\r\nx", "without the final boundary"),
                ("--b\r\n\(disposition)\r\nx\r\n--b", "without the final boundary"),
                ("--b\r\n\(disposition)\r\nx\r\n--b-", "without the final boundary"),
                ("--b\r\n\(disposition)", "without the final boundary"),
                ("--b\n\(disposition)\r\nx\r\n--b--", "line end (CR LF)"), ("--bx\r\n", "line end (CR LF)"),
                ("--b x\r\n", "line end (CR LF)"), ("--b\r\r\n", "line end (CR LF)"),
                ("--b\r\n\(disposition)\r\nx\r\n--b--x", "line end (CR LF)"),
                ("--b\r\n\(disposition)\r\nx\r\n--b-x", "line end (CR LF)"),
                ("--b\r\nContent-Disposition: form-data; name=\"f\"\n\nx\r\n--b--", "does not end in CR LF"),
                ("--b\r\n\(disposition)\n", "does not end in CR LF"), ("--b\r\nA: b\rc\r\n", "does not end in CR LF"),
                ("--b\r\n\r\nx\r\n--b--", "no Content-Disposition"),
                ("--b\r\nContent-Type: a/b\r\n\r\nx\r\n--b--", "no Content-Disposition"),
                ("--b\r\n\(disposition)\(disposition)\r\nx\r\n--b--", "two Content-Disposition"),
                ("--b\r\n\(disposition)Content-Type: a/b\r\nContent-Type: a/b\r\n\r\nx\r\n--b--", "two Content-Type"),
                ("--b\r\nContent-Disposition: attachment; name=\"f\"\r\n\r\nx\r\n--b--", "expected form-data"),
                ("--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--", "has no name"),
                ("--b\r\nContent-Disposition: form-data; name=\"f\r\n\r\nx\r\n--b--", "not closed"),
                ("--b\r\nContent-Disposition: form-data; name=\"f\"; name=\"g\"\r\n\r\nx\r\n--b--", "occurs twice"),
                (
                    "--b\r\nContent-Disposition: form-data; name=\"f\" filename=\"g\"\r\n\r\nx\r\n--b--",
                    "';' is missing"
                ),
                (
                    "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"; filename*=UTF-8''b\r\n\r\nx\r\n--b--",
                    "both filename"
                ),
                (
                    "--b\r\nContent-Disposition: form-data; name=\"f\"; filename*=latin1''b\r\n\r\nx\r\n--b--",
                    "filename* is malformed"
                ),
                (
                    "--b\r\nContent-Disposition: form-data; name=\"f\"; filename*=UTF-8''%f\r\n\r\nx\r\n--b--",
                    "filename* is malformed"
                ),
                (
                    "--b\r\n\(disposition)Content-Transfer-Encoding: base64\r\n\r\nx\r\n--b--",
                    "Content-Transfer-Encoding"
                ),
                ("--b\r\n\(disposition) folded\r\n\r\nx\r\n--b--", "header line is malformed"),
                ("--b\r\n\(disposition)nonsense\r\n\r\nx\r\n--b--", "header line is malformed"),
                ("--b\r\n\(disposition)X: a\0b\r\n\r\nx\r\n--b--", "control character"),
            ])
        func malformed(_ text: String, _ reason: String) {
            let message = problem(text) ?? "it was taken"
            #expect(message.contains(reason), "\(message)")
        }

        @Test("A name that is not UTF-8 is refused")
        func notUnicode() {
            let body =
                Array("--b\r\nContent-Disposition: form-data; name=\"".utf8) + [0xff]
                + Array("\"\r\n\r\nx\r\n--b--".utf8)
            do throws(Failure) {
                _ = try parse(body)
                Issue.record("it was taken")
            } catch { #expect(error.message.contains("not UTF-8")) }
        }

        @Test("Parts, header sections and what stands around them are limited; the failure says where")
        func limits() {
            var limits = MultipartParser.Limits()
            limits.maximumParts = 2
            let part = "--b\r\n\(disposition)\r\nx\r\n"
            #expect(problem(part + part + "--b--", limits: limits) == nil)
            let tooMany = problem(part + part + part + "--b--", limits: limits)
            #expect(tooMany == "The multipart body is malformed at part 3, byte 108: it has more than 2 parts.")
            limits.maximumPartHeaderBytes = 60
            #expect(problem(part + "--b--", limits: limits) == nil)
            #expect(
                problem("--b\r\n\(disposition)X: 12345678901234567890\r\n\r\n", limits: limits)?.contains(
                    "larger than 60") == true)
            limits.maximumFrameBytes = 10
            #expect(problem("0123456\r\n" + part + "--b--", limits: limits) == nil)
            #expect(
                problem("01234567890\r\n" + part + "--b--", limits: limits)?.contains("outside of its parts") == true)
            #expect(problem(part + "--b--\r\n01234567890", limits: limits)?.contains("outside of its parts") == true)
        }

        @Test("What the receiver throws ends the reading")
        func receiverFails() {
            struct Refusing: MultipartReceiver {
                mutating func partBegan(_ part: MultipartPart) throws(Failure) { throw Failure(.emptyFile) }
                mutating func partReceived(_ bytes: RawSpan) throws(Failure) {}
                mutating func partEnded() throws(Failure) {}
            }
            do throws(Failure) {
                var parser = try MultipartParser(contentType: "multipart/form-data; boundary=b")
                var receiver = Refusing()
                let body = Array("--b\r\n\(disposition)\r\nx".utf8)
                try parser.feed(unsafe body.span.bytes, into: &receiver)
                Issue.record("it went on")
            } catch { #expect(error.code == .emptyFile) }
        }
    }
}
