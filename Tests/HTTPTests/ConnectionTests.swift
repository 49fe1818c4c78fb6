import Domain
import Glibc
import HTTP
import Synchronization
import Telemetry
import Testing

extension HTTPSuite {
    @Suite("Connections") struct ConnectionTests {
        private static let echo: @Sendable (Request) async -> Response = { request in
            do throws(Failure) {
                let sink = CountingSink()
                _ = try await request.drain(into: sink)
                return Response(
                    json: ["path": .string(request.head.path), "bytes": .integer(Int64(sink.bytes))])
            } catch {
                return Response(failure: error)
            }
        }

        @Test("200 clients at the same time are all served, with several requests each")
        func manyClients() async throws {
            let server = try TestServer(handler: Self.echo)
            let port = server.port
            let served = try await withThrowingTaskGroup(of: Int.self) { group in
                for client in 0..<200 {
                    group.addTask {
                        try await onThread {
                            let connection = try TestClient(port: port)
                            var served = 0
                            for round in 0..<5 {
                                let body = String(repeating: "x", count: client * 37 % 5_000)
                                let answer = try connection.exchange(
                                    "POST /\(client)/\(round) HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                                )
                                if answer.text == "{\"path\":\"/\(client)/\(round)\",\"bytes\":\(body.utf8.count)}" {
                                    served += 1
                                }
                            }
                            return served
                        }
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(served == 1_000)
            await server.stop()
            #expect(try server.accessLog().count == 1_000)
        }

        @Test("200 requests wait in their handlers at the same time")
        func manyWaiting() async throws {
            let gate = Gate()
            let server = try TestServer { _ in
                await gate.wait()
                return Response(status: 204)
            }
            var clients: [TestClient] = []
            for index in 0..<200 {
                let client = try server.connect()
                try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(index % 2)\r\n\r\n")
                clients.append(client)
            }
            try await eventually { gate.waiterCount == 200 }
            gate.open()
            for client in clients { #expect(try client.readResponse().status == 204) }
            await server.stop()
        }

        @Test("Pipelined requests are answered in order")
        func pipelining() async throws {
            let server = try TestServer(handler: Self.echo)
            let client = try server.connect()
            var text = ""
            for number in 0..<20 {
                text +=
                    number % 2 == 0
                    ? "GET /\(number) HTTP/1.1\r\nHost: a\r\n\r\n"
                    : "POST /\(number) HTTP/1.1\r\nHost: a\r\nContent-Length: \(number)\r\n\r\n\(String(repeating: "x", count: number))"
            }
            try client.send(text)
            for number in 0..<20 {
                let bytes = number % 2 == 0 ? 0 : number
                #expect(try client.readResponse().text == "{\"path\":\"/\(number)\",\"bytes\":\(bytes)}")
            }
            await server.stop()
        }

        @Test("An early answer to a pipelined request follows the answers before it, and is the last")
        func pipelinedEarlyAnswer() async throws {
            let server = try TestServer { request in
                request.head.path == "/no" ? Response(failure: Failure(.forbidden)) : await Self.echo(request)
            }
            let client = try server.connect()
            try client.send(
                "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"
                    + "POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nabGET /4 HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.readResponse().status == 200)
            #expect(try client.readResponse().text == "{\"path\":\"/2\",\"bytes\":2}")
            #expect(try client.readResponse().status == 403)
            #expect(try client.readToEnd().isEmpty)
            await server.stop()
        }

        @Test("HTTP/1.0 is served, closes by default and stays open when asked; a Host is not needed")
        func oldVersion() async throws {
            let server = try TestServer(handler: Self.echo)
            let closing = try server.connect()
            let first = try closing.exchange("GET /a HTTP/1.0\r\n\r\n")
            #expect(first.status == 200 && first.header("Connection") == "close")
            #expect(try closing.readToEnd().isEmpty)
            let staying = try server.connect()
            for _ in 0..<2 {
                let answer = try staying.exchange(
                    "POST /a HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab")
                #expect(answer.text == "{\"path\":\"/a\",\"bytes\":2}")
                #expect(answer.header("Connection") == "Keep-Alive")
            }
            await server.stop()
        }

        @Test("A client that shuts down its sending side after the request gets its answer")
        func halfClose() async throws {
            let server = try TestServer(handler: Self.echo)
            for text in [
                "GET /a HTTP/1.1\r\nHost: a\r\n\r\n", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab",
            ] {
                let client = try server.connect()
                try client.send(text)
                client.finishSending()
                #expect(try client.readResponse().status == 200)
                #expect(try client.readToEnd().isEmpty)
            }
            let entries = try await server.accessLog(count: 2)
            #expect(entries.map { $0["status"] as? Int } == [200, 200])
            #expect(entries.allSatisfy { $0["aborted"] == nil })
            await server.stop()
        }

        @Test("Connection: close is honoured")
        func connectionClose() async throws {
            let server = try TestServer(handler: Self.echo)
            let client = try server.connect()
            let answer = try client.exchange("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(answer.header("Connection") == "close")
            #expect(try client.readToEnd().isEmpty)
            await server.stop()
        }

        @Test("Connections above the limit wait until one is free")
        func connectionLimit() async throws {
            let server = try TestServer({ $0.connectionLimit = 3 }, handler: Self.echo)
            var clients = [try server.connect(), try server.connect(), try server.connect()]
            for client in clients { #expect(try client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200) }
            let waiting = try server.connect()
            try waiting.send("GET /waited HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(waiting.isSilent(forMilliseconds: 200))
            clients.removeFirst()
            #expect(try waiting.readResponse().status == 200)
            await server.stop()
        }

        @Test("IPv6 addresses are served")
        func ipv6() async throws {
            let server = try TestServer(address: "[::1]:0") {
                Response(status: 200, body: .bytes(Array($0.head.remoteAddress.utf8)))
            }
            let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = server.port.bigEndian
            unsafe inet_pton(AF_INET6, "::1", &address.sin6_addr)
            let status = unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
                }
            }
            #expect(status == 0)
            let client = TestClient(owning: descriptor)
            #expect(try client.exchange("GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n").text == "::1")
            await server.stop()
        }

        @Test("Query, path and headers are handed over decoded")
        func head() async throws {
            let heads = Mutex<[RequestHead]>([])
            let server = try TestServer { request in
                heads.withLock { $0.append(request.head) }
                return Response(status: 204)
            }
            let client = try server.connect()
            _ = try client.exchange(
                "PATCH /a%2Fb//%C3%A4+c?x=1&y=a+b%26&x=2&z&=e&%C3%A4=%3D HTTP/1.1\r\nHost:a:80\r\nX-One:  1 \r\nx-one: 2\r\n"
                    + "X-Empty:\r\nX-Text: \u{e4}\r\nContent-Length: 0\r\n\r\n")
            await server.stop()
            let head = try #require(heads.withLock { $0 }.first)
            #expect(head.method == .patch && head.path == "/a%2Fb//%C3%A4+c")
            #expect(head.pathSegments == ["a/b", "", "\u{e4}+c"])
            #expect(head.query["x"] == "1" && head.query.values("x") == ["1", "2"])
            #expect(head.query["y"] == "a b&" && head.query["z"] == "" && head.query[""] == "e")
            #expect(head.query["\u{e4}"] == "=" && head.query["none"] == nil && head.query.count == 6)
            #expect(head.headers["x-ONE"] == "1" && head.headers.values("X-One") == ["1", "2"])
            #expect(head.headers["X-Empty"] == "" && head.headers["X-Text"] == "\u{e4}")
            #expect(head.contentLength == 0 && !head.isChunked && !head.expectsContinue && !head.hasBody)
        }

        @Test("An address that cannot be listened on is a clear error")
        func addresses() async throws {
            let server = try TestServer(handler: Self.echo)
            func start(_ address: String) throws(HTTPError) {
                _ = try HTTPServer(
                    configuration: HTTPConfiguration(address: address, name: "test"), executor: TestServer.executor,
                    log: .init { _ in }, metrics: .init(), handler: Self.echo)
            }
            for address in [
                "", "localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "::1:80", "[::1]", "1.2.3:80",
                "127.0.0.1:+80",
            ] {
                let error = #expect(throws: HTTPError.self) { try start(address) }
                #expect(error?.description.contains("expected an IP address and a port") == true, "\(address)")
            }
            let taken = "127.0.0.1:\(server.port)"
            let error = #expect(throws: HTTPError.self) { try start(taken) }
            #expect(error?.description == "cannot listen on \(taken): bind failed: Address already in use")
            var configuration = HTTPConfiguration(address: "127.0.0.1:0", name: "test")
            configuration.maximumHeaderBytes = 1
            #expect(throws: HTTPError.self) {
                try HTTPServer(
                    configuration: configuration, executor: TestServer.executor, log: .init { _ in }, metrics: .init(),
                    handler: Self.echo)
            }
            await server.stop()
        }
    }
}
