import Domain
import Glibc
import HTTP
import Synchronization
import Telemetry
import Testing

extension HTTPSuite {
    @Suite("Answers") struct ResponseTests {
        @Test("A part of a file is sent, to GET with content and to HEAD without")
        func file() async throws {
            let content = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 11 &+ $0 >> 9) }
            let server = try TestServer { _ in
                Response(
                    status: 206,
                    body: .file(ResponseFile(owning: temporaryFile(content), offset: 1_000, length: 4_000_000)))
            }
            let client = try server.connect()
            for _ in 0..<2 {
                let answer = try client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(answer.status == 206)
                #expect(answer.body == Array(content[1_000..<4_001_000]))
            }
            let head = try client.exchange("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", toHead: true)
            #expect(head.header("Content-Length") == "4000000")
            #expect(try client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").body.count == 4_000_000)
            let entries = try await server.accessLog(count: 4)
            #expect(entries.map { $0["bytes_out"] as? Int } == [4_000_000, 4_000_000, 0, 4_000_000])
            await server.stop()
        }

        @Test("The descriptors of answers are closed, sent or not")
        func descriptors() async throws {
            let server = try TestServer { request in
                let file = ResponseFile(owning: temporaryFile([1, 2, 3]), length: 3)
                if request.head.path == "/early" { return Response(status: 200, body: .file(file)) }
                if request.head.path == "/dropped" { return Response(status: 204) }
                return Response(status: 200, body: .file(file))
            }
            let before = openDescriptors(of: server.port)
            #expect(before == 1, "the listening socket alone")
            for target in ["GET /", "GET /dropped", "HEAD /", "GET /", "POST /early"] {
                let client = try server.connect()
                let length = target.hasPrefix("POST") ? "Content-Length: 9\r\n" : ""
                let answer = try client.exchange(
                    "\(target) HTTP/1.1\r\nHost: a\r\n\(length)\r\n", toHead: target.hasPrefix("HEAD"))
                #expect(answer.status == (target == "GET /dropped" ? 204 : 200))
            }
            try await eventually { openDescriptors(of: server.port) == before }
            await server.stop()
        }

        @Test("A 304 names the length without sending it, a 204 has no length, an empty 200 has 0")
        func withoutBody() async throws {
            let server = try TestServer { request in
                switch request.head.path {
                case "/304":
                    Response(status: 304, headers: HeaderFields([("ETag", "\"x\"")]), body: .omitted(length: 1_234))
                case "/204": Response(status: 204)
                default: Response(status: 200)
                }
            }
            let client = try server.connect()
            let unmodified = try client.exchange("GET /304 HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(unmodified.status == 304)
            #expect(unmodified.header("Content-Length") == "1234")
            #expect(unmodified.header("ETag") == "\"x\"")
            let nothing = try client.exchange("GET /204 HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(nothing.status == 204 && nothing.header("Content-Length") == nil)
            #expect(try client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").header("Content-Length") == "0")
            let early = try client.exchange("PUT /304 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
            #expect(early.status == 304 && early.header("Content-Length") == "1234")
            #expect(try client.readToEnd().isEmpty)
            await server.stop()
        }

        @Test("A header field that would break the answer is left out and reported", arguments: [false, true])
        func headerInjection(isEarly: Bool) async throws {
            let server = try TestServer { _ in
                var response = Response(status: 200, body: .bytes([65]))
                response.headers.append("X-Good", "fine \u{e4}")
                response.headers.append("X-Bad", "a\r\nSet-Cookie: b")
                response.headers.append("Bad Name", "x")
                response.headers.append("Content-Length", "9")
                response.headers.append("Transfer-Encoding", "chunked")
                return response
            }
            let client = try server.connect()
            let length = isEarly ? "Content-Length: 5\r\n" : ""
            let answer = try client.exchange("PUT / HTTP/1.1\r\nHost: a\r\n\(length)\r\n")
            #expect(answer.text == "A")
            #expect(answer.header("X-Good") == "fine \u{e4}")
            #expect(answer.header("X-Bad") == nil && answer.header("Set-Cookie") == nil)
            #expect(answer.header("Content-Length") == "1" && answer.header("Transfer-Encoding") == nil)
            #expect(server.log.contains("\"names\":[\"X-Bad\",\"Bad Name\",\"Content-Length\",\"Transfer-Encoding\"]"))
            await server.stop()
        }

        @Test("A failure's answer carries Retry-After and its fields; its private detail goes to the log only")
        func failure() async throws {
            let server = try TestServer { _ in
                Response(
                    failure: Failure(
                        .tooManyRequests, "Slow down.", details: ["limit": 5], privateDetail: "bucket 7",
                        retryAfterSeconds: 12, headers: [("X-RateLimit-Limit", "5")]))
            }
            let answer = try server.connect().exchange(
                "GET /a?key=secret HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer sk\r\nX-Request-Id: my.id-1_2\r\n\r\n")
            #expect(answer.status == 429)
            #expect(
                answer.text
                    == "{\"success\":false,\"status\":429,\"error\":{\"message\":\"Slow down.\",\"type\":\"TooManyRequestsError\",\"code\":\"rate_limit_exceeded\",\"details\":{\"limit\":5}}}"
            )
            #expect(answer.header("Content-Type") == "application/json")
            #expect(answer.header("Retry-After") == "12")
            #expect(answer.header("X-RateLimit-Limit") == "5")
            #expect(answer.header("X-Request-Id") == "my.id-1_2")
            let entry = try #require(try await server.accessLog(count: 1).first)
            #expect(entry["request_id"] as? String == "my.id-1_2")
            #expect(entry["method"] as? String == "GET" && entry["path"] as? String == "/a")
            #expect(entry["listener"] as? String == "test" && entry["remote_address"] as? String == "127.0.0.1")
            #expect(entry["error"] as? String == "rate_limit_exceeded" && entry["detail"] as? String == "bucket 7")
            #expect(entry["duration_ms"] is Double || entry["duration_ms"] is Int)
            #expect(!server.log.contains("secret") && !server.log.contains("Bearer"))
            await server.stop()
            let metrics = server.metrics.exposition()
            #expect(
                metrics.contains("portcullis_http_requests_total{listener=\"test\",method=\"GET\",status=\"429\"} 1"))
            #expect(metrics.contains("portcullis_http_request_seconds_count{listener=\"test\"} 1"))
            #expect(metrics.contains("portcullis_http_connections{listener=\"test\"} 0"))
        }

        @Test(
            "A request id that is not usable is replaced",
            arguments: ["", "a b", "a/b", String(repeating: "x", count: 65), "\u{e4}"])
        func requestID(_ id: String) async throws {
            let server = try TestServer { Response(status: 200, body: .bytes(Array($0.head.id.utf8))) }
            let answer = try server.connect().exchange("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: \(id)\r\n\r\n")
            #expect(answer.text.utf8.count == 32 && answer.text != id)
            #expect(answer.header("X-Request-Id") == answer.text)
            await server.stop()
        }
    }
}

/// How many sockets of a server's port, on either side, and how many of these tests' temporary files this process has
/// open. Suites that run beside these open and close descriptors of their own.
func openDescriptors(of port: UInt16) -> Int {
    (0..<4_096).count { number in
        let descriptor = Int32(number)
        var target = [UInt8](repeating: 0, count: 256)
        let length = unsafe readlink("/proc/self/fd/\(descriptor)", &target, target.count)
        if length > 0, String(decoding: target[..<length], as: UTF8.self).hasPrefix("/tmp/http-tests-") { return true }
        return unsafe socketPort(descriptor, getsockname) == port || socketPort(descriptor, getpeername) == port
    }
}

private typealias AddressOf = (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32

private func socketPort(_ descriptor: Int32, _ addressOf: AddressOf) -> UInt16? {
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe addressOf(descriptor, $0, &length)
        }
    }
    return status == 0 && address.sin_family == sa_family_t(AF_INET) ? UInt16(bigEndian: address.sin_port) : nil
}
