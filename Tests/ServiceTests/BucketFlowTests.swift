import TestSupport
import Testing

@Suite("Uploads that are announced, sent to a signed URL, and confirmed", .service())
struct BucketFlowTests {
    @Test("The whole flow charges once, at the confirmation, and serves what was sent")
    func flow() throws {
        let client = BucketClient(try Service.tenant())
        let before = try client.tenant.credits()
        let bytes = Sample.noise(1_500_000)
        let announcement = try client.announce(
            "holiday plan.bin", ["file_size_bytes": 1_500_000, "metadata": ["campaign": "summer"]]
        ).json
        #expect(announcement["status"] == "PENDING")
        #expect(announcement["is_duplicate"] == false)
        #expect(announcement["file_size_bytes"] == 1_500_000)
        #expect(announcement["presigned_url_expiration"] == 3600)
        #expect((announcement["presigned_url"].string ?? "").utf8.count <= 2_083)
        let id = try #require(announcement["upload_id"].string)
        let key = "\(client.tenant.id)/photos/\(id)/holiday plan.bin"
        #expect(announcement["s3_key"] == .string(key))
        // Held, not charged.
        #expect(try client.tenant.credits() == before - 2)
        #expect(try client.heldCredits() == 2)

        let target = try #require(announcement["presigned_url"].string.flatMap(BucketClient.target))
        let upload = BucketClient.Announced(id: id, target: target, contentType: "application/octet-stream")
        let put = try client.put(upload, .bytes(bytes))
        #expect(put.status == 200)
        let hash = try Digest.sha256(bytes)
        #expect(put["ETag"] == "\"\(hash)\"")
        #expect(try client.get(id).json["status"] == "PENDING")

        let answer = try client.confirm(id, ["etag": "\"\(hash)\"", "file_size_bytes": 1_500_000])
        #expect(answer.status == 200)
        let confirmed = try answer.json
        #expect(confirmed["status"] == "COMPLETED")
        #expect(confirmed["file_hash"] == .string(hash))
        #expect(confirmed["gate"]["reason"] == "not_an_image")
        #expect(confirmed["credits_charged"] == 2)
        #expect(try client.tenant.credits() == before - 2)
        #expect(try client.heldCredits() == 0)

        let record = try client.tenant.get("/v1/uploads/\(id)").json
        #expect(record["bucket_id"] == "photos")
        #expect(record["metadata"]["campaign"] == "summer")
        #expect(try client.tenant.get("/v1/uploads/\(id)/content").body == bytes)
        let shown = try client.get(id, query: "?return_presigned_urls=true").json
        #expect(shown["status"] == "COMPLETED")
        let reading = try #require(shown["presigned_url"].string.flatMap(BucketClient.target))
        #expect(try client.tenant.service.send(HTTPRequest("GET", reading)).body == bytes)
        #expect(!client.isStaged(id))

        // Confirming again gives the same and changes nothing.
        let again = try client.confirm(id)
        #expect(try again.json == confirmed)
        #expect(try client.tenant.credits() == before - 2)
    }

    @Test("A picture that the gate rejects fails the upload, with the receipt, for nothing")
    func rejected() throws {
        let client = BucketClient(try Service.tenant())
        let before = try client.tenant.credits()
        let bytes = try Repository.fixture(Sample.nsfwJPEG)
        let upload = try client.sent(bytes, "innocent.txt", contentType: "text/plain")
        let answer = try client.confirm(upload.id)
        #expect(answer.summary == "422 nsfw_content_rejected")
        let details = try answer.json["error"]["details"]
        #expect(details["gate"]["reason"] == "nsfw")
        #expect(details["upload_id"] == .string(upload.id))
        #expect(try client.tenant.credits() == before)
        #expect(try client.heldCredits() == 0)
        let shown = try client.get(upload.id).json
        #expect(shown["status"] == "FAILED")
        #expect(shown["message"].string?.contains("nsfw") == true)
        #expect(shown["gate"]["decision"] == "rejected")
        #expect(!client.isStaged(upload.id))
        // The same answer again, and the URL has died with the upload.
        #expect(try client.confirm(upload.id).json["error"] == answer.json["error"])
        #expect(try client.put(upload, .bytes(bytes)).summary == "410 gone")
        #expect(try client.head(upload).status == 410)
    }

    @Test("With the gate off the same picture is accepted")
    func gateOff() throws {
        let client = BucketClient(try Service.tenant())
        #expect(try client.tenant.patch(["nsfw_check_enabled": false]).status == 200)
        let upload = try client.sent(try Repository.fixture(Sample.nsfwJPEG), "p.jpg", contentType: "image/jpeg")
        let confirmed = try client.confirm(upload.id).json
        #expect(confirmed["status"] == "COMPLETED")
        #expect(confirmed["gate"]["reason"] == "disabled")
    }

    @Test("A broken connection loses nothing: HEAD tells how far it came, and Content-Range goes on from there")
    func resumption() throws {
        let client = BucketClient(try Service.tenant())
        let bytes = Sample.noise(900_000)
        let upload = try client.announced("large.bin", ["file_size_bytes": 900_000])
        do {
            let connection = try client.tenant.service.connect()
            let head =
                "PUT \(upload.target) HTTP/1.1\r\nHost: localhost\r\nContent-Type: \(upload.contentType)\r\n"
                + "Content-Length: 900000\r\n\r\n"
            try connection.send(head)
            try connection.send(Array(bytes[..<300_000]))
            // Leaves.
        }
        let arrived = try Concurrent.eventually { try client.head(upload)["Upload-Offset"] == "300000" }
        #expect(arrived)
        #expect(try client.head(upload)["Upload-Complete"] == "?0")
        #expect(try client.head(upload)["Upload-Length"] == "900000")
        #expect(try client.confirm(upload.id).summary == "409 conflict")

        // A range from elsewhere would leave a hole.
        let wrong = try Concurrent.eventually {
            try client.put(upload, .bytes(Array(bytes[400_000...])), range: "bytes 400000-899999/900000")[
                "Upload-Offset"]
                == "300000"
        }
        #expect(wrong)
        let part = try client.put(upload, .bytes(Array(bytes[300_000..<500_000])), range: "bytes 300000-499999/900000")
        #expect(part.status == 202)
        #expect(part["Upload-Offset"] == "500000")
        let last = try client.put(upload, .bytes(Array(bytes[500_000...])), range: "bytes 500000-899999/900000")
        #expect(last.status == 200)
        #expect(last["ETag"] == "\"\(try Digest.sha256(bytes))\"")
        #expect(try client.head(upload)["Upload-Complete"] == "?1")
        #expect(try client.confirm(upload.id).status == 200)
        #expect(try client.tenant.get("/v1/uploads/\(upload.id)/content").body == bytes)
    }

    @Test("A signed URL is good for its own request and nothing else")
    func signature() throws {
        let client = BucketClient(try Service.tenant())
        let other = try client.announced("b.bin")
        let upload = try client.announced("a.bin", ["file_size_bytes": 10])
        let bytes = HTTPRequest.Body.bytes(Sample.noise(10))
        let service = client.tenant.service
        func put(_ target: String, type: String = upload.contentType) throws -> String {
            try service.send(HTTPRequest("PUT", target, headers: [("Content-Type", type)], body: bytes)).summary
        }
        let forged = [
            upload.target.replacing("limit=10&", with: "limit=99&"),
            upload.target.replacing("expires=", with: "expires=9"),
            upload.target.replacing(upload.id, with: other.id),
            upload.target.replacing("/photos/", with: "/other/"),
            upload.target.replacing("method=PUT", with: "method=GET"),
            String(upload.target.dropLast()), upload.target + "0", upload.target + "&x=1",
            String(upload.target.prefix { $0 != "?" }),
        ]
        for target in forged { #expect(try put(target) == "403 forbidden", "\(target)") }
        #expect(try put(upload.target, type: "image/png") == "403 forbidden")
        #expect(try service.send(HTTPRequest("GET", upload.target)).summary == "403 forbidden")
        // A key opens nothing here that the signature does not.
        let target = String(upload.target.prefix { $0 != "?" })
        #expect(try client.tenant.send(HTTPRequest("GET", target)).summary == "403 forbidden")

        #expect(try put(upload.target) == "200")
        // It works once.
        #expect(try put(upload.target) == "409 conflict")
    }

    @Test("What is sent has the size that was announced")
    func sizes() throws {
        let client = BucketClient(try Service.tenant())
        let upload = try client.announced("a.bin", ["file_size_bytes": 1_000])
        #expect(try client.put(upload, .bytes(Sample.noise(999))).summary == "422 validation_error")
        #expect(try client.put(upload, .bytes(Sample.noise(1_001))).summary == "422 validation_error")
        #expect(
            try client.put(upload, .chunks([Sample.noise(600), Sample.noise(600)])).summary == "422 validation_error")
        #expect(try client.put(upload, .chunks([Sample.noise(600)])).summary == "422 validation_error")
        #expect(try client.put(upload, .bytes([])).summary == "422 empty_file")
        #expect(try client.put(upload, .chunks([Sample.noise(600), Sample.noise(400)])).status == 200)
        #expect(try client.confirm(upload.id, ["file_size_bytes": 999]).summary == "422 validation_error")
        #expect(try client.confirm(upload.id, ["etag": "\"other\""]).summary == "422 validation_error")
        #expect(try client.confirm(upload.id, ["etag": nil, "file_size_bytes": 1_000]).status == 200)

        let free = BucketClient(try Service.tenant(tier: "free"))
        let tooLarge = try free.announce("a.bin", ["file_size_bytes": 104_857_601])
        #expect(tooLarge.summary == "413 payload_too_large")
    }

    @Test("A file of unknown size grows its hold, and ends where the credits end")
    func growth() throws {
        let tenant = try Service.tenant(tier: "enterprise", ["monthly_credit_cap": 3])
        let client = BucketClient(tenant)
        let upload = try client.announced("a.bin")
        #expect(try client.heldCredits() == 1)
        #expect(try client.put(upload, .bytes(Sample.noise(4_000_000))).summary == "402 insufficient_credits")
        #expect(try client.put(upload, .bytes(Sample.noise(2_500_000))).status == 200)
        #expect(try client.heldCredits() == 3)
        #expect(try client.announce("b.bin").summary == "402 insufficient_credits")
        #expect(try client.confirm(upload.id).json["credits_charged"] == 3)
        #expect(try client.heldCredits() == 0)
        #expect(try client.announce("b.bin").summary == "402 insufficient_credits")
    }

    // The client of the URL decides how much is sent, and a hold grows by doubling.
    @Test("A hold that grew with a body is cut to what the file costs")
    func shrinking() throws {
        let client = BucketClient(try Service.tenant())
        let upload = try client.announced("a.bin")
        #expect(try client.put(upload, .chunks(Array(repeating: Sample.noise(100_000), count: 55))).status == 200)
        #expect(try client.heldCredits() == 6)
        #expect(try client.confirm(upload.id).json["credits_charged"] == 6)
        #expect(try client.heldCredits() == 0)
    }

    @Test("An announcement under an idempotency key is made once")
    func repeatedAnnouncement() throws {
        let client = BucketClient(try Service.tenant())
        func announce(_ size: Int) throws -> HTTPResponse {
            let body: JSON = [
                "filename": "a.bin", "content_type": "a/b", "file_size_bytes": .number(Double(size)),
            ]
            return try client.tenant.send(
                HTTPRequest("POST", client.collection, json: body).adding("Idempotency-Key", "one"))
        }
        let first = try announce(2_000_000)
        let second = try announce(2_000_000)
        #expect(first.status == 200 && second.body == first.body)
        #expect(second["Idempotent-Replayed"] == "true")
        #expect(try client.heldCredits() == 2)
        #expect(try announce(3_000_000).summary == "409 idempotency_conflict")
        #expect(try client.list().json["stats"]["total_uploads"] == 1)
        #expect(try client.tenant.service.command("verify").status == .exited(0))
    }

    @Test("With its organization, an upload's URL is over")
    func organizationDeleted() throws {
        let client = BucketClient(try Service.tenant())
        let upload = try client.announced("a.bin")
        let path = "/v1/private/organizations/\(client.tenant.id)"
        #expect(try client.tenant.service.sendPrivately(HTTPRequest("DELETE", path)).status == 200)
        #expect(try client.put(upload, .bytes(Sample.text)).summary == "403 forbidden")
        #expect(try client.head(upload).status == 403)
    }

    @Test("A part that is longer than its range is refused")
    func longPart() throws {
        let client = BucketClient(try Service.tenant())
        let upload = try client.announced("a.bin")
        let answer = try client.put(upload, .chunks([Sample.noise(10)]), range: "bytes 0-4/100")
        #expect(answer.summary == "400 bad_request")
    }

    @Test("Of many confirmations at once, one charges")
    func concurrentConfirmations() throws {
        let client = BucketClient(try Service.tenant())
        let before = try client.tenant.credits()
        let upload = try client.sent(try Repository.fixture(Sample.safeJPEG), "p.jpg", contentType: "image/jpeg")
        let answers = try Concurrent.run(16) { _ in try client.confirm(upload.id) }.map { try $0.get() }
        // Who comes second waits for the first, and is told the same.
        #expect(Set(try answers.map { try $0.json }).count == 1)
        #expect(answers.allSatisfy { $0.status == 200 })
        #expect(try client.confirm(upload.id).json["status"] == "COMPLETED")
        #expect(try client.tenant.credits() == before - 1)
    }

    @Test("An upload can be canceled until it is confirmed, and deleted after that")
    func deletion() throws {
        let client = BucketClient(try Service.tenant())
        let before = try client.tenant.credits()
        let pending = try client.sent(Sample.text)
        let path = "\(client.collection)/\(pending.id)"
        #expect(try client.tenant.delete(path + "?delete_s3_object=false").status == 422)
        #expect(try client.tenant.delete(path).status == 204)
        #expect(try client.tenant.delete(path).status == 204)
        let events = try client.tenant.get("/v1/organizations/audit/logs?action=upload_canceled").json["results"].array
        #expect(events.count == 1 && events.first?["resource_id"] == .string(pending.id))
        #expect(events.first?["changes"] == ["before": ["status": "PENDING"], "after": ["status": "CANCELED"]])
        #expect(try client.get(pending.id).json["status"] == "CANCELED")
        #expect(try client.confirm(pending.id).summary == "410 gone")
        #expect(try client.tenant.credits() == before)
        #expect(!client.isStaged(pending.id))

        let completed = try client.sent(Sample.text)
        #expect(try client.confirm(completed.id).status == 200)
        let url = try #require(
            try client.get(completed.id, query: "?return_presigned_urls=true").json["presigned_url"].string)
        #expect(try client.tenant.delete("\(client.collection)/\(completed.id)").status == 204)
        #expect(try client.get(completed.id).json["status"] == "CANCELED")
        let reading = try #require(BucketClient.target(of: url))
        #expect(try client.tenant.service.send(HTTPRequest("GET", reading)).summary == "410 gone")
        #expect(try client.tenant.get("/v1/uploads/\(completed.id)").json["status"] == "DELETED")
    }

    @Test("A hash that the content does not have fails the upload")
    func wrongHash() throws {
        let client = BucketClient(try Service.tenant())
        let before = try client.tenant.credits()
        let upload = try client.sent(
            Sample.text, "n.txt", contentType: "text/plain", ["file_hash": .string(String(repeating: "0", count: 64))])
        for _ in 1...2 { #expect(try client.confirm(upload.id).summary == "422 file_hash_mismatch") }
        #expect(try client.get(upload.id).json["status"] == "FAILED")
        #expect(try client.tenant.credits() == before)
    }

    @Test("A duplicate by verified hash needs no upload and costs nothing, within the organization only")
    func duplicates() throws {
        let client = BucketClient(try Service.tenant())
        let bytes = Sample.noise(2_000_000)
        let hash = JSON.string(try Digest.sha256(bytes))
        // What is only claimed is no duplicate.
        let claimed = try client.announced("c.bin", ["file_hash": hash])
        #expect(try client.announce("d.bin", ["file_hash": hash]).json["is_duplicate"] == false)
        #expect(try client.put(claimed, .bytes(bytes)).status == 200)
        #expect(try client.announce("e.bin", ["file_hash": hash]).json["is_duplicate"] == false)
        #expect(try client.confirm(claimed.id).status == 200)
        let before = try client.tenant.credits()
        let duplicate = try client.announce("f.bin", ["file_hash": hash]).json
        #expect(duplicate["is_duplicate"] == true)
        #expect(duplicate["duplicate_of_upload_id"] == .string(claimed.id))
        #expect(duplicate["presigned_url"] == .null)
        #expect(duplicate["status"] == "COMPLETED")
        #expect(try client.tenant.credits() == before)
        #expect(
            try client.announce("g.bin", ["file_hash": hash, "skip_duplicates": false]).json["is_duplicate"] == false)
        let stranger = BucketClient(try Service.tenant())
        #expect(try stranger.announce("h.bin", ["file_hash": hash]).json["is_duplicate"] == false)
    }

    @Test("What another organization or bucket asks for is not found, as what never was")
    func isolation() throws {
        let client = BucketClient(try Service.tenant())
        let upload = try client.sent(Sample.text)
        for stranger in [BucketClient(try Service.tenant()), BucketClient(client.tenant, bucket: "elsewhere")] {
            for id in [upload.id, "upl_0000000000000000"] {
                #expect(try stranger.get(id).summary == "404 not_found")
                #expect(try stranger.confirm(id).summary == "404 not_found")
                #expect(try stranger.tenant.delete("\(stranger.collection)/\(id)").summary == "404 not_found")
            }
            #expect(try stranger.list().json["stats"]["total_uploads"] == 0)
        }
        #expect(try client.confirm(upload.id).status == 200)
    }

    @Test(
        "What is announced wrongly is refused with the field's name",
        arguments: [
            ("filename", JSON.string("../x")), ("filename", ""), ("filename", .null), ("filename", 5),
            ("content_type", "jpeg"), ("content_type", "image/"), ("content_type", "a b/c"), ("content_type", .null),
            ("file_size_bytes", 0), ("file_size_bytes", -1), ("file_size_bytes", "12"), ("file_size_bytes", 1.5),
            ("presigned_url_expiration", 59), ("presigned_url_expiration", 86_401), ("metadata", .array([])),
            ("blob_property", "a-b"), ("blob_type", "castle"), ("file_hash", "abc"),
            ("file_hash", .string(String(repeating: "A", count: 64))), ("skip_duplicates", "yes"), ("unknown", 1),
        ])
    func validation(field: String, value: JSON) throws {
        let client = BucketClient(try Service.tenant())
        let answer = try client.announce("a.bin", contentType: "image/jpeg", [field: value])
        #expect(answer.summary == "422 validation_error")
        let errors = try answer.json["error"]["details"]["validation_errors"].array
        #expect(errors.contains { $0["location"].array.last == .string(field) }, "\(errors)")
        #expect(try client.heldCredits() == 0)
    }

    @Test("A bucket's name is checked before anything is created")
    func bucketNames() throws {
        let tenant = try Service.tenant()
        for name in ["a%2Fb", "a%20b", "..", String(repeating: "b", count: 101)] {
            #expect(try BucketClient(tenant, bucket: name).announce().status == 422, "\(name)")
        }
    }
}
