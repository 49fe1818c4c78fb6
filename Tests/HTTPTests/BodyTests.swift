import Domain
import Foundation
import Glibc
import HTTP
import Synchronization
import Testing

extension HTTPSuite {
    @Suite("Bodies") struct BodyTests {
        private func counting(_ sink: CountingSink) -> @Sendable (Request) async -> Response {
            { request in
                do throws(Failure) {
                    let pauses = try await request.drain(into: sink)
                    return Response(
                        json: ["bytes": .integer(Int64(sink.bytes)), "pauses": .integer(Int64(pauses))])
                } catch {
                    return Response(failure: error)
                }
            }
        }

        @Test("A chunked body with extensions, mixed sizes and trailers arrives whole, whatever the pieces on the wire")
        func chunkedInPieces() async throws {
            let content = (0..<3_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }
            var wire = Array("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n".utf8)
            var rest = content[...]
            for (index, size) in [1, 2, 15, 16, 17, 255, 1_000, 1_694].enumerated() {
                wire += Array(
                    "\(String(size, radix: 16, uppercase: index % 2 == 0))\(index == 3 ? ";a=\"b\"" : "")\r\n".utf8)
                wire += rest.prefix(size) + [13, 10]
                rest = rest.dropFirst(size)
            }
            #expect(rest.isEmpty)
            wire += Array("0\r\nX-Trailer: yes\r\n\r\n".utf8)
            for step in [1, 7, 64, 5_000] {
                let sink = CountingSink()
                let server = try TestServer(handler: counting(sink))
                let client = try server.connect()
                for start in stride(from: 0, to: wire.count, by: step) {
                    try client.send(Array(wire[start..<min(start + step, wire.count)]))
                }
                #expect(try client.readResponse().text == "{\"bytes\":3000,\"pauses\":0}")
                #expect(sink.checksum == CountingSink.checksum(content))
                #expect(try client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
                await server.stop()
            }
        }

        @Test(
            "A malformed chunk is refused with 400, and the reader learns it",
            arguments: [
                "zz\r\nabc\r\n", "-1\r\nabc\r\n", "3\r\nabcd\r\n0\r\n\r\n", "\r\n0\r\n\r\n", "0x3\r\nabc\r\n",
                " 3\r\nabc\r\n",
            ])
        func malformedChunk(_ chunk: String) async throws {
            let failures = Mutex<[String]>([])
            let server = try TestServer { request in
                do throws(Failure) {
                    _ = try await request.drain(into: CountingSink())
                    return Response(status: 200)
                } catch {
                    failures.withLock { $0.append(error.code.rawValue) }
                    return Response(failure: error)
                }
            }
            let client = try server.connect()
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
            client.finishSending()
            let answer = String(decoding: try client.readToEnd(), as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 400 "))
            try await eventually { failures.withLock { $0 } == ["bad_request"] }
            await server.stop()
        }

        @Test("A request that arrives byte by byte is served")
        func byteByByte() async throws {
            let sink = CountingSink()
            let server = try TestServer(handler: counting(sink))
            let client = try server.connect()
            for byte in "POST /a%20b?x=y HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789".utf8 {
                try client.send([byte])
            }
            #expect(try client.readResponse().text == "{\"bytes\":10,\"pauses\":0}")
            #expect(sink.checksum == CountingSink.checksum(Array("0123456789".utf8)))
            await server.stop()
        }

        @Test("Pauses lose and repeat nothing", arguments: [true, false])
        func pauses(isChunked: Bool) async throws {
            let content = (0..<2_000_000).map { UInt8(truncatingIfNeeded: $0 &* 13 &+ $0 >> 8) }
            let sink = CountingSink { _ in .success(.pause) }
            let server = try TestServer(handler: counting(sink))
            let port = server.port
            let answer = try await onThread {
                let client = try TestClient(port: port)
                if isChunked {
                    try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                    for start in stride(from: 0, to: content.count, by: 500) {
                        try client.send(Array("1f4\r\n".utf8) + content[start..<start + 500] + [13, 10])
                    }
                    try client.send("0\r\n\r\n")
                } else {
                    try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n")
                    try client.send(content)
                }
                return try client.readResponse()
            }
            #expect(answer.text == "{\"bytes\":2000000,\"pauses\":\(sink.slices)}")
            #expect(sink.slices > 10)
            #expect(sink.checksum == CountingSink.checksum(content))
            await server.stop()
        }

        /// The mechanism guarded: libmicrohttpd goes on to the next chunk of a slice though the connection was suspended
        /// within the one before, just while the reader resumes it. Whoever suspends then must see that it was resumed.
        @Test("Pausing at each of many small chunks leaves no upload behind")
        func pausesBetweenSmallChunks() async throws {
            let server = try TestServer { request in
                do throws(Failure) {
                    let sink = CountingSink { _ in .success(.pause) }
                    _ = try await request.drain(into: sink)
                    return Response(json: .integer(Int64(sink.bytes)))
                } catch { return Response(failure: error) }
            }
            let port = server.port
            try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        try await onThread {
                            let client = try TestClient(port: port)
                            try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                            try client.send(String(repeating: "a\r\n0123456789\r\n", count: 5_000) + "0\r\n\r\n")
                            return try client.readResponse().text
                        }
                    }
                }
                for try await text in group { #expect(text == "50000") }
            }
            await server.stop()
        }

        @Test("A paused body holds the client back")
        func backPressure() async throws {
            let gate = Gate()
            let sink = CountingSink { $0 < 10_000_000 ? .success(.pause) : .success(.more) }
            let server = try TestServer { request in
                do throws(Failure) {
                    _ = try await request.body.read(into: sink)
                    await gate.wait()
                    _ = try await request.drain(into: sink)
                    return Response(status: 204)
                } catch { return Response(failure: error) }
            }
            let port = server.port
            let size = 64 * 1_048_576
            let sent = Mutex(0)
            async let status = onThread {
                let client = try TestClient(port: port)
                try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n")
                let piece = [UInt8](repeating: 1, count: 65_536)
                for _ in 0..<size / piece.count {
                    try client.send(piece)
                    sent.withLock { $0 += piece.count }
                }
                return try client.readResponse().status
            }
            try await eventually { gate.waiterCount == 1 }
            try await Task.sleep(for: .milliseconds(300))
            // Only what fits into the two sockets' buffers went out.
            #expect(sent.withLock { $0 } < size / 2)
            #expect(sink.bytes < 1_000_000)
            gate.open()
            #expect(try await status == 204)
            #expect(sink.bytes == size)
            await server.stop()
        }

        @Test("A handler that answers after a pause ends the upload")
        func answerAfterPause() async throws {
            let server = try TestServer { request in
                do throws(Failure) {
                    _ = try await request.body.read(into: CountingSink { _ in .success(.pause) })
                    return Response(failure: Failure(.insufficientCredits))
                } catch { return Response(failure: error) }
            }
            let client = try server.connect()
            let answer = try client.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc")
            #expect(answer.status == 402)
            #expect(try client.readToEnd().isEmpty)
            await server.stop()
        }

        @Test("A client that leaves within the body ends the reading; nothing is answered", arguments: [true, false])
        func disconnect(inOrder: Bool) async throws {
            let failures = Mutex<[String]>([])
            let server = try TestServer { request in
                do throws(Failure) {
                    _ = try await request.drain(into: CountingSink())
                } catch {
                    failures.withLock { $0.append(error.code.rawValue) }
                }
                return Response(status: 200)
            }
            let client = try server.connect()
            try client.send("POST /gone HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc")
            try await Task.sleep(for: .milliseconds(50))
            if inOrder { client.finishSending() } else { client.reset() }
            try await eventually { failures.withLock { $0 } == ["truncated_body"] }
            let entry = try #require(try await server.accessLog(count: 1).first)
            #expect(entry["status"] as? Int == 499)
            #expect(entry["aborted"] as? Bool == true)
            #expect(entry["bytes_in"] as? Int == 3)
            await server.stop()
        }

        // The end arrives with the last data, while the connection is suspended. The socket is watched edge-triggered, so
        // libmicrohttpd reads the data and never hears of the end.
        @Test("A body that ends too early while the handler thinks is given up at once, not when its time is over")
        func endsWithItsData() async throws {
            let gate = Gate()
            let failures = Mutex<[String]>([])
            let server = try TestServer { request in
                await gate.wait()
                do throws(Failure) {
                    _ = try await request.drain(into: CountingSink())
                } catch { failures.withLock { $0.append(error.code.rawValue) } }
                return Response(status: 200)
            }
            let client = try server.connect()
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
            try client.send(String(repeating: "x", count: 50_000))
            client.finishSending()
            try await Task.sleep(for: .milliseconds(100))
            gate.open()
            try await eventually { failures.withLock { $0 } == ["truncated_body"] }
            await server.stop()
        }

        @Test("A client that leaves while the handler thinks does no harm", arguments: [true, false])
        func disconnectWhileHandling(hasBody: Bool) async throws {
            let gate = Gate()
            let server = try TestServer { request in
                await gate.wait()
                return Response(status: 200, body: .bytes([1]))
            }
            do {
                let client = try server.connect()
                try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(hasBody ? 5 : 0)\r\n\r\n")
                try await eventually { gate.waiterCount == 1 }
                client.reset()
            }
            try await Task.sleep(for: .milliseconds(50))
            gate.open()
            _ = try await server.accessLog(count: 1)
            #expect(try server.connect().exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
            await server.stop()
        }

        @Test("collect refuses an announced body above its limit unread, and a chunked one when it gets there")
        func collectLimit() async throws {
            let server = try TestServer { request in
                do throws(Failure) {
                    return Response(status: 200, body: .bytes(try await request.body.collect(maximumBytes: 8)))
                } catch { return Response(failure: error) }
            }
            let client = try server.connect()
            let exact = try client.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n12345678")
            #expect(exact.text == "12345678")
            let announced = try client.exchange(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
            #expect(announced.status == 413)
            let chunked = try server.connect().exchange(
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n4\r\n6789\r\n")
            #expect(chunked.status == 413)
            await server.stop()
        }

        @Test("300 MB go through a sink in constant memory")
        func largeBody() async throws {
            final class Counter: BodySink {
                let add: @Sendable (Int) -> Void
                init(_ add: @escaping @Sendable (Int) -> Void) { self.add = add }
                func receive(_ slice: RawSpan) throws(Failure) -> BodyDemand {
                    add(slice.byteCount)
                    return .more
                }
            }
            let total = Total()
            let server = try TestServer { request in
                do throws(Failure) {
                    _ = try await request.drain(into: Counter { total.add($0) })
                    return Response(status: 201)
                } catch { return Response(failure: error) }
            }
            let port = server.port
            let before = residentBytes()
            let status = try await onThread {
                let client = try TestClient(port: port)
                try client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 314572800\r\n\r\n")
                let piece = [UInt8](repeating: 9, count: 1_048_576)
                for _ in 0..<300 { try client.send(piece) }
                return try client.readResponse().status
            }
            #expect(status == 201)
            #expect(total.value == 314_572_800)
            // Other suites run beside this one; a body that were kept would show as 300 MB.
            #expect(residentBytes() - before < 100_000_000)
            await server.stop()
        }
    }
}

final class Total: Sendable {
    private let sum = Mutex(0)
    func add(_ amount: Int) { sum.withLock { $0 += amount } }
    var value: Int { sum.withLock { $0 } }
}

/// Memory of this process that is in RAM.
func residentBytes() -> Int {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
        let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return 0 }
    return pages * Int(getpagesize())
}
