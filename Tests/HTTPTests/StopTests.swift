import Domain
import Glibc
import HTTP
import Synchronization
import Telemetry
import Testing

extension HTTPSuite {
    @Suite("Stopping") struct StopTests {
        @Test("What is in flight is finished; new requests on open connections get 503, new connections none")
        func graceful() async throws {
            let gate = Gate()
            let server = try TestServer { request in
                if request.head.path == "/slow" { await gate.wait() }
                return Response(status: 200, body: .bytes(Array("done".utf8)))
            }
            let slow = try server.connect()
            try slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            let open = try server.connect()
            #expect(try open.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
            try await eventually { gate.waiterCount == 1 }
            async let stopped: Void = server.stop(graceMilliseconds: 10_000)
            try await eventually { (try? server.connect()) == nil }
            let refused = try open.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(refused.status == 503)
            #expect(refused.errorCode == "shutting_down")
            #expect(refused.header("Connection") == "close")
            #expect(refused.header("Retry-After") == "1")
            open.finishSending()
            gate.open()
            let finished = try slow.readResponse()
            #expect(finished.text == "done")
            #expect(finished.header("Connection") == "close")
            #expect(slow.isClosed())
            await stopped
        }

        @Test("After the grace the rest is cut, in whatever state it is, and the process lives")
        func cut() async throws {
            let gate = Gate()
            let failures = Mutex<[String]>([])
            let server = try TestServer({
                $0.drainIdleMilliseconds = 60_000; $0.drainTotalMilliseconds = 60_000
            }) { request in
                switch request.head.path {
                case "/refuse": return Response(failure: Failure(.payloadTooLarge))
                case "/paused":
                    _ = try? await request.body.read(into: CountingSink { _ in .success(.pause) })
                    await gate.wait()
                case "/reading":
                    do throws(Failure) {
                        _ = try await request.drain(into: CountingSink())
                    } catch { failures.withLock { $0.append(error.code.rawValue) } }
                default: await gate.wait()
                }
                return Response(status: 200)
            }
            var clients: [TestClient] = []
            for target in ["GET /waiting", "POST /waiting", "POST /paused", "POST /reading", "POST /refuse"] {
                for _ in 0..<5 {
                    let client = try server.connect()
                    let length = target.hasPrefix("POST") ? "Content-Length: 100\r\n" : ""
                    try client.send("\(target) HTTP/1.1\r\nHost: a\r\n\(length)\r\n\(length.isEmpty ? "" : "abc")")
                    clients.append(client)
                }
            }
            // And one in the middle of its head, one that says nothing.
            try clients.append(server.connect())
            try clients[25].send("GET / HT")
            try clients.append(server.connect())
            try await eventually { gate.waiterCount == 15 }
            let start = ContinuousClock.now
            await server.stop(graceMilliseconds: 200)
            #expect(ContinuousClock.now - start < .seconds(3))
            #expect(failures.withLock { $0 } == Array(repeating: "shutting_down", count: 5))
            for client in clients { _ = client.isClosed() }
            // Handlers that come back late find nobody; that must do no harm.
            gate.open()
            try await Task.sleep(for: .milliseconds(50))
        }

        @Test("A client that does not read its large answer does not hold up the stop")
        func unreadAnswer() async throws {
            let server = try TestServer { _ in
                Response(status: 200, body: .bytes([UInt8](repeating: 1, count: 50_000_000)))
            }
            let client = try server.connect()
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try client.readBody(1)
            await server.stop(graceMilliseconds: 100)
            let entry = try #require(try server.accessLog().first)
            #expect(entry["aborted"] as? Bool == true)
        }

        @Test("Stopping while requests pour in neither crashes nor hangs", arguments: 0..<10)
        func underLoad(_ round: Int) async throws {
            let server = try TestServer { request in
                do throws(Failure) {
                    if request.head.hasBody {
                        _ = try await request.drain(into: CountingSink { _ in .success(.pause) })
                    }
                    return Response(status: 200, body: .bytes(Array("ok".utf8)))
                } catch { return Response(failure: error) }
            }
            let port = server.port
            try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<12 {
                    group.addTask {
                        try await onThread { () -> Int in
                            var served = 0
                            let end = ContinuousClock.now + .seconds(30)
                            while ContinuousClock.now < end, let client = try? TestClient(port: port) {
                                let body = index % 3 == 0 ? "" : String(repeating: "x", count: 20_000)
                                let text =
                                    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                                while ContinuousClock.now < end, let answer = try? client.exchange(text),
                                    answer.status == 200
                                { served += 1 }
                            }
                            return served
                        }
                    }
                }
                try await Task.sleep(for: .milliseconds(100 + round * 7))
                await server.stop(graceMilliseconds: round % 2 == 0 ? 0 : 500)
                var served = 0
                for try await count in group { served += count }
                #expect(served > 0)
            }
        }

        @Test("A server that was never started stops, and one stops twice")
        func edges() async throws {
            let server = try TestServer { _ in Response(status: 204) }
            await server.stop()
            await server.stop()
            #expect(throws: HTTPError.alreadyStarted) { try server.http.start() }
            let idle = try HTTPServer(
                configuration: HTTPConfiguration(address: "127.0.0.1:0", name: "test"), executor: TestServer.executor,
                log: .init(minimumLevel: .error), metrics: server.metrics
            ) { _ in Response(status: 204) }
            await idle.stop(graceMilliseconds: 0)
        }
    }
}
