import Foundation
import TestSupport
import Testing

/// Other people's programs against the running service.
@Suite("Clients", .service(["PORTCULLIS_SELF_SERVICE_CREDITS": "true"]), .timeLimit(.minutes(15)))
struct ClientTests {
    /// A program of the virtual environment that scripts/install-clients makes.
    private func client(_ name: String) throws -> String {
        let path = Repository.path(".build/test-clients/bin/\(name)")
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw SupportError("the tests' clients are not installed; run scripts/install-clients")
        }
        return path
    }

    private func environment(_ tenant: Tenant, _ more: [String: String] = [:]) throws -> [String: String] {
        ChildProcess.plainEnvironment.merging([
            "PORTCULLIS_TEST_URL": "http://127.0.0.1:\(try tenant.service.publicPort)",
            "PORTCULLIS_TEST_KEY": tenant.key, "PORTCULLIS_TEST_USER": tenant.email,
        ]) { $1 }.merging(more) { $1 }
    }

    @Test("The official Python SDK gets through every call, and its strict models read every answer")
    func officialSDK() throws {
        let tenant = try Service.tenant()
        let tour = try ChildProcess.run(
            try client("python"), [Repository.path("Tests/Clients/sdk_tour.py")], environment: environment(tenant),
            seconds: 300)
        #expect(tour.status == .exited(0), "\(tour.errorText)")
        #expect(tour.outputText.split(separator: "\n").count >= 28, "\(tour.outputText)")
    }

    @Test("schemathesis finds no answer that the description does not allow", arguments: [1, 2])
    func schemathesis(seed: Int) throws {
        let high: JSON = [
            "metadata": 1_000_000, "data": 1_000_000, "search": 1_000_000, "upload": 1_000_000, "compute": 1_000_000,
        ]
        let tenant = try Service.tenant(tier: "enterprise", rateLimits: high)
        let secret = HTTPRequest(
            "POST", "/v1/organizations/secrets", json: ["secret_name": "known", "secret_value": "value"])
        #expect(try tenant.send(secret).status == 200)
        let url = "http://127.0.0.1:\(try tenant.service.publicPort)/openapi.json"
        let directory = try TemporaryDirectory()
        let run = try ChildProcess.run(
            try client("schemathesis"),
            [
                "--config-file", Repository.path("Tests/Clients/schemathesis.toml"), "run", url, "--header",
                "Authorization: Bearer \(tenant.key)", "--seed", "\(seed)", "--no-color", "--output-truncate", "false",
                "--continue-on-failure", "--request-timeout", "60", "--generation-database", "none",
            ],
            environment: environment(
                tenant,
                [
                    "SCHEMATHESIS_HOOKS": Repository.path("Tests/Clients/schemathesis_hooks.py"),
                    "PORTCULLIS_TEST_SECRET": "known",
                ]), directory: directory.path, seconds: 800)
        #expect(run.status == .exited(0), "\(run.outputText.suffix(20_000))\(run.errorText.suffix(2_000))")
        // It really tested: every operation, and not only with requests that were turned away.
        let tested = run.outputText.firstMatch(of: /Tested: (\d+)/).flatMap { Int($0.1) } ?? 0
        let operations = try JSON(parsing: tenant.get("/openapi.json").body)["paths"].object.values
            .reduce(0) { $0 + $1.keys.count }
        // The description itself is what it reads, not what it tests.
        #expect(tested == operations - 1)
        #expect(!run.outputText.contains("Rate limited"), "\(run.outputText.suffix(3_000))")
        #expect(!run.outputText.contains("Authentication failed"), "\(run.outputText.suffix(3_000))")
    }

    /// Pastes every command of a page into one shell, as on the demo, and gives what they print.
    private func paste(_ name: String, key: String? = nil) throws -> (blocks: Int, output: String) {
        let page = try Repository.text(name)
        let blocks = page.matches(of: /```sh\n(?<commands>[^`]*)```/).map { String($0.output.commands) }
        let service = try Service.current
        let publicPort = try service.publicPort
        let privatePort = try service.privatePort
        var script = "set -euo pipefail\n" + blocks.joined(separator: "\n")
        script = script.replacing("127.0.0.1:8080", with: "127.0.0.1:\(publicPort)")
        script = script.replacing("127.0.0.1:8081", with: "127.0.0.1:\(privatePort)")
        let directory = try TemporaryDirectory()
        try FileManager.default.createDirectory(at: directory.url("data"), withIntermediateDirectories: true)
        try directory.write(Array(service.privateToken.utf8), to: "data/demo-private-token")
        if let key { try directory.write(Array(key.utf8), to: "data/demo-key") }
        try FileManager.default.createSymbolicLink(
            at: directory.url("fixtures"), withDestinationURL: Repository.url("fixtures"))
        let outcome = try ChildProcess.run("/bin/bash", ["-c", script], directory: directory.path, seconds: 120)
        #expect(outcome.status == .exited(0), "\(outcome.outputText)\(outcome.errorText)")
        return (blocks.count, outcome.outputText)
    }

    @Test("The tour of docs/api.md works when it is pasted")
    func tour() throws {
        let (blocks, output) = try paste("docs/api.md")
        #expect(blocks >= 8)
        for part in [
            "org_", "Example Ltd", "validation_error", "bob@example.org", "\"secrets\":[\"openai_key\"]",
            "\"conflict\"",
            "nsfw_content_rejected", "\"reason\":\"disabled\"", "credit_balance", "organization_updated",
        ] {
            #expect(output.contains(part), "\(part) is not in \(output)")
        }
    }

    @Test("The commands of docs/bucket-uploads.md work when they are pasted")
    func bucketTour() throws {
        let (_, output) = try paste("docs/bucket-uploads.md", key: try Service.tenant().key)
        for part in [
            "ETag: \"", "\"status\":\"COMPLETED\"", "\"reason\":\"clean\"", "method=GET", "\"total_uploads\":1",
        ] {
            #expect(output.contains(part), "\(part) is not in \(output)")
        }
    }
}
