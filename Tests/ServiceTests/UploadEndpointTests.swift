import TestSupport
import Testing

@Suite("Reading and deleting uploads", .service())
struct UploadEndpointTests {
    @Test("An upload is read back as it was answered, and its content byte for byte")
    func readBack() throws {
        let tenant = try Service.tenant()
        let bytes = Sample.noise(300_000)
        let answer = try tenant.upload(bytes, filename: "data.bin", contentType: "application/x-test")
        let created = try answer.json
        let id = try #require(created["upload_id"].string)
        #expect(id.hasPrefix("upl_"))
        #expect(created["content_type"] == "application/x-test")
        #expect(created["created_at"].string?.hasSuffix("Z") == true)
        #expect(try tenant.get("/v1/uploads/\(id)").json == created)

        let content = try tenant.get("/v1/uploads/\(id)/content")
        #expect(content.status == 200)
        #expect(content.body == bytes)
        #expect(content["Content-Length"] == "300000")
        #expect(content["X-Content-Type-Options"] == "nosniff")
        #expect(content["Content-Disposition"]?.hasPrefix("attachment") == true)
        #expect(content["Content-Disposition"]?.contains("data.bin") == true)
        #expect(content["Accept-Ranges"] == "bytes")
        let head = try tenant.send(HTTPRequest("HEAD", "/v1/uploads/\(id)/content"))
        #expect(head.status == 200)
        #expect(head["Content-Length"] == "300000")
    }

    @Test("A content's ETag saves sending it again")
    func conditionalRequests() throws {
        let tenant = try Service.tenant()
        let id = try tenant.accepted(Sample.text)
        let get = HTTPRequest("GET", "/v1/uploads/\(id)/content")
        let tag = try #require(try tenant.send(get)["ETag"])
        #expect(tag.hasPrefix("\"") && tag.hasSuffix("\""))
        for value in [tag, "*", "\"other\", \(tag)", "W/\(tag)"] {
            let answer = try tenant.send(get.adding("If-None-Match", value))
            #expect(answer.status == 304, "\(value)")
            #expect(answer["ETag"] == tag)
        }
        #expect(try tenant.send(get.adding("If-None-Match", "\"other\"")).status == 200)
    }

    @Test(
        "A range is answered with that part",
        arguments: [
            ("bytes=0-0", 0..<1), ("bytes=0-99", 0..<100), ("bytes=500-", 500..<1_000), ("bytes=-10", 990..<1_000),
            ("bytes=990-5000", 990..<1_000), ("bytes=-5000", 0..<1_000),
        ])
    func ranges(header: String, expected: Range<Int>) throws {
        let tenant = try Service.tenant()
        let bytes = Sample.noise(1_000)
        let id = try tenant.accepted(bytes)
        let answer = try tenant.send(HTTPRequest("GET", "/v1/uploads/\(id)/content").adding("Range", header))
        #expect(answer.status == 206)
        #expect(answer.body == Array(bytes[expected]))
        #expect(answer["Content-Range"] == "bytes \(expected.lowerBound)-\(expected.upperBound - 1)/1000")
    }

    @Test("A range outside of the content is 416, and what is no range is ignored")
    func badRanges() throws {
        let tenant = try Service.tenant()
        let id = try tenant.accepted(Sample.noise(1_000))
        let get = HTTPRequest("GET", "/v1/uploads/\(id)/content")
        for header in ["bytes=1000-", "bytes=5000-6000", "bytes=-0"] {
            let answer = try tenant.send(get.adding("Range", header))
            #expect(answer.summary == "416 range_not_satisfiable", "\(header)")
            #expect(answer["Content-Range"] == "bytes */1000")
        }
        for header in ["bytes=9-1", "lines=1-2", "bytes=a-b", "nonsense"] {
            let answer = try tenant.send(get.adding("Range", header))
            #expect(answer.status == 200, "\(header)")
            #expect(answer.body.count == 1_000)
        }
    }

    @Test("Any Unicode file name comes back in the record and in the download's header")
    func fileNames() throws {
        let tenant = try Service.tenant()
        for name in ["naïve café.txt", "日本語のファイル.txt", "😀.txt", "quote\"and;semicolon.txt", "per%cent.txt"] {
            let answer = try tenant.upload(Sample.text, filename: name)
            #expect(answer.status == 201, "\(name)")
            #expect(try answer.json["filename"] == .string(name))
            let id = try #require(try answer.json["upload_id"].string)
            let header = try tenant.get("/v1/uploads/\(id)/content")["Content-Disposition"] ?? ""
            let encoded = Tenant.target(filename: name).dropFirst("/v1/uploads?filename=".count)
            #expect(header.hasPrefix("attachment"))
            #expect(header.contains("filename*=UTF-8''\(encoded)"), "\(header)")
            #expect(header.utf8.allSatisfy { (0x20...0x7e).contains($0) })
        }
    }

    @Test("Uploads are listed newest first, page by page, each once")
    func pages() throws {
        let tenant = try Service.tenant()
        let ids = try (0..<7).map { try tenant.accepted(Sample.noise(100, seed: UInt64($0)), filename: "\($0).bin") }
        var seen: [String] = []
        var cursor: String?
        var pages = 0
        repeat {
            let answer = try tenant.get("/v1/uploads?limit=3" + (cursor.map { "&cursor=\($0)" } ?? ""))
            #expect(answer.status == 200)
            let page = try answer.json
            #expect(page["results"].array.count <= 3)
            seen += page["results"].array.compactMap { $0["upload_id"].string }
            cursor = page["pagination"]["next_cursor"].string
            pages += 1
        } while cursor != nil && pages < 10
        #expect(seen == ids.reversed())
        #expect(pages == 3)
    }

    @Test("The list can be filtered by bucket, scan state, media type and status")
    func filters() throws {
        let tenant = try Service.tenant()
        let note = try tenant.accepted(Sample.text)
        let picture = try tenant.accepted(try Repository.fixture(Sample.safeJPEG))
        let undecoded = try tenant.accepted(Sample.photoshop)
        let form = MultipartForm().adding("bucket", "other").adding("file", Sample.pdf, filename: "paper.pdf")
        let paper = try #require(try tenant.send(form.request()).json["upload_id"].string)
        let expectations: [(String, [String])] = [
            ("bucket=other", [paper]), ("scan_state=scanned", [picture]), ("scan_state=unscanned", [undecoded]),
            ("scan_state=skipped", [note, paper]), ("media_type=image/jpeg", [picture]),
            ("media_type=image%2Fvnd.adobe.photoshop", [undecoded]),
            ("status=COMPLETED", [note, picture, undecoded, paper]),
            ("status=REJECTED", []), ("scan_state=skipped&bucket=other", [paper]), ("bucket=unheard-of", []),
        ]
        for (filter, expected) in expectations {
            let answer = try tenant.get("/v1/uploads?\(filter)")
            let found = try answer.json["results"].array.compactMap { $0["upload_id"].string }
            #expect(Set(found) == Set(expected), "\(filter)")
        }
        for wrong in ["limit=0", "limit=x", "limit=100000", "status=UNHEARD", "scan_state=maybe", "cursor=!"] {
            let answer = try tenant.get("/v1/uploads?\(wrong)")
            #expect(answer.status == 422 || answer.status == 400, "\(wrong): \(answer.status)")
        }
    }

    // What comes in many small pieces shares the database's syncs; what is large has a file that is never copied.
    @Test("Contents are kept in the database up to the size that is set, and in files beyond it; both are served")
    func placesOfContent() throws {
        let service = try Service(settings: ["PORTCULLIS_MAX_BYTES_IN_DATABASE": "20000"])
        let tenant = try service.makeTenant()
        let bodies = [19_999, 20_000, 20_001].map { Sample.noise($0, seed: UInt64($0)) }
        let ids = try bodies.map { try tenant.accepted($0) }
        #expect(service.directory.files(below: "data/blobs").count == 1)
        let part = HTTPRequest("GET", "/v1/uploads/\(ids[1])/content").adding("Range", "bytes=19990-")
        #expect(try tenant.send(part).body == bodies[1].suffix(10))
        try service.stop()
        for limit in ["0", "1000000"] {
            let other = try Service(settings: ["PORTCULLIS_MAX_BYTES_IN_DATABASE": limit], in: service.directory)
            let tenant = tenant.at(other)
            for (id, body) in zip(ids, bodies) {
                #expect(try tenant.get("/v1/uploads/\(id)/content").body == body)
                // Once more, to the other place.
                let again = try tenant.accepted(body)
                #expect(try tenant.get("/v1/uploads/\(again)/content").body == body)
                #expect(try tenant.delete("/v1/uploads/\(again)").status == 204)
                #expect(try tenant.get("/v1/uploads/\(id)/content").body == body)
            }
            #expect(try other.command("verify", "--content").status == .exited(0))
            try other.stop()
        }
        try service.start()
        for id in ids { #expect(try tenant.delete("/v1/uploads/\(id)").status == 204) }
        #expect(service.directory.files(below: "data/blobs").isEmpty)
        let books = try service.command("verify", "--content")
        #expect(books.status == .exited(0) && books.outputText.contains("contents 0"), "\(books.outputText)")
        try service.stop()
    }

    @Test("Deleting removes the content and keeps a tombstone")
    func deletion() throws {
        let tenant = try Service.tenant()
        let bytes = Sample.noise(50_000, seed: 99)
        let id = try tenant.accepted(bytes)
        #expect(tenant.service.directory.files(below: "data/blobs").contains { $0.contains(tenant.id) })
        let answer = try tenant.delete("/v1/uploads/\(id)")
        #expect(answer.status == 204)
        #expect(answer.body.isEmpty)
        #expect(try tenant.get("/v1/uploads/\(id)/content").summary == "410 gone")
        let record = try tenant.get("/v1/uploads/\(id)")
        #expect(record.status == 200)
        #expect(try record.json["status"] == "DELETED")
        #expect(try tenant.get("/v1/uploads").json["results"].array.isEmpty)
        #expect(!tenant.service.directory.files(below: "data/blobs").contains { $0.contains(tenant.id) })
        // Deleting again finds nothing to delete, and does no harm.
        #expect([204, 404, 410].contains(try tenant.delete("/v1/uploads/\(id)").status))
    }

    @Test("A resource that lacks the method says which it has")
    func methods() throws {
        let tenant = try Service.tenant()
        for (method, target) in [
            ("PUT", "/v1/uploads"), ("DELETE", "/v1/organizations"), ("POST", "/v1/organizations"),
            ("PATCH", "/v1/uploads/upl_0000000000000000"),
        ] {
            let answer = try tenant.send(HTTPRequest(method, target))
            #expect(answer.summary == "405 method_not_allowed", "\(method) \(target)")
            #expect(answer["Allow"]?.contains("GET") == true)
        }
    }
}
