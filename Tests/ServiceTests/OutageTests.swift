import Foundation
import TestSupport
import Testing

// Each test takes the classifier out of service, so none shares its service with another.
@Suite("Outages of the classifier", .blocking)
struct OutageTests {
    @Test("In a drill, an organization that fails open is admitted unscanned")
    func drillOpen() throws {
        let service = try Service()
        let tenant = try service.makeTenant()
        try service.setClassifier("down")
        let answer = try tenant.upload(fixture: Sample.safeJPEG)
        #expect(answer.status == 201)
        let upload = try answer.json
        #expect(upload["scan_state"] == "unscanned")
        #expect(upload["gate"]["reason"] == "classifier_unavailable")
        #expect(upload["gate"]["decision"] == "accepted")
        #expect(!upload["gate"]["score"].isPresent || upload["gate"]["score"] == .null)

        // What needs no classifier is not touched by its outage.
        #expect(try tenant.upload(Sample.text).json["gate"]["reason"] == "not_an_image")
        try service.stop()
    }

    @Test("In a drill, an organization that fails closed gets 503 with Retry-After and pays nothing")
    func drillClosed() throws {
        let service = try Service()
        let tenant = try service.makeTenant()
        #expect(try tenant.patch(["nsfw_fail_closed": true]).status == 200)
        let before = try tenant.credits()
        try service.setClassifier("down")
        let answer = try tenant.upload(fixture: Sample.safeJPEG)
        #expect(answer.summary == "503 nsfw_classifier_unavailable")
        #expect(try answer.json["error"]["type"] == "ClassifierUnavailableError")
        #expect(try answer.json["error"]["details"]["gate"]["reason"] == "classifier_unavailable")
        let seconds = try #require(answer["Retry-After"].flatMap { Int($0) })
        #expect(seconds > 0)
        #expect(try tenant.credits() == before)
        #expect(service.spoolFiles.isEmpty)

        try service.setClassifier("up")
        #expect(try tenant.upload(fixture: Sample.safeJPEG).status == 201)
        #expect(try tenant.upload(fixture: Sample.nsfwJPEG).status == 422)
        try service.stop()
    }

    @Test("The debt is scanned when the classifier is back, and what is NSFW is quarantined but stays charged")
    func debt() throws {
        let service = try Service()
        let tenant = try service.makeTenant()
        try service.setClassifier("down")
        let safe = try tenant.accepted(try Repository.fixture(Sample.safeJPEG))
        let bad = try tenant.accepted(try Repository.fixture(Sample.nsfwJPEG))
        #expect(try tenant.get("/v1/uploads/\(bad)/content").status == 200)
        let debt = try tenant.get("/v1/uploads?scan_state=unscanned").json["results"].array
        #expect(Set(debt.compactMap { $0["upload_id"].string }) == [safe, bad])
        let credits = try tenant.credits()

        try service.setClassifier("up")
        let scanned = try Concurrent.eventually {
            try [safe, bad].allSatisfy { try tenant.get("/v1/uploads/\($0)").json["scan_state"] == "scanned" }
        }
        #expect(scanned, "the debt was not scanned: \(service.log.suffix(1000))")

        let clean = try tenant.get("/v1/uploads/\(safe)").json
        #expect(clean["status"] == "COMPLETED")
        #expect(clean["gate"]["reason"] == "clean")
        #expect(try tenant.get("/v1/uploads/\(safe)/content").status == 200)

        let quarantined = try tenant.get("/v1/uploads/\(bad)").json
        #expect(quarantined["status"] == "QUARANTINED")
        #expect(quarantined["gate"]["decision"] == "quarantined")
        #expect(quarantined["gate"]["reason"] == "nsfw")
        #expect((quarantined["gate"]["score"].double ?? 0) >= 0.8)
        #expect(try tenant.get("/v1/uploads/\(bad)/content").summary == "410 quarantined")
        #expect(try tenant.credits() == credits)
        try service.stop()
    }

    @Test("Without a runtime the service starts, and its classifier counts as unavailable")
    func missingRuntime() throws {
        let service = try Service(settings: ["PORTCULLIS_ONNXRUNTIME": "/nonexistent/libonnxruntime.so"])
        let tenant = try service.makeTenant()
        let answer = try tenant.upload(fixture: Sample.nsfwJPEG)
        #expect(answer.status == 201)
        #expect(try answer.json["gate"]["reason"] == "classifier_unavailable")
        #expect(try tenant.patch(["nsfw_fail_closed": true]).status == 200)
        #expect(try tenant.upload(fixture: Sample.safeJPEG).summary == "503 nsfw_classifier_unavailable")
        #expect(try service.send(HTTPRequest("GET", "/v1/health/liveness")).status == 200)
        try service.stop()
    }

    @Test("A model that is installed later is taken up, and the debt with it")
    func missingModel() throws {
        let directory = try TemporaryDirectory()
        let manifest = try directory.write(Repository.bytes("models/open-nsfw.json"), to: "open-nsfw.json")
        let service = try Service(settings: ["PORTCULLIS_MODEL": manifest])
        let tenant = try service.makeTenant()
        let bad = try tenant.accepted(try Repository.fixture(Sample.nsfwJPEG))
        #expect(try tenant.get("/v1/uploads/\(bad)").json["scan_state"] == "unscanned")

        let file = try #require(try JSON(parsing: Repository.bytes("models/open-nsfw.json"))["file"].string)
        try directory.write(Repository.bytes("models/\(file)"), to: file)
        let quarantined = try Concurrent.eventually {
            try tenant.get("/v1/uploads/\(bad)").json["status"] == "QUARANTINED"
        }
        #expect(quarantined, "the model was not taken up: \(service.log.suffix(1000))")
        try service.stop()
    }

    // The workers read a manifest that comes late; the gate must go by the same one.
    @Test("A manifest that comes after the start brings its own threshold")
    func lateManifest() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/late.json"
        let service = try Service(settings: ["PORTCULLIS_MODEL": path])
        let tenant = try service.makeTenant()
        _ = try tenant.accepted(try Repository.fixture(Sample.safeJPEG))

        let source = try JSON(parsing: Repository.bytes("models/open-nsfw.json"))
        let file = try #require(source["file"].string)
        try directory.write(Repository.bytes("models/\(file)"), to: file)
        let text = String(decoding: try Repository.bytes("models/open-nsfw.json"), as: UTF8.self)
        #expect(text.contains("\"threshold\": 0.8"))
        let changed = text.replacingOccurrences(of: "\"threshold\": 0.8", with: "\"threshold\": 0.99995")
        try directory.write(Array(changed.utf8), to: "late.json")
        let accepted = try Concurrent.eventually {
            let gate = try tenant.upload(fixture: Sample.nsfwJPEG).json["gate"]
            return gate["reason"] == "clean" && gate["threshold"] == 0.99995
        }
        #expect(accepted, "the late manifest's threshold is not in force: \(service.log.suffix(1000))")
        try service.stop()
    }

    @Test("Killing every worker again and again lets nothing NSFW pass an organization that fails closed")
    func killedWorkers() throws {
        let service = try Service(settings: [
            "PORTCULLIS_WORKERS": "2", "PORTCULLIS_QUEUE_WAIT_MILLISECONDS": "1000",
        ])
        let strict = try service.makeTenant()
        #expect(try strict.patch(["nsfw_fail_closed": true]).status == 200)
        let open = try service.makeTenant()
        // The workers may not be up yet.
        #expect(try Concurrent.eventually { try strict.upload(fixture: Sample.safeJPEG).status == 201 })
        let before = try strict.credits()

        let killing = Flag()
        let killer = Concurrent.start {
            var killed = 0
            while killing.isSet {
                for worker in try service.workers() where sendSignal(9, to: worker) { killed += 1 }
                pause(milliseconds: 30)
            }
            return killed
        }
        let allowed: Set = ["422 nsfw_content_rejected", "422 image_unscannable", "503 nsfw_classifier_unavailable"]
        for index in 0..<5 {
            // Other bytes each time, as what was scanned before needs no worker.
            let picture = try Sample.padded(Sample.nsfwJPEG, by: 1 + index)
            let answer = try strict.upload(picture)
            #expect(allowed.contains(answer.summary), "\(answer.summary)")
            let tolerated = try open.upload(picture)
            let state = try tolerated.json["scan_state"]
            #expect(allowed.contains(tolerated.summary) || state == "unscanned", "\(tolerated.summary) \(state)")
        }
        killing.clear()
        #expect(try killer.value() > 2)
        #expect(try strict.credits() == before)

        // The service heals by itself.
        let healed = try Concurrent.eventually {
            try strict.upload(Sample.padded(Sample.safeJPEG, by: 100)).status == 201
        }
        #expect(healed, "no worker came back: \(service.log.suffix(1000))")
        #expect(try strict.upload(Sample.padded(Sample.nsfwJPEG, by: 100)).summary == "422 nsfw_content_rejected")
        try service.stop()
    }
}
