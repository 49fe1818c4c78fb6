import Domain
import Glibc
import HTTP
import Synchronization
import Testing

extension HTTPSuite {
    @Suite("Answers before the end of the body") struct EarlyAnswerTests {
        static let refusal = Failure(.payloadTooLarge, "Too large.", headers: [("X-Why", "because")])

        @Test("With Expect: 100-continue the refusal comes instead of the 100, and no body is read")
        func refusedExpectation() async throws {
            let server = try TestServer { _ in Response(failure: Self.refusal) }
            let client = try server.connect()
            let answer = try client.exchange(
                "POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
            #expect(answer.status == 413)
            #expect(answer.errorCode == "payload_too_large")
            #expect(answer.header("Connection") == "close")
            #expect(answer.header("X-Why") == "because")
            #expect(try client.readToEnd().isEmpty)
            let entry = try #require(try await server.accessLog(count: 1).first)
            #expect(entry["bytes_in"] as? Int == 0)
            await server.stop()
        }

        @Test("With Expect: 100-continue the 100 comes when the handler reads, not before")
        func grantedExpectation() async throws {
            let gate = Gate()
            let server = try TestServer { request in
                await gate.wait()
                let sink = CountingSink()
                do throws(Failure) {
                    _ = try await request.drain(into: sink)
                    return Response(status: 201, json: ["bytes": .integer(Int64(sink.bytes))])
                } catch {
                    return Response(failure: error)
                }
            }
            let client = try server.connect()
            try client.send("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n")
            #expect(client.isSilent(forMilliseconds: 100))
            gate.open()
            #expect(try client.readResponse().status == 100)
            let answer = try client.exchange("abcdef")
            #expect(answer.status == 201)
            #expect(answer.text == "{\"bytes\":6}")
            #expect(try client.exchange("GET /x HTTP/1.1\r\nHost: a\r\n\r\n").status == 201)
            await server.stop()
        }

        /// The mechanism guarded: libmicrohttpd hands over none of the bytes behind such a request as if they were its body, and
        /// whoever suspends the connection for them has nobody to resume it.
        @Test(
            "A request without a body that expects 100 Continue is answered, whatever comes right behind it",
            arguments: [
                "GET / HTTP/1.1\r\nHost: a\r\n", "HEAD / HTTP/1.1\r\nHost: a\r\n",
                "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n",
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n",
            ], [0, 36_864])
        func expectationWithoutBody(_ head: String, gatheredBytes: Int64) async throws {
            let server = try TestServer({ $0.maximumGatheredBytes = gatheredBytes }) { _ in Response(status: 200) }
            let client = try server.connect()
            let next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
            try client.send(head + "Expect: 100-continue\r\n\r\n" + String(next.prefix(1)))
            var status = try client.readResponse(toHead: head.hasPrefix("HEAD")).status
            if status == 100 { status = try client.readResponse(toHead: head.hasPrefix("HEAD")).status }
            #expect(status == 200)
            #expect(try client.exchange(String(next.dropFirst())).status == 200)
            #expect(try await server.accessLog(count: 2).count == 2)
            let start = ContinuousClock.now
            await server.stop()
            #expect(ContinuousClock.now - start < .seconds(2))
        }

        /// The mechanism guarded: closing a socket with unread bytes resets the connection, and the reset discards the answer
        /// in the client's receive buffer. So the server has to drain what the client sends before it closes.
        @Test("A client that pushes 50 MB without reading finds the refusal afterwards")
        func pushingClient() async throws {
            let server = try TestServer { _ in Response(failure: Self.refusal) }
            let port = server.port
            let answer = try await onThread { () throws -> (Int, WireResponse, Bool) in
                let client = try TestClient(port: port)
                let size = 50 * 1_048_576
                try client.send("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n")
                let sent = client.sendWhatFits([UInt8](repeating: 7, count: size))
                let answer = try client.readResponse()
                return (sent, answer, try client.readToEnd().isEmpty)
            }
            #expect(answer.0 == 50 * 1_048_576)
            #expect(answer.1.status == 413)
            #expect(answer.1.errorCode == "payload_too_large")
            #expect(answer.2)
            await server.stop()
        }

        @Test("A failure of the sink in the middle of the body is answered at once, though the client pushes on")
        func failingSink() async throws {
            let seen = Mutex<[String]>([])
            let server = try TestServer { request in
                let sink = CountingSink { $0 > 1_000_000 ? .failure(Self.refusal) : .success(.more) }
                do throws(Failure) {
                    _ = try await request.drain(into: sink)
                    return Response(status: 201)
                } catch {
                    seen.withLock { $0.append(error.message) }
                    // The failure stays: nothing more of this body is handed out.
                    let again: String
                    do throws(Failure) {
                        _ = try await request.body.read(into: sink)
                        again = "read on"
                    } catch { again = error.message }
                    seen.withLock { $0.append(again) }
                    return Response(failure: error)
                }
            }
            let port = server.port
            let answer = try await onThread { () throws -> (Int, WireResponse, Bool) in
                let client = try TestClient(port: port)
                let size = 20 * 1_048_576
                try client.send("PUT /up HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n")
                let sent = client.sendWhatFits([UInt8](repeating: 7, count: size))
                return (sent, try client.readResponse(), try client.readToEnd().isEmpty)
            }
            #expect(answer.0 == 20 * 1_048_576)
            #expect(answer.1.status == 413)
            #expect(answer.1.header("X-Why") == "because")
            #expect(answer.1.header("Connection") == "close")
            #expect(answer.2)
            #expect(seen.withLock { $0 } == ["Too large.", "Too large."])
            await server.stop()
        }

        @Test("An answer in the middle of a chunked body, to a client that waits for it, ends the connection")
        func failingSinkChunked() async throws {
            let server = try TestServer { request in
                do throws(Failure) {
                    _ = try await request.drain(into: CountingSink { _ in .failure(Self.refusal) })
                    return Response(status: 201)
                } catch { return Response(failure: error) }
            }
            let client = try server.connect()
            let answer = try client.exchange(
                "PUT /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n5\r\nfghij\r\n")
            #expect(answer.status == 413)
            #expect(try client.readToEnd().isEmpty)
            await server.stop()
        }

        @Test("What follows an early answer on the wire is not taken for a request")
        func noRequestAfterEarlyAnswer() async throws {
            let paths = Mutex<[String]>([])
            let server = try TestServer { request in
                paths.withLock { $0.append(request.head.path) }
                return Response(failure: Self.refusal)
            }
            let client = try server.connect()
            try client.send(
                "POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcdGET /two HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.readResponse().status == 413)
            #expect(try client.readToEnd().isEmpty)
            await server.stop()
            #expect(paths.withLock { $0 } == ["/one"])
        }

        @Test("The drain ends at its limit of bytes, of silence and of time")
        func drainLimits() async throws {
            let server = try TestServer({
                $0.drainMaximumBytes = 1_000_000
                $0.drainIdleMilliseconds = 150
                $0.drainTotalMilliseconds = 600
            }) { _ in Response(failure: Self.refusal) }
            let port = server.port
            let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000000\r\n\r\n"
            let sent = try await onThread {
                let client = try TestClient(port: port)
                try client.send(head)
                return client.sendWhatFits([UInt8](repeating: 7, count: 100_000_000))
            }
            #expect(sent < 100_000_000)
            let silent = try server.connect()
            let start = ContinuousClock.now
            #expect(try silent.exchange(head).status == 413)
            #expect(try silent.readToEnd().isEmpty)
            // The client sees the end of the answer at once, but only the cut lets the server's side go.
            let busy = try server.connect()
            #expect(try busy.exchange(head).status == 413)
            var sends = 0
            while busy.sendWhatFits([1]) == 1, sends < 100 {
                sends += 1
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(sends < 40)
            #expect(ContinuousClock.now - start < .seconds(5))
            await server.stop()
        }

        @Test("An early answer may be a file")
        func earlyFile() async throws {
            let content = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let server = try TestServer { _ in
                Response(
                    status: 200, body: .file(ResponseFile(owning: temporaryFile(content), offset: 10, length: 299_000)))
            }
            let client = try server.connect()
            let answer = try client.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
            #expect(answer.body == Array(content[10..<299_010]))
            #expect(try client.readToEnd().isEmpty)
            await server.stop()
        }
    }
}

/// Holds tasks until it is opened.
final class Gate: Sendable {
    private let state = Mutex<(isOpen: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))

    func wait() async {
        await withCheckedContinuation { waiter in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiters.append(waiter) }
                return state.isOpen
            }
            if isOpen { waiter.resume() }
        }
    }

    func open() {
        let waiters = state.withLock { state in
            defer { state = (true, []) }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    var waiterCount: Int { state.withLock { $0.waiters.count } }
}

/// An open, unnamed file with `content`.
func temporaryFile(_ content: [UInt8]) -> Int32 {
    var template = Array("/tmp/http-tests-XXXXXX".utf8CString)
    let descriptor = unsafe mkstemp(&template)
    unsafe unlink(template)
    var written = 0
    while written < content.count {
        let count = unsafe content.withUnsafeBytes {
            unsafe write(descriptor, $0.baseAddress?.advanced(by: written), $0.count - written)
        }
        precondition(count > 0, "the temporary file cannot be written")
        written += count
    }
    return descriptor
}
