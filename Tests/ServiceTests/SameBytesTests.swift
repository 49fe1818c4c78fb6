import Foundation
import Glibc
import TestSupport
import Testing

@Suite("The same bytes again", .blocking)
struct SameBytesTests {
    private func metric(_ service: Service, _ name: String) throws -> Double {
        let text = try service.sendPrivately(HTTPRequest("GET", "/metrics")).text
        let line = text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
        return line.flatMap { Double($0.dropFirst(name.count + 1)) } ?? 0
    }

    private func scans(_ service: Service) throws -> Double {
        try ["scored", "unscannable"].reduce(0) {
            $0 + (try metric(service, "portcullis_scans_total{outcome=\"\($1)\"}"))
        }
    }

    /// The receipt, whether the upload was accepted or rejected.
    private func receipt(_ answer: HTTPResponse) throws -> JSON {
        let body = try answer.json
        return body["gate"].isPresent ? body["gate"] : body["error"]["details"]["gate"]
    }

    @Test("Accepted or rejected, the same bytes are scanned once, also across a restart; each receipt says so")
    func restart() throws {
        let service = try Service()
        let tenant = try service.makeTenant()
        let files = [
            (Sample.safeJPEG, "201"), (Sample.nsfwJPEG, "422 nsfw_content_rejected"),
            (Sample.truncatedJPEG, "422 image_unscannable"),
        ]
        var first: [JSON] = []
        for (name, summary) in files {
            let answer = try tenant.upload(fixture: name)
            #expect(answer.summary.hasPrefix(summary), "\(name)")
            first.append(try receipt(answer))
            #expect(!(first.last?["cached"].isPresent ?? true), "\(name)")
        }
        #expect(try scans(service) == 3)
        for restarts in [false, true] {
            if restarts {
                try service.kill()
                try service.start()
                // The fingerprint is that of a worker that is ready.
                _ = try tenant.upload(Sample.padded(Sample.safeJPEG, by: 7))
            }
            let before = try scans(service)
            for (index, (name, summary)) in files.enumerated() {
                let answer = try tenant.upload(fixture: name)
                #expect(answer.summary.hasPrefix(summary), "\(name)")
                let gate = try receipt(answer)
                #expect(gate["cached"] == true, "\(name), restarted: \(restarts)")
                for member in ["scanned_at", "score", "reason", "frames_scanned", "model", "sha256"] {
                    #expect(gate[member] == first[index][member], "\(member) of \(name)")
                }
            }
            #expect(try scans(service) == before)
        }
        // The record tells it, too.
        let list = try tenant.get("/v1/uploads?status=REJECTED").json["results"].array
        #expect(list.filter { $0["gate"]["cached"] == true }.count == 4)
        #expect(try service.command("verify").status == .exited(0))
        try service.stop()
    }

    @Test("Only the scan is remembered: the settings of the moment decide, and another organization's file is scanned")
    func policies() throws {
        let service = try Service()
        let (one, other) = (try service.makeTenant(), try service.makeTenant())
        #expect(try one.upload(fixture: Sample.nsfwJPEG).status == 422)
        #expect(try one.patch(["nsfw_check_enabled": false]).status == 200)
        let free = try one.upload(fixture: Sample.nsfwJPEG)
        #expect(free.status == 201)
        #expect(try !receipt(free)["cached"].isPresent)
        #expect(try one.patch(["nsfw_check_enabled": true]).status == 200)
        #expect(try one.upload(fixture: Sample.nsfwJPEG).summary == "422 nsfw_content_rejected")
        #expect(try scans(service) == 1)
        let stranger = try other.upload(fixture: Sample.nsfwJPEG)
        #expect(stranger.summary == "422 nsfw_content_rejected")
        #expect(try !receipt(stranger)["cached"].isPresent)
        #expect(try scans(service) == 2)
        #expect(try metric(service, "portcullis_verdict_cache_total{result=\"hit\"}") == 1)
        try service.stop()
    }

    @Test("Sixteen uploads of the same bytes at once are one scan, and each is charged and recorded")
    func together() throws {
        let service = try Service()
        let tenant = try service.makeTenant()
        _ = try tenant.upload(fixture: Sample.safePNG)
        let before = (try scans(service), try tenant.credits())
        let bytes = try Repository.fixture(Sample.safeJPEG)
        let answers = try Concurrent.run(16) { index in try tenant.upload(bytes, filename: "\(index).jpg") }
            .map { try $0.get() }
        #expect(answers.allSatisfy { $0.status == 201 })
        #expect(Set(try answers.compactMap { try $0.json["upload_id"].string }).count == 16)
        #expect(try scans(service) == before.0 + 1)
        #expect(try tenant.credits() == before.1 - 16)
        try service.stop()
    }

    @Test("Where workers cannot be started, what is known decides, also for an organization that fails open")
    func outage() throws {
        let directory = try TemporaryDirectory()
        let worker = directory.path("worker")
        let program = URL(filePath: try Service.executable.get()).deletingLastPathComponent()
            .appending(path: "portcullis-worker").path
        try FileManager.default.createSymbolicLink(atPath: worker, withDestinationPath: program)
        let service = try Service(settings: [
            "PORTCULLIS_WORKER_EXECUTABLE": worker, "PORTCULLIS_QUEUE_WAIT_MILLISECONDS": "2000",
        ])
        let tenant = try service.makeTenant()
        let scanned = try Concurrent.eventually {
            try tenant.upload(fixture: Sample.nsfwJPEG).summary == "422 nsfw_content_rejected"
        }
        #expect(scanned)
        try FileManager.default.removeItem(atPath: worker)
        for process in try service.workers() { _ = sendSignal(SIGKILL, to: process) }
        let isDown = try Concurrent.eventually {
            try tenant.upload(Sample.padded(Sample.safeJPEG, by: Int.random(in: 1...100_000)))
                .json["scan_state"] == "unscanned"
        }
        #expect(isDown)
        let known = try tenant.upload(fixture: Sample.nsfwJPEG)
        #expect(known.summary == "422 nsfw_content_rejected")
        #expect(try receipt(known)["cached"] == true)
        // In a drill an outage is what is wanted.
        try service.setClassifier("down")
        #expect(try tenant.upload(fixture: Sample.nsfwJPEG).json["scan_state"] == "unscanned")
        try service.stop()
    }

    @Test("What was admitted unscanned is settled by what is known of the same bytes")
    func debt() throws {
        let service = try Service()
        let tenant = try service.makeTenant()
        #expect(try tenant.upload(fixture: Sample.nsfwJPEG).status == 422)
        try service.setClassifier("down")
        let admitted = try tenant.accepted(Repository.fixture(Sample.nsfwJPEG))
        let before = try scans(service)
        try service.setClassifier("up")
        let settled = try Concurrent.eventually {
            try tenant.get("/v1/uploads/\(admitted)").json["status"] == "QUARANTINED"
        }
        #expect(settled)
        #expect(try tenant.get("/v1/uploads/\(admitted)").json["gate"]["cached"] == true)
        #expect(try scans(service) == before)
        // And a late scan answers for what comes later.
        try service.setClassifier("down")
        let late = try tenant.accepted(Sample.padded(Sample.safeJPEG, by: 3))
        try service.setClassifier("up")
        let isScanned = try Concurrent.eventually {
            try tenant.get("/v1/uploads/\(late)").json["scan_state"] == "scanned"
        }
        #expect(isScanned)
        let known = try tenant.upload(Sample.padded(Sample.safeJPEG, by: 3))
        #expect(try known.status == 201 && receipt(known)["cached"] == true)
        try service.stop()
    }

    @Test("Switched off, each upload is scanned")
    func off() throws {
        let service = try Service(settings: ["PORTCULLIS_VERDICT_RETENTION_DAYS": "0"])
        let tenant = try service.makeTenant()
        for _ in 0..<2 {
            let answer = try tenant.upload(fixture: Sample.nsfwJPEG)
            #expect(answer.summary == "422 nsfw_content_rejected")
            #expect(try !receipt(answer)["cached"].isPresent)
        }
        #expect(try scans(service) == 2)
        try service.stop()
    }
}
