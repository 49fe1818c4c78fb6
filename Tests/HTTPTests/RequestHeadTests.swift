import Domain
import HTTP
import Testing

/// What a request looks like on the wire, and how it must be refused. Each of these has let one party of a
/// proxy-and-server pair see another request than the other.
struct MalformedRequest: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String
    let status: Int
    let code: String
    init(_ name: String, _ text: String, _ status: Int = 400, _ code: String = "bad_request") {
        self.name = name
        self.text = text
        self.status = status
        self.code = code
    }
    var testDescription: String { name }
}

extension HTTPSuite {
    @Suite("Heads of requests") struct RequestHeadTests {
        static let malformed: [MalformedRequest] = [
            .init(
                "two different Content-Lengths",
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
            .init(
                "the same Content-Length twice",
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
            .init(
                "Content-Length and Transfer-Encoding",
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            .init(
                "Transfer-Encoding and Content-Length",
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"),
            .init(
                "Transfer-Encoding twice",
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
            .init("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
            .init("no Host", "GET / HTTP/1.1\r\nAccept: *\r\n\r\n"),
            .init("a Host with user information", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"),
            .init("a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
            .init(
                "a space before the colon", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"
            ),
            .init("a tab before the colon", "GET / HTTP/1.1\r\nHost: a\r\nX\t: 1\r\n\r\n"),
            .init("a NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
            .init("a NUL that hides a length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\0 4\r\n\r\nabc"),
            .init("a NUL in the last value", "GET / HTTP/1.1\r\nX: 1\r\nHost: a\0\r\n\r\n"),
            .init("a NUL in the target", "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"),
            .init("a NUL in the method", "G\0ET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            .init("a bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"),
            .init("a bare CR in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\r: b\r\n\r\n"),
            .init("a bare CR in the target", "GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n"),
            .init("a bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"),
            .init("a bare LF after a field", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"),
            .init("a bare LF after the last field", "GET / HTTP/1.1\r\nHost: a\n\r\n"),
            .init("a bare LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n"),
            .init("a folded field", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"),
            .init("a folded length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n 4\r\n\r\nabc"),
            .init("a folded first field", "GET / HTTP/1.1\r\n X: a\r\nHost: a\r\n\r\n"),
            .init("an empty field name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"),
            .init("a field name of more than a token", "GET / HTTP/1.1\r\nHost: a\r\nX(: b\r\n\r\n"),
            .init("a control character in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\u{1}\r\n\r\n"),
            .init("a DEL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\u{7f}\r\n\r\n"),
            .init("two spaces before the target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
            .init("two spaces before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),
            .init("a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
            .init("a tab in the target", "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n"),
            .init("a fragment in the target", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
            .init("bytes above ASCII in the target", "GET /\u{e4} HTTP/1.1\r\nHost: a\r\n\r\n"),
            .init("a target that is no path", "GET a HTTP/1.1\r\nHost: a\r\n\r\n"),
            .init("a star for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
            .init("an absolute target without a host", "GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n"),
            .init("an absolute target with user information", "GET http://u@h/a HTTP/1.1\r\nHost: a\r\n\r\n"),
            .init("another scheme", "GET ftp://h/a HTTP/1.1\r\nHost: a\r\n\r\n"),
            .init("a broken percent in the path", "GET /a%2 HTTP/1.1\r\nHost: a\r\n\r\n"),
            .init("a percent with other digits", "GET /a%zz HTTP/1.1\r\nHost: a\r\n\r\n"),
            .init("a path that is not UTF-8", "GET /a%ff HTTP/1.1\r\nHost: a\r\n\r\n"),
            .init("an encoded NUL in the path", "GET /a%00 HTTP/1.1\r\nHost: a\r\n\r\n"),
            .init("a broken percent in the query", "GET /?a=%1 HTTP/1.1\r\nHost: a\r\n\r\n"),
            .init("a method that is no token", "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n"),
            .init(
                "Transfer-Encoding in HTTP/1.0",
                "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            .init("an unknown method", "PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "not_implemented"),
            .init("a method in lower case", "get / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "not_implemented"),
            .init("CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 501, "not_implemented"),
            .init(
                "another transfer coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501,
                "not_implemented"),
            .init(
                "a list of transfer codings", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                501, "not_implemented"),
            .init(
                "a transfer coding with a space after it",
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked \r\n\r\n", 501, "not_implemented"),
            .init(
                "identity as a transfer coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
                501, "not_implemented"),
            .init(
                "an unknown expectation", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 200-ok\r\n\r\n",
                417, "expectation_failed"),
            .init(
                "two expectations",
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\nExpect: x\r\n\r\n", 417,
                "expectation_failed"),
            .init(
                "101 fields", "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: y\r\n", count: 100) + "\r\n", 431,
                "headers_too_large"),
            .init(
                "a large field",
                "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "y", count: 17_000) + "\r\n\r\n", 431,
                "headers_too_large"),
            .init(
                "a long target", "GET /" + String(repeating: "y", count: 17_000) + " HTTP/1.1\r\nHost: a\r\n\r\n", 431,
                "headers_too_large"),
        ]

        @Test(
            "A malformed request is refused with the envelope, closes the connection, and reaches no handler",
            arguments: malformed)
        func refused(_ request: MalformedRequest) async throws {
            let server = try TestServer { _ in Response(status: 200, body: .bytes(Array("served".utf8))) }
            let client = try server.connect()
            // What follows must not be taken for a request.
            let answer = try client.exchange(request.text + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(answer.status == request.status)
            #expect(answer.errorCode == request.code, "\(answer.text)")
            #expect(answer.header("Connection") == "close")
            #expect(answer.header("X-Request-Id") != nil)
            client.finishSending()
            #expect(client.isClosed())
            let log = try await server.accessLog(count: 1)
            #expect(log.map { $0["status"] as? Int } == [request.status])
            await server.stop()
        }

        /// libmicrohttpd refuses these by itself, before anything here is asked; its own page cannot be replaced.
        static let refusedByLibrary: [MalformedRequest] = [
            .init("a line without a colon", "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", 400),
            .init("a NUL in a field name", "GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n", 400),
            .init("a malformed Content-Length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3x\r\n\r\nabc", 400),
            .init("a negative Content-Length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc", 400),
            .init("a signed Content-Length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", 400),
            .init("a list as Content-Length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", 400),
            .init("an empty Content-Length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\nabc", 400),
            .init(
                "a Content-Length beyond 64 bits",
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 413),
            .init("another version", "GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
            .init("no version", "GET /\r\nHost: a\r\n\r\n", 400),
            .init(
                "a huge field", "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "y", count: 70_000) + "\r\n\r\n",
                431),
        ]

        @Test("What libmicrohttpd refuses closes the connection and reaches no handler", arguments: refusedByLibrary)
        func refusedWithItsOwnPage(_ request: MalformedRequest) async throws {
            let server = try TestServer { _ in Response(status: 200, body: .bytes(Array("served".utf8))) }
            let client = try server.connect()
            _ = client.sendWhatFits(Array((request.text + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n").utf8))
            client.finishSending()
            let answer = String(decoding: try client.readToEnd(), as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 \(request.status) "), "\(answer)")
            #expect(!answer.contains("served"))
            await server.stop()
        }
    }
}
