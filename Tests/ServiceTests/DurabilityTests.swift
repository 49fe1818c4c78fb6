import Synchronization
import TestSupport
import Testing

@Suite("Restarts and crashes", .blocking)
struct DurabilityTests {
    @Test("A restart keeps uploads, settings, keys and the balance")
    func restart() throws {
        let service = try Service()
        let tenant = try service.makeTenant()
        let bytes = Sample.noise(2_500_000)
        let id = try tenant.accepted(bytes)
        let picture = try tenant.accepted(try Repository.fixture(Sample.safeJPEG))
        #expect(try tenant.upload(fixture: Sample.nsfwJPEG).status == 422)
        #expect(try tenant.patch(["metadata": ["kept": true], "nsfw_fail_closed": true]).status == 200)
        let organization = try tenant.get("/v1/organizations").json
        let record = try tenant.get("/v1/uploads/\(id)").json
        #expect(try service.stop().status == .exited(0))

        try service.start()
        #expect(try tenant.get("/v1/organizations").json == organization)
        #expect(try tenant.get("/v1/uploads/\(id)").json == record)
        #expect(try tenant.get("/v1/uploads/\(id)/content").body == bytes)
        #expect(try tenant.get("/v1/uploads/\(picture)/content").body == Repository.fixture(Sample.safeJPEG))
        #expect(try tenant.get("/v1/uploads?status=REJECTED").json["results"].array.count == 1)
        #expect(try tenant.upload(fixture: Sample.nsfwJPEG).status == 422)
        try service.stop()
    }

    @Test("The debt outlives a restart")
    func debtSurvives() throws {
        let service = try Service()
        let tenant = try service.makeTenant()
        try service.setClassifier("down")
        let id = try tenant.accepted(try Repository.fixture(Sample.nsfwJPEG))
        try service.kill()
        try service.start()
        let isQuarantined = try Concurrent.eventually {
            try tenant.get("/v1/uploads/\(id)").json["status"] == "QUARANTINED"
        }
        #expect(isQuarantined)
        try service.stop()
    }

    @Test(
        "kill -9 during 20 concurrent uploads loses nothing acknowledged and charges nothing twice",
        arguments: [150, 600])
    func killedDuringUploads(milliseconds: Int) throws {
        let service = try Service()
        let tenant = try service.makeTenant()
        let picture = try Repository.fixture(Sample.safeJPEG)
        let start = try tenant.credits()
        let acknowledged = Acknowledged()
        let uploading = Flag()
        let clients = Concurrent.start {
            Concurrent.run(20) { client in
                var round = 0
                while uploading.isSet {
                    let seed = UInt64(client * 1_000_000 + round)
                    // Every fifth client posts pictures, so that the crash also comes in the middle of checks.
                    let bytes =
                        client % 5 == 0 ? picture + Sample.noise(16, seed: seed) : Sample.noise(200_000, seed: seed)
                    let answer = try tenant.upload(bytes)
                    if answer.status == 201, let id = try answer.json["upload_id"].string {
                        acknowledged.add(id, bytes)
                    }
                    round += 1
                }
            }
        }
        pause(milliseconds: milliseconds)
        try service.kill()
        uploading.clear()
        _ = try clients.value()

        try service.start()
        #expect(service.spoolFiles.isEmpty, "\(service.spoolFiles)")
        let uploads = try allUploads(tenant)
        for (id, bytes) in acknowledged.all {
            let content = try tenant.get("/v1/uploads/\(id)/content")
            #expect(content.status == 200)
            #expect(content.body == bytes, "\(id) differs")
        }
        // What was complete but not yet acknowledged may be there, whole and charged once; nothing else may.
        #expect(Set(acknowledged.all.keys).isSubset(of: uploads.keys))
        #expect(uploads.values.allSatisfy { $0["credits_charged"] == 1 })
        #expect(try tenant.credits() == start - uploads.count)
        let hashes = Set(uploads.values.compactMap { $0["file_hash"].string })
        let blobs = service.directory.files(below: "data/blobs").compactMap { $0.split(separator: "/").last }
        #expect(Set(blobs.map(String.init)) == hashes)
        try service.stop()
    }

    private func allUploads(_ tenant: Tenant) throws -> [String: JSON] {
        var uploads: [String: JSON] = [:]
        var cursor: String?
        repeat {
            let page = try tenant.get("/v1/uploads?limit=100" + (cursor.map { "&cursor=\($0)" } ?? "")).json
            for upload in page["results"].array { uploads[upload["upload_id"].string ?? ""] = upload }
            cursor = page["pagination"]["next_cursor"].string
        } while cursor != nil
        return uploads
    }

    @Test("SIGTERM finishes an upload in flight, then the service exits with 0")
    func gracefulEnd() throws {
        let service = try Service()
        let tenant = try service.makeTenant()
        let bytes = Sample.noise(3_000_000)
        let connection = try service.connect()
        try connection.send(
            "POST \(Tenant.target(filename: "late.bin")) HTTP/1.1\r\nHost: localhost\r\n"
                + "Authorization: Bearer \(tenant.key)\r\nContent-Length: \(bytes.count)\r\n\r\n")
        try connection.send(Array(bytes.prefix(400_000)))
        let isSpooling = Concurrent.eventually { !service.spoolFiles.isEmpty }
        #expect(isSpooling)
        try service.send(signal: 15)
        pause(milliseconds: 300)
        #expect(service.isRunning)
        try connection.send(Array(bytes.dropFirst(400_000)))
        let answer = try connection.readResponse(to: "POST")
        #expect(answer.status == 201)
        let id = try #require(try answer.json["upload_id"].string)
        #expect(try service.waitForEnd().status == .exited(0))

        try service.start()
        #expect(try tenant.get("/v1/uploads/\(id)/content").body == bytes)
        try service.stop()
    }

    @Test("After its end the service leaves no worker behind", arguments: [15, 9])
    func workersEnd(signal: Int32) throws {
        let service = try Service(settings: ["PORTCULLIS_WORKERS": "2"])
        let tenant = try service.makeTenant()
        #expect(try tenant.upload(fixture: Sample.safeJPEG).status == 201)
        let workers = try service.workers()
        #expect(workers.count == 2)
        try service.send(signal: signal)
        _ = try service.waitForEnd()
        let areGone = Concurrent.eventually(seconds: 10) { workers.allSatisfy { !sendSignal(0, to: $0) } }
        #expect(areGone)
    }

    @Test("A second service on the same data is refused with a message that says so")
    func secondService() throws {
        let service = try Service()
        let outcome = try service.command("serve")
        #expect(outcome.status != .exited(0))
        #expect(outcome.errorText.contains(service.dataDirectory))
        #expect(try service.send(HTTPRequest("GET", "/v1/health/liveness")).status == 200)
        try service.stop()
    }
}

/// Uploads that were answered with 201.
private final class Acknowledged: Sendable {
    private let uploads = Mutex<[String: [UInt8]]>([:])
    func add(_ id: String, _ bytes: [UInt8]) { uploads.withLock { $0[id] = bytes } }
    var all: [String: [UInt8]] { uploads.withLock { $0 } }
}
