import Foundation
import TestSupport
import Testing

@Suite("Batches and confirmations in the background", .service())
struct BucketBatchTests {
    /// Waits until a task is over.
    private func finished(_ task: String, _ client: BucketClient) throws -> JSON {
        var last = JSON.missing
        let isOver = try Concurrent.eventually(seconds: 60) {
            last = try client.tenant.get("/v1/tasks/\(task)").json
            return !["PENDING", "IN_PROGRESS"].contains(last["status"].string)
        }
        #expect(isOver, "\(last)")
        return last
    }

    @Test("A batch announces each upload with its own result")
    func announcements() throws {
        let tenant = try Service.tenant(tier: "enterprise", ["monthly_credit_cap": 5])
        let client = BucketClient(tenant)
        let answer = try client.post(
            "/batch",
            [
                "uploads": [
                    [
                        "filename": "a.bin", "content_type": "a/b", "file_size_bytes": 1,
                        "metadata": ["own": 1, "x": 1],
                    ],
                    ["filename": "b.bin", "content_type": "a/b", "file_size_bytes": 10_000_000],
                    ["filename": "c.bin", "content_type": "a/b", "file_size_bytes": 4_000_000],
                ], "shared_metadata": ["x": 2, "campaign": "s"],
            ])
        #expect(answer.status == 200)
        let uploads = try answer.json["uploads"].array
        #expect(try answer.json["total"] == 3)
        #expect(uploads.map { $0["status"] } == ["PENDING", "FAILED", "PENDING"])
        #expect(uploads[0]["metadata"] == ["own": 1, "x": 1, "campaign": "s"])
        #expect(uploads[1]["error"]["error"]["code"] == "insufficient_credits")
        #expect(uploads[1]["presigned_url"] == .null)
        #expect(try client.heldCredits() == 5)
    }

    @Test("A batch with a mistake in it announces nothing, and names it")
    func mistakes() throws {
        let client = BucketClient(try Service.tenant())
        let answer = try client.post(
            "/batch",
            ["uploads": [["filename": "a", "content_type": "a/b"], ["filename": "a/b", "content_type": "a/b"]]])
        #expect(answer.summary == "422 validation_error")
        let location = try answer.json["error"]["details"]["validation_errors"][0]["location"]
        #expect(location == ["body", "uploads", "1", "filename"])
        #expect(try client.list().json["stats"]["total_uploads"] == 0)
        #expect(try client.heldCredits() == 0)
        for uploads in [JSON.array([]), .array(Array(repeating: [:], count: 101)), [5], "x"] {
            #expect(try client.post("/batch", ["uploads": uploads]).summary == "422 validation_error")
        }
    }

    @Test("A confirmation in the background tells its result by its task")
    func background() throws {
        let client = BucketClient(try Service.tenant())
        let upload = try client.sent(try Repository.fixture(Sample.safeJPEG), "p.jpg", contentType: "image/jpeg")
        let answer = try client.confirm(upload.id, query: "?async=true").json
        #expect(answer["status"] == "PROCESSING")
        let id = try #require(answer["task_id"].string)
        let task = try finished(id, client)
        #expect(task["status"] == "COMPLETED")
        #expect(task["task_type"] == "api_buckets_uploads_confirm")
        #expect(task["outputs"][0]["gate"]["reason"] == "clean")
        let shown = try client.get(upload.id).json
        #expect(shown["status"] == "COMPLETED")
        #expect(shown["task_id"] == .string(id))

        // What is over, and what is wrong, is answered at once.
        #expect(try client.confirm(upload.id, query: "?async=true").json["status"] == "COMPLETED")
        let unsent = try client.announced()
        #expect(try client.confirm(unsent.id, query: "?async=true").summary == "409 conflict")
        #expect(try client.confirm(upload.id, query: "?async=maybe").status == 422)
        let stranger = BucketClient(try Service.tenant())
        #expect(try stranger.tenant.get("/v1/tasks/\(id)").summary == "404 not_found")
    }

    @Test("An upload that several confirm at once has one result in all of them")
    func sameTwice() throws {
        let client = BucketClient(try Service.tenant())
        let bad = try client.sent(try Repository.fixture(Sample.nsfwJPEG), "p.jpg", contentType: "image/jpeg")
        let answer = try client.post(
            "/confirm/batch", ["confirmations": .array(Array(repeating: ["upload_id": .string(bad.id)], count: 3))])
        let task = try finished(try #require(answer.json["task_id"].string), client)
        #expect(task["status"] == "FAILED")
        let codes = task["outputs"].array.map { $0["error"]["error"]["code"].string }
        #expect(codes == Array(repeating: "nsfw_content_rejected", count: 3))
    }

    @Test("A batch of confirmations gives each its own result")
    func confirmations() throws {
        let client = BucketClient(try Service.tenant())
        let safe = try client.sent(Sample.text)
        let bad = try client.sent(try Repository.fixture(Sample.nsfwJPEG), "p.jpg", contentType: "image/jpeg")
        let unsent = try client.announced()
        let ids = [safe.id, bad.id, unsent.id, "upl_0000000000000000"]
        let answer = try client.post(
            "/confirm/batch", ["confirmations": .array(ids.map { ["upload_id": .string($0)] })])
        #expect(answer.status == 200)
        let accepted = try answer.json
        #expect(accepted["confirmations_count"] == 4)
        #expect(accepted["task"]["task_type"] == "api_buckets_uploads_batch_confirm")
        let task = try finished(try #require(accepted["task_id"].string), client)
        #expect(task["status"] == "COMPLETED_WITH_ERRORS")
        let outputs = task["outputs"].array
        #expect(outputs.map { $0["upload_id"].string } == ids)
        #expect(outputs[0]["status"] == "COMPLETED")
        let codes = outputs.dropFirst().map { $0["error"]["error"]["code"].string }
        #expect(codes == ["nsfw_content_rejected", "conflict", "not_found"])
        #expect(try client.get(unsent.id).json["status"] == "PENDING")
    }
}

@Suite("Announced uploads through outages and restarts", .blocking)
struct BucketDurabilityTests {
    @Test(
        "An outage at the confirmation refuses it for now where the organization fails closed, and admits where it fails open"
    )
    func outage() throws {
        let service = try Service()
        let open = BucketClient(try service.makeTenant())
        let closed = BucketClient(try service.makeTenant())
        #expect(try closed.tenant.patch(["nsfw_fail_closed": true]).status == 200)
        let picture = try Repository.fixture(Sample.nsfwJPEG)
        let first = try open.sent(picture, "p.jpg", contentType: "image/jpeg")
        let second = try closed.sent(picture, "p.jpg", contentType: "image/jpeg")
        try service.setClassifier("down")
        let admitted = try open.confirm(first.id).json
        #expect(admitted["status"] == "COMPLETED")
        #expect(admitted["gate"]["reason"] == "classifier_unavailable")
        let refused = try closed.confirm(second.id)
        #expect(refused.summary == "503 nsfw_classifier_unavailable")
        #expect(refused["Retry-After"] != nil)
        #expect(try closed.get(second.id).json["status"] == "PENDING")
        #expect(try closed.heldCredits() == 1)

        try service.setClassifier("up")
        #expect(try closed.confirm(second.id).summary == "422 nsfw_content_rejected")
        let isQuarantined = try Concurrent.eventually {
            try open.tenant.get("/v1/uploads/\(first.id)").json["status"] == "QUARANTINED"
        }
        #expect(isQuarantined)
        let shown = try open.get(first.id, query: "?return_presigned_urls=true").json
        #expect(shown["presigned_url"] == .null)
        #expect(shown["gate"]["decision"] == "quarantined")
        try service.stop()
    }

    // A backup has the database, and no bytes of uploads that are not over.
    @Test("An upload whose bytes are gone at the start takes them again")
    func missingBytes() throws {
        let service = try Service()
        let client = BucketClient(try service.makeTenant())
        let upload = try client.sent(Sample.text)
        try service.stop()
        try FileManager.default.removeItem(at: service.directory.url("data/staging/\(upload.id)"))
        try service.start()
        #expect(try client.confirm(upload.id).summary == "409 conflict")
        #expect(try client.head(upload)["Upload-Offset"] == "0")
        #expect(try client.put(upload, .bytes(Sample.text)).status == 200)
        #expect(try client.confirm(upload.id).status == 200)
        try service.stop()
    }

    @Test("An upload that nobody confirms in time fails, and its credits and bytes are given back")
    func expiry() throws {
        let service = try Service()
        let client = BucketClient(try service.makeTenant())
        let upload = try client.sent(Sample.text)
        let fresh = try client.sent(Sample.text)
        try service.stop()
        // An hour does not pass in a test.
        let program = """
            import sqlite3, sys
            with sqlite3.connect(sys.argv[1]) as db:
                db.execute("UPDATE bucket_uploads SET expires_at = 1000 WHERE id = ?", (sys.argv[2],))
            """
        let database = service.directory.path("data/portcullis.db")
        let edit = try ChildProcess.run("/usr/bin/env", ["python3", "-c", program, database, upload.id])
        #expect(edit.status == .exited(0), "\(edit.errorText)")
        try service.start()
        let isOver = try Concurrent.eventually { try client.get(upload.id).json["status"] == "FAILED" }
        #expect(isOver)
        #expect(try client.get(upload.id).json["message"].string?.contains("expired") == true)
        #expect(try client.confirm(upload.id).summary == "410 gone")
        #expect(!client.isStaged(upload.id))
        #expect(try client.heldCredits() == 1)
        #expect(try client.confirm(fresh.id).status == 200)
        try service.stop()
    }

    // Cancelled, the scans of the confirmations in flight would look like an outage of the classifier, which admits
    // where the organization fails open.
    @Test(
        "A service that is stopped ends its confirmations in flight by their verdict, and leaves the rest to the next start"
    )
    func stop() throws {
        let service = try Service()
        let client = BucketClient(try service.makeTenant())
        let picture = try Repository.fixture("nsfw-pattern-large.jpg")
        let uploads = try (0..<6).map { _ in try client.sent(picture, "p.jpg", contentType: "image/jpeg") }
        let tasks = try uploads.map { upload in
            try #require(try client.confirm(upload.id, query: "?async=true").json["task_id"].string)
        }
        try service.stop()
        try service.start()
        for task in tasks {
            let isOver = try Concurrent.eventually(seconds: 60) {
                try client.tenant.get("/v1/tasks/\(task)").json["status"] == "FAILED"
            }
            #expect(isOver)
            let output = try client.tenant.get("/v1/tasks/\(task)").json["outputs"][0]
            #expect(output["error"]["error"]["code"] == "nsfw_content_rejected")
        }
        #expect(try client.heldCredits() == 0)
        try service.stop()
    }

    @Test("A task whose key was deleted before the restart ends, and says so")
    func orphanedTask() throws {
        let service = try Service()
        let client = BucketClient(try service.makeTenant())
        let upload = try client.sent(try Repository.fixture(Sample.safeJPEG), "p.jpg", contentType: "image/jpeg")
        try service.stop()
        let program = """
            import sqlite3, sys
            with sqlite3.connect(sys.argv[1]) as db:
                db.execute("INSERT INTO tasks SELECT 'task_orphan', internal_id, 'api_buckets_uploads_confirm', 'photos',"
                    " 'key_gone', 'req', ?, 9999999999999, 'PENDING', ?, NULL FROM organizations",
                    (open(sys.argv[2]).read().strip(), '{"items":[{"upload_id":"' + sys.argv[3] + '"}]}'))
            """
        let edit = try ChildProcess.run(
            "/usr/bin/env",
            [
                "python3", "-c", program, service.directory.path("data/portcullis.db"),
                service.directory.path("data/node-id"), upload.id,
            ])
        #expect(edit.status == .exited(0), "\(edit.errorText)")
        try service.start()
        let task = try client.tenant.get("/v1/tasks/task_orphan").json
        #expect(task["status"] == "FAILED")
        #expect(task["outputs"][0]["error"]["error"]["code"] == "forbidden")
        #expect(try client.confirm(upload.id).status == 200)
        try service.stop()
    }

    @Test("A killed service keeps what was announced and sent, and carries its tasks out after the start")
    func restart() throws {
        let service = try Service()
        let client = BucketClient(try service.makeTenant())
        let before = try client.tenant.credits()
        let bytes = Sample.noise(700_000)
        let half = try client.announced("half.bin", ["file_size_bytes": 700_000])
        let part = try client.put(half, .bytes(Array(bytes[..<400_000])), range: "bytes 0-399999/700000")
        #expect(part.status == 202)
        let whole = try client.sent(Sample.text)
        // The classifier is down and the organization fails closed, so that the task is refused until the start.
        let picture = try client.sent(try Repository.fixture(Sample.safeJPEG), "p.jpg", contentType: "image/jpeg")
        let answer = try client.confirm(picture.id, query: "?async=true").json
        let task = try #require(answer["task_id"].string)
        try service.kill()
        try service.start()

        let isDone = try Concurrent.eventually(seconds: 60) {
            try client.tenant.get("/v1/tasks/\(task)").json["status"] == "COMPLETED"
        }
        let state = try client.tenant.get("/v1/tasks/\(task)").text
        #expect(isDone, "\(state)")
        #expect(try client.get(picture.id).json["status"] == "COMPLETED")
        #expect(try client.heldCredits() == 2)
        #expect(try client.head(half)["Upload-Offset"] == "400000")
        let rest = try client.put(half, .bytes(Array(bytes[400_000...])), range: "bytes 400000-699999/700000")
        #expect(rest["ETag"] == "\"\(try Digest.sha256(bytes))\"")
        #expect(try client.confirm(half.id).status == 200)
        #expect(try client.confirm(whole.id).status == 200)
        #expect(try client.tenant.get("/v1/uploads/\(half.id)/content").body == bytes)
        #expect(try client.tenant.credits() == before - 3)
        #expect(try client.heldCredits() == 0)
        #expect(service.directory.files(below: "data/staging").isEmpty)
        try service.stop()
    }
}
