import TestSupport
import Testing

@Suite("The gate", .service())
struct GateTests {
    @Test("A safe picture is accepted with a receipt", arguments: [Sample.safeJPEG, Sample.safePNG])
    func acceptsSafePicture(fixture: String) throws {
        let tenant = try Service.tenant()
        let bytes = try Repository.fixture(fixture)
        let answer = try tenant.upload(bytes, filename: fixture)
        #expect(answer.status == 201)
        let upload = try answer.json
        let gate = upload["gate"]
        let hash = try Digest.sha256(bytes)

        #expect(upload["status"] == "COMPLETED")
        #expect(upload["scan_state"] == "scanned")
        #expect(upload["organization_id"] == .string(tenant.id))
        #expect(upload["file_hash"] == .string(hash))
        #expect(upload["file_size_bytes"].int == bytes.count)
        #expect(upload["media_type"] == (fixture.hasSuffix(".png") ? "image/png" : "image/jpeg"))
        #expect(gate["decision"] == "accepted")
        #expect(gate["reason"] == "clean")
        #expect(gate["sha256"] == .string(hash))
        let score = try #require(gate["score"].double)
        #expect(score >= 0 && score < 0.8)
        #expect(gate["threshold"] == 0.8)
        #expect(gate["frames_total"] == 1)
        #expect(gate["frames_scanned"] == 1)
        #expect(gate["model"]["sha256"].string?.count == 64)
        #expect(gate["pass"] == "screen")
        #expect(score < 0.25)
        #expect(gate["model"].keys == ["name", "preprocessing", "screen_sha256", "sha256"])
        #expect(gate["model"]["screen_sha256"].string?.count == 64)
        #expect(
            gate["policy"] == ["plane": "SHARED", "nsfw_check_enabled": true, "nsfw_fail_closed": false])
        #expect(gate["scanned_at"].string?.hasSuffix("Z") == true)
        #expect((gate["elapsed_ms"].double ?? 0) > 0)
    }

    @Test("A multipart upload goes through the same gate as a raw one")
    func multipart() throws {
        let tenant = try Service.tenant()
        let safe = MultipartForm().adding("metadata", "{\"album\":\"summer\"}").adding("bucket", "photos")
            .adding("file", try Repository.fixture(Sample.safeJPEG), filename: "holiday.jpg", contentType: "image/jpeg")
        let accepted = try tenant.send(safe.request())
        #expect(accepted.status == 201)
        let upload = try accepted.json
        #expect(upload["filename"] == "holiday.jpg")
        #expect(upload["content_type"] == "image/jpeg")
        #expect(upload["bucket_id"] == "photos")
        #expect(upload["metadata"] == ["album": "summer"])
        #expect(upload["gate"]["reason"] == "clean")
        let id = try #require(upload["upload_id"].string)
        #expect(upload["s3_key"] == .string("\(tenant.id)/photos/\(id)/holiday.jpg"))

        let bad = MultipartForm()
            .adding("file", try Repository.fixture(Sample.nsfwJPEG), filename: "x.jpg", contentType: "image/jpeg")
        #expect(try tenant.send(bad.request()).summary == "422 nsfw_content_rejected")
    }

    @Test(
        "A picture that the model calls NSFW is refused with its receipt, stored nowhere and not charged",
        arguments: [Sample.nsfwJPEG, Sample.nsfwPNG])
    func rejects(fixture: String) throws {
        let tenant = try Service.tenant()
        let before = try tenant.credits()
        let answer = try tenant.upload(fixture: fixture)
        #expect(answer.summary == "422 nsfw_content_rejected")
        let error = try answer.json["error"]
        #expect(error["type"] == "ContentRejectedError")
        let gate = error["details"]["gate"]
        #expect(gate["decision"] == "rejected")
        #expect(gate["reason"] == "nsfw")
        #expect((gate["score"].double ?? 0) >= 0.8)
        #expect(gate["sha256"] == .string(try Digest.sha256(try Repository.fixture(fixture))))
        #expect(gate["policy"]["plane"] == "SHARED")
        #expect(try tenant.credits() == before)

        // It is on record, without content.
        let id = try #require(error["details"]["upload_id"].string)
        let record = try tenant.get("/v1/uploads/\(id)")
        #expect(record.status == 200)
        #expect(try record.json["status"] == "REJECTED")
        #expect(try tenant.get("/v1/uploads/\(id)/content").status >= 400)
        #expect(try tenant.get("/v1/uploads").json["results"].array.isEmpty)
        let rejected = try tenant.get("/v1/uploads?status=REJECTED").json["results"]
        #expect(rejected.array.map { $0["upload_id"] } == [.string(id)])
    }

    @Test("Turning the check off lets the same picture in at once, and turning it on keeps it out")
    func toggle() throws {
        let tenant = try Service.tenant()
        #expect(try tenant.upload(fixture: Sample.nsfwJPEG).status == 422)
        #expect(try tenant.patch(["nsfw_check_enabled": false]).status == 200)
        let accepted = try tenant.upload(fixture: Sample.nsfwJPEG)
        #expect(accepted.status == 201)
        let upload = try accepted.json
        #expect(upload["gate"]["reason"] == "disabled")
        #expect(upload["gate"]["decision"] == "accepted")
        #expect(upload["gate"]["policy"]["nsfw_check_enabled"] == false)
        #expect(upload["scan_state"] == "skipped")
        #expect(try tenant.patch(["nsfw_check_enabled": true]).status == 200)
        #expect(try tenant.upload(fixture: Sample.nsfwJPEG).summary == "422 nsfw_content_rejected")
    }

    @Test("A dedicated plane is not gated, even by an empty object; null brings the gate back")
    func dedicatedPlane() throws {
        let tenant = try Service.tenant()
        #expect(try tenant.patchPrivately(["infrastructure": [:]]).status == 200)
        let accepted = try tenant.upload(fixture: Sample.nsfwJPEG)
        #expect(accepted.status == 201)
        #expect(try accepted.json["gate"]["reason"] == "dedicated_plane")
        #expect(try accepted.json["gate"]["policy"]["plane"] == "DEDICATED")
        #expect(try accepted.json["scan_state"] == "skipped")
        #expect(try tenant.patchPrivately(["infrastructure": nil]).status == 200)
        #expect(try tenant.upload(fixture: Sample.nsfwJPEG).summary == "422 nsfw_content_rejected")
    }

    @Test("A wrong name and a wrong declared type change nothing")
    func declaredTypeIsIgnored() throws {
        let tenant = try Service.tenant()
        let bytes = try Repository.fixture(Sample.nsfwJPEG)
        for (filename, type) in [
            ("notes.txt", "text/plain"), ("picture.png", "image/png"), ("a.gif", "image/gif"),
            ("archive.zip", "application/zip"), ("none", "application/octet-stream"),
        ] {
            let answer = try tenant.upload(bytes, filename: filename, contentType: type)
            #expect(answer.summary == "422 nsfw_content_rejected", "\(filename) as \(type)")
        }
        let text = try tenant.upload(Sample.text, filename: "photo.jpg", contentType: "image/jpeg")
        #expect(text.status == 201)
        #expect(try text.json["gate"]["reason"] == "not_an_image")
    }

    @Test("Bytes after the picture's end do not hide it")
    func trailingBytes() throws {
        let tenant = try Service.tenant()
        let padded = try Repository.fixture(Sample.nsfwJPEG) + [UInt8](repeating: 0x20, count: 100_000)
        #expect(try tenant.upload(padded, filename: "padded.jpg").summary == "422 nsfw_content_rejected")
    }

    @Test("What is not an image is accepted and skipped, even by an organization that fails closed")
    func notAnImage() throws {
        let tenant = try Service.tenant()
        for failClosed in [false, true] {
            #expect(try tenant.patch(["nsfw_fail_closed": .bool(failClosed)]).status == 200)
            for (name, bytes) in [("note.txt", Sample.text), ("paper.pdf", Sample.pdf)] {
                let answer = try tenant.upload(bytes, filename: name)
                #expect(answer.status == 201, "\(name)")
                #expect(try answer.json["gate"]["reason"] == "not_an_image")
                #expect(try answer.json["scan_state"] == "skipped")
                #expect(try answer.json["gate"]["policy"]["nsfw_fail_closed"] == .bool(failClosed))
            }
        }
    }

    @Test("An image type without a decoder is admitted unscanned, or refused where the organization fails closed")
    func unsupportedType() throws {
        let tenant = try Service.tenant()
        for bytes in [Sample.photoshop, Sample.jpeg2000] {
            let answer = try tenant.upload(bytes, filename: "picture.jpg", contentType: "image/jpeg")
            #expect(answer.status == 201)
            #expect(try answer.json["gate"]["reason"] == "unsupported")
            #expect(try answer.json["scan_state"] == "unscanned")
        }
        let before = try tenant.credits()
        #expect(try tenant.patch(["nsfw_fail_closed": true]).status == 200)
        for bytes in [Sample.photoshop, Sample.jpeg2000] {
            let answer = try tenant.upload(bytes, filename: "picture.jpg", contentType: "image/jpeg")
            #expect(answer.summary == "415 unsupported_image_type")
            let gate = try answer.json["error"]["details"]["gate"]
            #expect(gate["decision"] == "rejected")
            #expect(gate["reason"] == "unsupported")
        }
        #expect(try tenant.credits() == before)
    }

    @Test("A picture that cannot be decoded is refused in both modes")
    func unscannable() throws {
        let tenant = try Service.tenant()
        let before = try tenant.credits()
        let whole = try Repository.fixture(Sample.nsfwPNG)
        let files = [
            ("truncated.jpg", try Repository.fixture(Sample.truncatedJPEG)),
            ("half.png", Array(whole.prefix(whole.count / 2))), ("start.png", Array(whole.prefix(20))),
        ]
        for failClosed in [false, true] {
            #expect(try tenant.patch(["nsfw_fail_closed": .bool(failClosed)]).status == 200)
            for (name, bytes) in files {
                let answer = try tenant.upload(bytes, filename: name)
                #expect(answer.summary == "422 image_unscannable", "\(name), fail closed: \(failClosed)")
                #expect(try answer.json["error"]["details"]["gate"]["reason"] == "unscannable")
            }
        }
        #expect(try tenant.credits() == before)
    }

    @Test("One organization's settings do not govern another's uploads")
    func settingsAreSeparate() throws {
        let (open, strict) = (try Service.tenant(), try Service.tenant())
        #expect(try open.patch(["nsfw_check_enabled": false]).status == 200)
        #expect(try strict.upload(fixture: Sample.nsfwJPEG).status == 422)
        #expect(try open.upload(fixture: Sample.nsfwJPEG).status == 201)
    }
}
