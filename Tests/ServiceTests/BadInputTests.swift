import TestSupport
import Testing

@Suite("Bad input", .service())
struct BadInputTests {
    private func expectNothingStored(_ tenant: Tenant, credits: Int) throws {
        #expect(try tenant.credits() == credits)
        #expect(try tenant.get("/v1/uploads").json["results"].array.isEmpty)
        let isClean = Concurrent.eventually {
            tenant.service.directory.files(below: "data/blobs").allSatisfy { !$0.contains(tenant.id) }
        }
        #expect(isClean)
    }

    @Test("An empty file is refused")
    func emptyFile() throws {
        let tenant = try Service.tenant()
        let before = try tenant.credits()
        #expect(try tenant.upload([]).summary == "422 empty_file")
        let form = MultipartForm().adding("file", [], filename: "empty.jpg")
        #expect(try tenant.send(form.request()).summary == "422 empty_file")
        let chunked = HTTPRequest("POST", Tenant.target(filename: "e.bin"), body: .chunks([]))
        #expect(try tenant.send(chunked).summary == "422 empty_file")
        try expectNothingStored(tenant, credits: before)
    }

    @Test(
        "A file name with a separator or control character, or longer than 255 bytes, is refused",
        arguments: [
            "", "a/b.txt", "../a.txt", "a\\b.txt", "/etc/passwd", "a\u{0}b", "a\nb", "a\u{7f}b", "a\u{85}b", ".", "..",
            String(repeating: "a", count: 256), String(repeating: "ü", count: 128),
        ])
    func fileNames(name: String) throws {
        let tenant = try Service.tenant()
        let before = try tenant.credits()
        let answer = try tenant.upload(Sample.text, filename: name)
        // A query with an encoded NUL is malformed before anybody asks what it means.
        #expect(answer.status == (name.utf8.contains(0) ? 400 : 422), "\(answer.summary)")
        #expect(answer.text.contains("filename"))
        try expectNothingStored(tenant, credits: before)
    }

    // An empty field cannot be sent back: once accepted, such an upload could never be downloaded.
    @Test("What was declared with an empty or unprintable type can be downloaded", arguments: ["", "  ", "é"])
    func emptyContentType(type: String) throws {
        let tenant = try Service.tenant()
        let request = HTTPRequest(
            "POST", Tenant.target(filename: "a.bin"), headers: [("Content-Type", type)], body: .bytes(Sample.text))
        let id = try #require(try tenant.send(request).json["upload_id"].string)
        let content = try tenant.get("/v1/uploads/\(id)/content")
        #expect(content.status == 200)
        #expect(content.body == Sample.text)
        #expect(content.headers.first { $0.name.lowercased() == "content-type" }?.value == "application/octet-stream")
    }

    @Test("A request that two programs could read differently is refused")
    func ambiguousCoding() throws {
        let tenant = try Service.tenant()
        let before = try tenant.credits()
        let target = Tenant.target(filename: "a.bin")
        let coded = HTTPRequest("POST", target, headers: [("Content-Encoding", "gzip")], body: .bytes(Sample.text))
        #expect(try tenant.send(coded).summary == "415 unsupported_media_type")
        let types = [("Content-Type", "text/plain"), ("Content-Type", "multipart/form-data; boundary=b")]
        let twice = HTTPRequest("POST", target, headers: types, body: .bytes(Sample.text))
        #expect(try tenant.send(twice).summary == "400 bad_request")
        try expectNothingStored(tenant, credits: before)
    }

    @Test("A file name of 255 bytes is fine")
    func longestFileName() throws {
        let tenant = try Service.tenant()
        for name in [String(repeating: "a", count: 255), String(repeating: "ü", count: 127) + "a"] {
            #expect(try tenant.upload(Sample.text, filename: name).json["filename"] == .string(name))
        }
    }

    @Test("A raw body without a file name is refused")
    func noFileName() throws {
        let tenant = try Service.tenant()
        let answer = try tenant.send(HTTPRequest("POST", "/v1/uploads", body: .bytes(Sample.text)))
        #expect(answer.status == 422)
        #expect(answer.text.contains("filename"))
    }

    @Test("A file name in a multipart body obeys the same rules")
    func multipartFileNames() throws {
        let tenant = try Service.tenant()
        let before = try tenant.credits()
        for name in ["a/b.txt", "..", String(repeating: "a", count: 256), "tab\there.txt"] {
            let form = MultipartForm().adding("file", Sample.text, filename: name)
            #expect(try tenant.send(form.request()).status == 422, "\(name)")
        }
        try expectNothingStored(tenant, credits: before)
    }

    @Test("A malformed multipart body is refused and leaves nothing")
    func malformedMultipart() throws {
        let tenant = try Service.tenant()
        let before = try tenant.credits()
        let whole = MultipartForm().adding("file", Sample.noise(10_000), filename: "a.bin")
        let encoded = whole.encoded
        let post = { (type: String, body: [UInt8]) in
            try tenant.send(
                HTTPRequest("POST", "/v1/uploads", headers: [("Content-Type", type)], body: .bytes(body)))
        }
        let cases: [(String, String, [UInt8])] = [
            ("cut off", whole.contentType, Array(encoded.dropLast(10))),
            ("cut off in the headers", whole.contentType, Array(encoded.prefix(80))),
            ("no boundary", "multipart/form-data", encoded),
            ("another boundary", "multipart/form-data; boundary=other", encoded),
            ("no part", whole.contentType, MultipartForm().encoded),
            ("no file", whole.contentType, Array("--\(whole.boundary)--\r\n".utf8)),
        ]
        for (name, type, body) in cases {
            let answer = try post(type, body)
            #expect(answer.status == 400 || answer.status == 422, "\(name): \(answer.summary)")
        }
        let noFile = MultipartForm().adding("bucket", "photos")
        #expect([400, 422].contains(try tenant.send(noFile.request()).status))
        let twoFiles = MultipartForm().adding("file", Sample.text, filename: "a.txt")
            .adding("file", Sample.text, filename: "b.txt")
        #expect([400, 422].contains(try tenant.send(twoFiles.request()).status))
        try expectNothingStored(tenant, credits: before)
    }

    @Test(
        "Metadata that is no JSON object and a bucket that is no name are refused, whether before the file or after it")
    func otherParts() throws {
        let tenant = try Service.tenant()
        let before = try tenant.credits()
        for (part, value) in [
            ("metadata", "["), ("metadata", "[1]"), ("metadata", "text"), ("bucket", "a/b"), ("bucket", ""),
            ("bucket", ".."), ("bucket", "new\nline"),
        ] {
            let first = MultipartForm().adding(part, value).adding("file", Sample.text, filename: "a.txt")
            let last = MultipartForm().adding("file", Sample.text, filename: "a.txt").adding(part, value)
            for form in [first, last] {
                let answer = try tenant.send(form.request())
                #expect([400, 422].contains(answer.status), "\(part) \(value): \(answer.summary)")
            }
        }
        try expectNothingStored(tenant, credits: before)
    }

    @Test("A body that ends before its announced length is nobody's upload")
    func truncatedBody() throws {
        let tenant = try Service.tenant()
        let before = try tenant.credits()
        do {
            let connection = try tenant.service.connect()
            let request = HTTPRequest(
                "POST", Tenant.target(filename: "a.bin"), body: .truncated(Sample.noise(1_000), length: 5_000))
            try connection.send(
                "POST \(request.target) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(tenant.key)\r\n"
                    + "Content-Length: 5000\r\n\r\n")
            try connection.send(Sample.noise(1_000))
            connection.finishSending()
            _ = try connection.isClosedByPeer()
        }
        #expect(try Concurrent.eventually { try tenant.credits() == before })
        try expectNothingStored(tenant, credits: before)
    }

    @Test(
        "A request whose framing could be read in two ways is refused and its connection closed",
        arguments: [
            "Content-Length: 5\r\nContent-Length: 6", "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "Content-Length: +5", "Content-Length: 5, 5", "Transfer-Encoding: gzip", "Content-Length: -1",
            "Content-Length: 99999999999999999999", "Transfer-Encoding : chunked", "Host: other",
        ])
    func ambiguousFraming(header: String) throws {
        let tenant = try Service.tenant()
        let connection = try tenant.service.connect()
        try connection.send(
            "POST \(Tenant.target(filename: "a.bin")) HTTP/1.1\r\nHost: localhost\r\n"
                + "Authorization: Bearer \(tenant.key)\r\n\(header)\r\n\r\nhello")
        let answer = try connection.readResponse(to: "POST")
        #expect((400...501).contains(answer.status) && answer.status != 404, "\(answer.status)")
        #expect(try connection.isClosedByPeer())
        #expect(try tenant.get("/v1/uploads").json["results"].array.isEmpty)
    }

    @Test("Unknown paths, odd targets and odd methods are refused without harm")
    func oddRequests() throws {
        let tenant = try Service.tenant()
        for target in [
            "/", "/v1", "/v1/unheard-of", "/v1/uploads/../organizations", "/v1/uploads/%00", "/v1/uploads//content",
        ] {
            let answer = try tenant.get(target)
            #expect([400, 404].contains(answer.status), "\(target): \(answer.status)")
            #expect(try answer.json["success"] == false)
        }
        let long = try tenant.get("/v1/uploads?cursor=" + String(repeating: "x", count: 200_000))
        #expect([400, 413, 414, 431].contains(long.status))
        #expect(try tenant.upload(Sample.text).status == 201)
    }
}
