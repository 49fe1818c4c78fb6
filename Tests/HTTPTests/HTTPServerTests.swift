import Domain
import Glibc
import HTTP
import Synchronization
import Testing

extension HTTPSuite {
    @Suite("The server") struct HTTPServerTests {
        @Test("A GET is answered, and the connection serves the next one")
        func keepAlive() async throws {
            let server = try TestServer { request in
                Response(json: ["path": .string(request.head.path), "id": .string(request.head.id)])
            }
            let client = try server.connect()
            for number in 1...3 {
                let answer = try client.exchange("GET /v1/\(number)?q=1 HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(answer.status == 200)
                #expect(answer.text.contains("\"path\":\"/v1/\(number)\""))
                #expect(answer.header("Connection") == nil)
                let id = try #require(answer.header("X-Request-Id"))
                #expect(answer.text.contains(id))
                #expect(answer.header("Date") != nil)
            }
            await server.stop()
        }

        @Test("A body is collected, with a length and chunked, and the connection serves the next request")
        func collect() async throws {
            let server = try TestServer { request in
                do throws(Failure) {
                    let body = try await request.body.collect(maximumBytes: 1_000)
                    return Response(status: 200, body: .bytes(Array(body.reversed())))
                } catch {
                    return Response(failure: error)
                }
            }
            let client = try server.connect()
            let plain = try client.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde")
            #expect(plain.text == "edcba")
            let chunked = try client.exchange(
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n4\r\ndefg\r\n0\r\nT: v\r\n\r\n"
            )
            #expect(chunked.text == "gfedcba")
            let empty = try client.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            #expect(empty.status == 200 && empty.body.isEmpty)
            await server.stop()
        }
    }
}
