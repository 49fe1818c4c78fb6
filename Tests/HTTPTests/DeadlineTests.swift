import Domain
import Glibc
import HTTP
import Synchronization
import Testing

extension HTTPSuite {
    @Suite("Slow clients") struct DeadlineTests {
        private static let ok: @Sendable (Request) async -> Response = { _ in Response(status: 204) }

        @Test("A head that does not end in time is answered with 408, though a byte comes now and then")
        func slowHead() async throws {
            let server = try TestServer({ $0.headerTimeoutMilliseconds = 300 }, handler: Self.ok)
            let client = try server.connect()
            let start = ContinuousClock.now
            try client.send("GET / HTTP/1.1\r\nX: ")
            var bytes = 0
            while bytes < 200, client.isSilent(forMilliseconds: 40), client.sendWhatFits([65]) == 1 { bytes += 1 }
            let elapsed = ContinuousClock.now - start
            let answer = try client.readResponse()
            #expect(answer.status == 408)
            #expect(answer.errorCode == "request_timeout")
            #expect(client.isClosed())
            #expect(elapsed > .milliseconds(280) && elapsed < .milliseconds(1_500))
            await server.stop()
        }

        @Test("A connection without a single byte is ended after the time for a head")
        func silence() async throws {
            let server = try TestServer({ $0.headerTimeoutMilliseconds = 200 }, handler: Self.ok)
            let client = try server.connect()
            #expect(try client.readResponse().status == 408)
            #expect(client.isClosed())
            await server.stop()
        }

        @Test("The time of a further request begins with its first byte; without one the connection just ends")
        func furtherRequests() async throws {
            let server = try TestServer(
                {
                    $0.headerTimeoutMilliseconds = 1_000
                    $0.idleTimeoutMilliseconds = 6_000
                }, handler: Self.ok)
            let idle = try server.connect()
            #expect(try idle.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 204)
            let slow = try server.connect()
            #expect(try slow.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 204)
            // Longer than the time for a head, and still open.
            try await Task.sleep(for: .milliseconds(1_500))
            #expect(try slow.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 204)
            try await Task.sleep(for: .milliseconds(100))
            try slow.send("GET / HT")
            #expect(try slow.readResponse().status == 408)
            #expect(try idle.readToEnd().isEmpty)
            await server.stop()
        }

        @Test("A body below the floor is answered with 408, and its reader learns it", arguments: [true, false])
        func slowBody(sendsNothing: Bool) async throws {
            let failures = Mutex<[String]>([])
            let server = try TestServer({
                $0.bodyWindowMilliseconds = 400
                $0.minimumBodyBytesPerSecond = 1_000
                $0.drainIdleMilliseconds = 200
            }) { request in
                do throws(Failure) {
                    _ = try await request.drain(into: CountingSink())
                } catch {
                    failures.withLock { $0.append(error.code.rawValue) }
                }
                return Response(status: 200)
            }
            let client = try server.connect()
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
            try client.expectTooSlow(sendsNothing: sendsNothing)
            try await eventually { failures.withLock { $0 } == ["request_timeout"] }
            try await server.expectOnlyTimeout()
        }

        @Test("A slow body above the floor is served")
        func steadyBody() async throws {
            // Ten times the floor, so that a busy machine does not make it slow; and longer than a window.
            let server = try TestServer({
                $0.bodyWindowMilliseconds = 2_000
                $0.minimumBodyBytesPerSecond = 700
            }) { request in
                do throws(Failure) {
                    let sink = CountingSink()
                    _ = try await request.drain(into: sink)
                    return Response(json: .integer(Int64(sink.bytes)))
                } catch { return Response(failure: error) }
            }
            let client = try server.connect()
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18000\r\n\r\n")
            for _ in 0..<60 {
                try client.send([UInt8](repeating: 65, count: 300))
                try await Task.sleep(for: .milliseconds(40))
            }
            #expect(try client.readResponse().text == "18000")
            await server.stop()
        }

        @Test("Time in which the service lets a body wait is not held against the client")
        func pausedBody() async throws {
            let server = try TestServer({
                $0.bodyWindowMilliseconds = 200
                $0.minimumBodyBytesPerSecond = 1_000
            }) { request in
                do throws(Failure) {
                    let sink = CountingSink { _ in .success(.pause) }
                    _ = try await request.body.read(into: sink)
                    try? await Task.sleep(for: .milliseconds(900))
                    _ = try await request.drain(into: sink)
                    return Response(json: .integer(Int64(sink.bytes)))
                } catch { return Response(failure: error) }
            }
            let client = try server.connect()
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 600\r\n\r\n")
            try client.send([UInt8](repeating: 65, count: 300))
            try await Task.sleep(for: .milliseconds(1_000))
            try client.send([UInt8](repeating: 65, count: 300))
            #expect(try client.readResponse().text == "600")
            await server.stop()
        }

        @Test("A handler may take longer than any limit for clients")
        func slowHandler() async throws {
            let server = try TestServer({
                $0.headerTimeoutMilliseconds = 100
                $0.idleTimeoutMilliseconds = 100
                $0.bodyWindowMilliseconds = 100
            }) { _ in
                try? await Task.sleep(for: .milliseconds(700))
                return Response(status: 204)
            }
            #expect(try server.connect().exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 204)
            await server.stop()
        }
    }
}
