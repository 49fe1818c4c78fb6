import Domain
import HTTP
import Testing

extension HTTPSuite {
    @Suite("Ranges and conditions") struct ContentSelectionTests {
        private func select(_ fields: [HeaderFields.Field], size: Int64 = 100) async throws -> ContentSelection {
            let (selections, continuation) = AsyncStream.makeStream(of: ContentSelection.self)
            let server = try TestServer { request in
                continuation.yield(ContentSelection(for: request.head, size: size, tag: EntityTag("abc")))
                return Response(status: 204)
            }
            let lines = fields.map { "\($0.name): \($0.value)\r\n" }.joined()
            _ = try server.connect().exchange("GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n")
            await server.stop()
            continuation.finish()
            for await selection in selections { return selection }
            throw TestProblem("the handler did not run")
        }

        @Test(
            "A single range selects its bytes",
            arguments: [
                ("bytes=0-9", 0, 9), ("bytes=90-", 90, 99), ("bytes=-10", 90, 99), ("bytes=0-0", 0, 0),
                ("bytes=99-99", 99, 99), ("bytes=50-1000", 50, 99), ("bytes=-1000", 0, 99), ("BYTES=1-2", 1, 2),
                ("bytes= 1-2", 1, 2), ("bytes=0-99999999999999999999", 0, 99),
            ])
        func part(_ range: String, _ first: Int64, _ last: Int64) async throws {
            let selection = try await select([("Range", range)])
            #expect(selection == .part(ByteRange(first: first, last: last)))
        }

        @Test(
            "A range outside of the content is unsatisfiable",
            arguments: ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999-"])
        func unsatisfiable(_ range: String) async throws {
            #expect(try await select([("Range", range)]) == .unsatisfiable)
        }

        @Test(
            "Several ranges, other units and malformed ranges get the whole",
            arguments: [
                "bytes=0-1,3-4", "items=0-1", "bytes=", "bytes=-", "bytes=5-4", "bytes=a-b", "bytes=1", "bytes=1-2-3",
                "bytes 0-1", "bytes=+1-2",
            ])
        func whole(_ range: String) async throws {
            #expect(try await select([("Range", range)]) == .whole)
        }

        @Test("Empty content has no satisfiable range")
        func empty() async throws {
            #expect(try await select([("Range", "bytes=0-")], size: 0) == .unsatisfiable)
            #expect(try await select([("Range", "bytes=-5")], size: 0) == .unsatisfiable)
            #expect(try await select([], size: 0) == .whole)
        }

        @Test("If-None-Match compares weakly and takes lists and stars")
        func ifNoneMatch() async throws {
            for value in ["\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "*", "\"x\" ,W/\"y\",W/\"abc\""] {
                #expect(
                    try await select([("If-None-Match", value), ("Range", "bytes=0-1")]) == .notModified, "\(value)")
            }
            for value in ["\"x\"", "abc", "\"ab\"", ""] {
                #expect(try await select([("If-None-Match", value)]) == .whole, "\(value)")
            }
        }

        @Test("If-Match compares strongly")
        func ifMatch() async throws {
            #expect(try await select([("If-Match", "\"abc\"")]) == .whole)
            #expect(try await select([("If-Match", "*")]) == .whole)
            #expect(try await select([("If-Match", "W/\"abc\"")]) == .preconditionFailed)
            #expect(try await select([("If-Match", "\"x\"")]) == .preconditionFailed)
        }

        @Test("If-Range lets a range through only for the same version")
        func ifRange() async throws {
            let part = ContentSelection.part(ByteRange(first: 1, last: 2))
            #expect(try await select([("Range", "bytes=1-2"), ("If-Range", "\"abc\"")]) == part)
            #expect(try await select([("Range", "bytes=1-2"), ("If-Range", "W/\"abc\"")]) == .whole)
            #expect(try await select([("Range", "bytes=1-2"), ("If-Range", "\"x\"")]) == .whole)
            let date = "Sun, 06 Nov 1994 08:49:37 GMT"
            #expect(try await select([("Range", "bytes=1-2"), ("If-Range", date)]) == .whole)
        }

        @Test("A part says where it lies, and a 416 how large the content is")
        func contentRange() {
            let range = ByteRange(first: 5, last: 9)
            #expect(range.length == 5)
            #expect(range.contentRange(of: 100) == "bytes 5-9/100")
            let failure = Failure.rangeNotSatisfiable(size: 100)
            #expect(failure.code.status == 416)
            #expect(failure.headers.map(\.value) == ["bytes */100"])
            #expect(EntityTag("a", isWeak: true).headerValue == "W/\"a\"")
        }
    }
}
