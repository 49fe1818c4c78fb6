import Domain
import HTTP
import Synchronization
import Testing

extension HTTPSuite {
    @Suite("Small bodies, read before their handler") struct GatheredBodyTests {
        private static let limit = 1_000

        /// Answers with what it was called with, and counts its calls.
        private func server(
            calls: Counter, _ adjust: (inout HTTPConfiguration) -> Void = { _ in }
        ) throws -> TestServer {
            try TestServer({
                $0.maximumGatheredBytes = Int64(Self.limit)
                adjust(&$0)
            }) { request in
                calls.increase()
                let isWhole = request.body.isWhole
                if request.head.path == "/unread" { return Response(failure: Failure(.forbidden)) }
                let sink = CountingSink()
                do throws(Failure) {
                    _ = try await request.drain(into: sink)
                } catch {
                    return Response(failure: error)
                }
                return Response(json: [
                    "whole": .bool(isWhole), "bytes": .integer(Int64(sink.bytes)),
                    "checksum": .string(String(sink.checksum)),
                ])
            }
        }

        private func answer(_ content: [UInt8], isWhole: Bool) -> String {
            "{\"whole\":\(isWhole),\"bytes\":\(content.count),\"checksum\":\"\(CountingSink.checksum(content))\"}"
        }

        @Test("The handler runs when the last byte is there, not before, and finds them all")
        func handlerWaits() async throws {
            let calls = Counter()
            let server = try server(calls: calls)
            let client = try server.connect()
            let content = (0..<Self.limit).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(content.count)\r\n\r\n")
            try client.send(Array(content.prefix(999)))
            #expect(client.isSilent(forMilliseconds: 150))
            #expect(calls.value == 0)
            try client.send(Array(content.suffix(1)))
            #expect(try client.readResponse().text == answer(content, isWhole: true))
            #expect(calls.value == 1)
            for byte in "PATCH / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc".utf8 { try client.send([byte]) }
            #expect(try client.readResponse().text == answer(Array("abc".utf8), isWhole: true))
            let entries = try await server.accessLog(count: 2)
            #expect(entries.map { $0["bytes_in"] as? Int } == [1_000, 3])
            await server.stop()
        }

        @Test("A refusal that reads nothing keeps the connection, and the next request is found where it begins")
        func refusalKeepsConnection() async throws {
            let server = try server(calls: Counter())
            let client = try server.connect()
            for _ in 0..<3 {
                try client.send(
                    "POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd"
                        + "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nef")
                let refused = try client.readResponse()
                #expect(refused.status == 403 && refused.header("Connection") != "close")
                #expect(try client.readResponse().text == answer(Array("ef".utf8), isWhole: true))
            }
            await server.stop()
        }

        @Test(
            "Larger and chunked bodies, PUT and a client that waits for 100 Continue reach the handler as before",
            arguments: [
                ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", [UInt8](repeating: 1, count: 1_001)),
                ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n", [UInt8]("ab".utf8)),
                ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n", [UInt8]("ab".utf8)),
            ])
        func others(_ head: String, _ content: [UInt8]) async throws {
            let calls = Counter()
            let server = try server(calls: calls)
            let client = try server.connect()
            try client.send(head)
            try await eventually { calls.value == 1 }
            if head.contains("Expect") { #expect(try client.readResponse().status == 100) }
            try client.send(content)
            #expect(try client.readResponse().text == answer(content, isWhole: false))
            let chunked = try server.connect()
            try chunked.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            try await eventually { calls.value == 2 }
            try chunked.send("2\r\nab\r\n0\r\n\r\n")
            #expect(try chunked.readResponse().text == answer(Array("ab".utf8), isWhole: false))
            await server.stop()
        }

        @Test("A body below the floor is answered with 408; its handler never runs", arguments: [true, false])
        func slowBody(sendsNothing: Bool) async throws {
            let calls = Counter()
            let server = try server(calls: calls) {
                $0.bodyWindowMilliseconds = 400
                $0.minimumBodyBytesPerSecond = 1_000
                $0.drainIdleMilliseconds = 200
            }
            let client = try server.connect()
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n")
            try client.expectTooSlow(sendsNothing: sendsNothing)
            try await server.expectOnlyTimeout()
            #expect(calls.value == 0)
        }

        @Test("A client that leaves in the middle leaves nothing behind", arguments: [true, false])
        func leavingClient(isHalfClosed: Bool) async throws {
            let calls = Counter()
            let server = try server(calls: calls)
            do {
                let client = try server.connect()
                try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\nabc")
                if isHalfClosed {
                    client.finishSending()
                    _ = try client.readToEnd()
                }
            }
            _ = try await server.accessLog(count: 1)
            #expect(calls.value == 0)
            #expect(try server.connect().exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
            await server.stop()
            #expect(try server.accessLog().count == 2)
        }

        @Test("A client that ends its sending side after the body gets its answer")
        func halfClosedAfterBody() async throws {
            let server = try server(calls: Counter())
            for _ in 0..<50 {
                let client = try server.connect()
                try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
                client.finishSending()
                #expect(try client.readResponse().text == answer(Array("abc".utf8), isWhole: true))
            }
            await server.stop()
        }

        @Test("A sink that pauses gets every byte once; what a sink throws stays")
        func pausingAndFailingSinks() async throws {
            let failure = Failure(.payloadTooLarge, "Too large.")
            let server = try TestServer({ $0.maximumGatheredBytes = 1_000 }) { request in
                let isFailing = request.head.path == "/fail"
                let sink = CountingSink { _ in isFailing ? .failure(failure) : .success(.pause) }
                var messages: [JSONValue] = []
                for _ in 0..<3 {
                    do throws(Failure) {
                        messages.append(try await request.body.read(into: sink) == .paused ? "paused" : "ended")
                    } catch {
                        messages.append(.string(error.message))
                    }
                }
                return Response(json: ["bytes": .integer(Int64(sink.bytes)), "read": .array(messages)])
            }
            let client = try server.connect()
            #expect(
                try client.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde").text
                    == "{\"bytes\":5,\"read\":[\"paused\",\"ended\",\"ended\"]}")
            #expect(
                try client.exchange("POST /fail HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde").text
                    == "{\"bytes\":5,\"read\":[\"Too large.\",\"Too large.\",\"Too large.\"]}")
            await server.stop()
        }

        @Test("The server stops while bodies are half there")
        func stop() async throws {
            let calls = Counter()
            let server = try server(calls: calls)
            let clients = try (0..<4).map { _ in try server.connect() }
            for client in clients { try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\nabc") }
            try await Task.sleep(for: .milliseconds(50))
            let start = ContinuousClock.now
            await server.stop(graceMilliseconds: 200)
            #expect(ContinuousClock.now - start < .seconds(10))
            for client in clients { #expect(client.isClosed()) }
            #expect(calls.value == 0)
        }
    }
}

private final class Counter: Sendable {
    private let count = Atomic(0)
    func increase() { count.add(1, ordering: .relaxed) }
    var value: Int { count.load(ordering: .relaxed) }
}
