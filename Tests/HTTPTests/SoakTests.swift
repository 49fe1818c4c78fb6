import Domain
import Glibc
import HTTP
import Synchronization
import Telemetry
import Testing

extension HTTPSuite {
    @Suite("All at once") struct SoakTests {
        @Test("Clients that do everything wrong leave nothing behind: no connection, no descriptor, no request")
        func randomClients() async throws {
            let port = try await serveThem()
            try await eventually { openDescriptors(of: port) == 0 }
        }

        /// Returns the port of the server, which was stopped.
        private func serveThem() async throws -> UInt16 {
            let server = try TestServer({
                $0.headerTimeoutMilliseconds = 300
                $0.bodyWindowMilliseconds = 200
                $0.minimumBodyBytesPerSecond = 1_000
                $0.drainIdleMilliseconds = 100
                $0.idleTimeoutMilliseconds = 300
            }) { request in
                do throws(Failure) {
                    switch request.head.path {
                    case "/refuse": throw Failure(.payloadTooLarge)
                    case "/fail":
                        _ = try await request.drain(
                            into: CountingSink { $0 > 700 ? .failure(Failure(.conflict)) : .success(.more) })
                    case "/pause": _ = try await request.drain(into: CountingSink { _ in .success(.pause) })
                    case "/leave": _ = try await request.body.read(into: CountingSink { _ in .success(.pause) })
                    case "/file":
                        return Response(
                            status: 200, body: .file(ResponseFile(owning: temporaryFile([1, 2, 3]), length: 3)))
                    default: _ = try await request.drain(into: CountingSink())
                    }
                    return Response(status: 200, body: .bytes(Array("ok".utf8)))
                } catch {
                    return Response(failure: error)
                }
            }
            let port = server.port
            try await withThrowingTaskGroup(of: Void.self) { group in
                for seed in 0..<24 {
                    group.addTask { try await onThread { try Self.misbehave(port, seed: UInt64(seed)) } }
                }
                try await group.waitForAll()
            }
            // One that behaves is still served.
            #expect(try server.connect().exchange("GET /file HTTP/1.1\r\nHost: a\r\n\r\n").body == [1, 2, 3])
            try await eventually {
                server.metrics.exposition().contains("portcullis_http_connections{listener=\"test\"} 0")
            }
            await server.stop(graceMilliseconds: 0)
            return port
        }

        private struct Seeded: RandomNumberGenerator {
            var state: UInt64
            mutating func next() -> UInt64 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return state ^ state >> 29
            }
        }

        private static func misbehave(_ port: UInt16, seed: UInt64) throws {
            var random = Seeded(state: seed)
            for _ in 0..<25 {
                guard let client = try? TestClient(port: port) else { continue }
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let bytes = request(&random)
                    let cut =
                        Bool.random(using: &random) ? bytes.count : Int.random(in: 0...bytes.count, using: &random)
                    let step = [1, 100, 100_000].randomElement(using: &random) ?? 1
                    for start in stride(from: 0, to: cut, by: step) {
                        _ = client.sendWhatFits(Array(bytes[start..<min(start + step, cut)]))
                    }
                    switch Int.random(in: 0..<8, using: &random) {
                    case 0: client.reset()
                    case 1: client.finishSending()
                    case 2: usleep(20_000)
                    case 3 where cut < bytes.count: usleep(350_000)
                    case 4 where cut < bytes.count: break
                    default:
                        if cut < bytes.count { client.finishSending() }
                        _ = try? client.readResponse()
                    }
                }
            }
        }

        private static func request(_ random: inout Seeded) -> [UInt8] {
            let path = ["/", "/refuse", "/fail", "/pause", "/leave", "/file"].randomElement(using: &random) ?? "/"
            let expect = Int.random(in: 0..<5, using: &random) == 0 ? "Expect: 100-continue\r\n" : ""
            let size = [0, 3, 1_000, 50_000].randomElement(using: &random) ?? 0
            let body = String(repeating: "x", count: size)
            if Bool.random(using: &random) {
                return Array("POST \(path) HTTP/1.1\r\nHost: a\r\n\(expect)Content-Length: \(size)\r\n\r\n\(body)".utf8)
            }
            let chunk = String(repeating: "a\r\n0123456789\r\n", count: size / 10)
            let end = Int.random(in: 0..<6, using: &random) == 0 ? "zz\r\n" : "0\r\n\r\n"
            return Array(
                "POST \(path) HTTP/1.1\r\nHost: a\r\n\(expect)Transfer-Encoding: chunked\r\n\r\n\(chunk)\(end)".utf8)
        }
    }
}
