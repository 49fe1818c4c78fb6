import Domain
import HTTP
import Testing

extension HTTPSuite {
    @Suite("The router") struct RouterTests {
        private static func makeRouter() -> Router {
            var router = Router()
            func answer(_ name: String) -> @Sendable (Request) async throws(Failure) -> Response {
                { request in
                    let parameters = request.parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                    return Response(
                        status: 200, body: .bytes(Array("\(name) \(parameters.joined(separator: ","))".utf8)))
                }
            }
            router.register(.get, "/", answer("root"))
            router.register(.get, "/v1/uploads", answer("list"))
            router.register(.post, "/v1/uploads", answer("post"))
            router.register(.get, "/v1/uploads/{id}", answer("get"))
            router.register(.get, "/v1/uploads/latest", answer("latest"))
            router.register(.get, "/v1/uploads/{upload}/content", answer("content"))
            router.register(.put, "/v1/{kind}/latest/{name}", answer("put"))
            router.register(.delete, "/v1/fail") { (_) throws(Failure) in throw Failure(.conflict, "Not now.") }
            return router
        }

        private func ask(_ line: String) async throws -> WireResponse {
            let router = Self.makeRouter()
            let server = try TestServer { await router.handle($0) }
            let answer = try server.connect().exchange(
                "\(line) HTTP/1.1\r\nHost: a\r\n\r\n", toHead: line.hasPrefix("HEAD"))
            await server.stop()
            return answer
        }

        @Test(
            "Paths find their handler",
            arguments: [
                ("GET /", "root "), ("GET /v1/uploads", "list "), ("POST /v1/uploads", "post "),
                ("GET /v1/uploads?limit=3", "list "), ("GET /v1/uploads/upl_1", "get id=upl_1"),
                ("GET /v1/uploads/latest", "latest "), ("GET /v1/uploads/latest/content", "content upload=latest"),
                ("GET /v1/uploads/a%2Fb", "get id=a/b"), ("GET /v1/uploads/%7Bid%7D", "get id={id}"),
                ("GET /v1/uploads/a+b%20c", "get id=a+b c"), ("GET /v1/upl%6Fads", "list "),
                ("PUT /v1/uploads/latest/x", "put kind=uploads,name=x"),
                ("GET http://other/v1/uploads/1", "get id=1"), ("GET HTTP://other:80", "root "),
                ("GET /v1/uploads/..", "get id=.."),
            ])
        func found(_ line: String, _ expected: String) async throws {
            let answer = try await ask(line)
            #expect(answer.status == 200)
            #expect(answer.text == expected)
        }

        @Test(
            "Paths that fit no pattern are 404",
            arguments: [
                "GET /v1", "GET /v1/uploads/", "GET //v1/uploads", "GET /V1/uploads", "GET /v1/uploads/1/contents",
                "GET /v1/uploads//content", "OPTIONS *",
            ])
        func notFound(_ line: String) async throws {
            let answer = try await ask(line)
            #expect(answer.status == 404)
            #expect(answer.errorCode == "not_found")
        }

        @Test("A method that a path does not have is 405 with the ones it has")
        func methodNotAllowed() async throws {
            let answer = try await ask("DELETE /v1/uploads")
            #expect(answer.status == 405)
            #expect(answer.errorCode == "method_not_allowed")
            #expect(answer.header("Allow") == "GET, HEAD, POST")
            #expect(try await ask("OPTIONS /v1/uploads/1").header("Allow") == "GET, HEAD")
        }

        @Test("HEAD is answered like GET, without the body")
        func head() async throws {
            let answer = try await ask("HEAD /v1/uploads/123")
            #expect(answer.status == 200)
            #expect(answer.header("Content-Length") == "10")
        }

        @Test("What a handler throws becomes the envelope")
        func thrown() async throws {
            let answer = try await ask("DELETE /v1/fail")
            #expect(answer.status == 409)
            #expect(answer.errorCode == "conflict")
            #expect(answer.text.contains("Not now."))
        }

        @Test("The routes can be listed")
        func listed() {
            let routes = Self.makeRouter().routes
            #expect(routes.count == 8)
            #expect(routes[3].method == .get && routes[3].pattern == "/v1/uploads/{id}")
        }
    }
}
