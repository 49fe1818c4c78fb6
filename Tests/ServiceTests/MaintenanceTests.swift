import Foundation
import TestSupport
import Testing

@Suite("Verify and backup beside the service", .blocking)
struct MaintenanceTests {
    @Test(
        "verify says what it looked at and exits with 0; with 1 for differences, one a line; with 2 if it cannot look")
    func verify() throws {
        let service = try Service(settings: ["PORTCULLIS_MAX_BYTES_IN_DATABASE": "0"])
        let tenant = try service.makeTenant()
        _ = try tenant.accepted(Sample.text)
        _ = try tenant.accepted(Sample.text)
        let victim = try tenant.accepted(Sample.pdf)
        let clean = try service.command("verify", "--content")
        #expect(clean.status == .exited(0), "\(clean.outputText)\(clean.errorText)")
        #expect(clean.outputText.contains("uploads 3") && clean.outputText.contains("contents 2"))
        #expect(clean.outputText.contains("bytes read \(Sample.text.count + Sample.pdf.count)"))
        #expect(clean.outputText.hasSuffix("differences 0\n"))

        let hash = try #require(tenant.get("/v1/uploads/\(victim)").json["file_hash"].string)
        let path = try #require(service.directory.files(below: "data/blobs").first { $0.hasSuffix(hash) })
        try service.directory.write(Array(Sample.pdf.reversed()), to: path)
        #expect(try service.command("verify").status == .exited(0), "sizes agree")
        let found = try service.command("verify", "--content", "--json")
        #expect(found.status == .exited(1))
        let lines = try found.outputText.split(separator: "\n").map { try JSON(parsing: $0) }
        #expect(lines.count == 2)
        #expect(lines[0]["subject"] == "file" && lines[0]["place"] == .string("content \(tenant.id)/\(hash)"))
        #expect(lines[1]["summary"]["differences"] == 1)
        try service.stop()

        try service.directory.write(Sample.text, to: "data/portcullis.db")
        let unusable = try service.command("verify")
        #expect(unusable.status == .exited(2) && unusable.outputText.isEmpty)
        #expect(unusable.errorText.contains("portcullis.db"))
        #expect(try service.command("verify", "everything").status == .exited(64))
    }

    @Test("A backup made while uploads come and go restores to clean books, and serves what it holds")
    func backup() throws {
        let service = try Service()
        let tenant = try service.makeTenant(tier: "team")
        let kept = try tenant.accepted(Sample.noise(50_000, seed: 9_999))
        let running = Flag()
        let clients = Concurrent.start {
            Concurrent.run(4) { client in
                var round: UInt64 = 0
                while running.isSet {
                    let id = try tenant.accepted(Sample.noise(20_000, seed: (UInt64(client) + round) % 6))
                    if round % 3 != 0 { _ = try tenant.delete("/v1/uploads/\(id)") }
                    round += 1
                }
                return round
            }
        }
        let folder = try TemporaryDirectory()
        var outcomes: [ChildProcess.Outcome] = []
        for index in 0..<3 {
            outcomes.append(try service.command("backup", folder.path("backup-\(index)")))
            outcomes.append(try service.command("verify", "--content"))
        }
        running.clear()
        for rounds in try clients.value() { #expect(try rounds.get() > 0) }
        for outcome in outcomes { #expect(outcome.status == .exited(0), "\(outcome.outputText)\(outcome.errorText)") }
        #expect(try service.command("backup", folder.path("backup-0")).status == .exited(2))
        try service.stop()

        for index in 0..<3 {
            let copy = folder.path("backup-\(index)")
            let environment = Service.environment(dataDirectory: copy)
            let verified = try ChildProcess.run(
                Service.executable.get(), ["verify", "--content"], environment: environment)
            #expect(verified.status == .exited(0), "\(verified.outputText)\(verified.errorText)")
        }
        let place = try TemporaryDirectory()
        try FileManager.default.moveItem(at: folder.url("backup-2"), to: place.url("data"))
        let restored = try Service(in: place)
        let content = try restored.send(HTTPRequest("GET", "/v1/uploads/\(kept)/content"), key: tenant.key)
        #expect(content.status == 200 && content.body == Sample.noise(50_000, seed: 9_999))
        #expect(restored.spoolFiles.isEmpty)
        #expect(try restored.command("verify", "--content").status == .exited(0))
        try restored.stop()
    }
}
