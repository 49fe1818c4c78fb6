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
}
