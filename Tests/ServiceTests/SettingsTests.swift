import TestSupport
import Testing

@Suite("Settings", .blocking)
struct SettingsTests {
    private func serve(_ settings: [String: String]) throws -> ChildProcess.Outcome {
        let directory = try TemporaryDirectory()
        let environment = Service.environment(dataDirectory: directory.path("data"), settings: settings)
        return try ChildProcess.run(Service.executable.get(), ["serve"], environment: environment, seconds: 30)
    }

    @Test(
        "A setting that does not hold stops the start and names key, format and default",
        arguments: [
            ("PORTCULLIS_WORKERS", "zero", "one per core"), ("PORTCULLIS_WORKERS", "0", "one per core"),
            ("PORTCULLIS_LISTEN", "nowhere", "127.0.0.1:8080"),
            ("PORTCULLIS_LISTEN", "127.0.0.1:99999", "127.0.0.1:8080"),
            ("PORTCULLIS_THRESHOLD", "1.5", "model"), ("PORTCULLIS_DEADLINE_MILLISECONDS", "-1", "10000"),
            ("PORTCULLIS_QUEUE_WAIT_MILLISECONDS", "soon", "5000"),
        ])
    func badValue(key: String, value: String, theDefault: String) throws {
        let outcome = try serve([key: value])
        #expect(outcome.status != .exited(0))
        #expect(outcome.errorText.contains(key))
        #expect(outcome.errorText.contains(value))
        #expect(outcome.errorText.contains(theDefault), "\(outcome.errorText)")
    }

    @Test("A misspelt key stops the start and points at the nearest one")
    func unknownKey() throws {
        let outcome = try serve(["PORTCULLIS_TRESHOLD": "0.5"])
        #expect(outcome.status != .exited(0))
        #expect(outcome.errorText.contains("PORTCULLIS_TRESHOLD"))
        #expect(outcome.errorText.contains("PORTCULLIS_THRESHOLD"))
    }

    @Test("A token that is too short is refused without being printed")
    func shortToken() throws {
        let outcome = try serve(["PORTCULLIS_PRIVATE_TOKEN": "hunter2"])
        #expect(outcome.status != .exited(0))
        #expect(outcome.errorText.contains("PORTCULLIS_PRIVATE_TOKEN"))
        #expect(!outcome.errorText.contains("hunter2"))
    }

    @Test("A configuration file sets the same keys, the environment wins, and a wrong line is named")
    func configurationFile() throws {
        let directory = try TemporaryDirectory()
        let text = "# limits\nPORTCULLIS_THRESHOLD=0.00001\nPORTCULLIS_WORKERS=2\n"
        let file = try directory.write(Array(text.utf8), to: "portcullis.conf")
        let service = try Service(settings: ["PORTCULLIS_CONFIG": file, "PORTCULLIS_WORKERS": ""])
        let tenant = try service.makeTenant()
        let answer = try tenant.upload(fixture: Sample.safeJPEG)
        #expect(try answer.json["error"]["details"]["gate"]["threshold"] == 0.00001)
        #expect(try service.workers().count == 2)
        try service.stop()

        try directory.write(Array("PORTCULLIS_WORKERS=2\nPORTCULLIS_SPEED=9\n".utf8), to: "portcullis.conf")
        let outcome = try serve(["PORTCULLIS_CONFIG": file, "PORTCULLIS_WORKERS": ""])
        #expect(outcome.status != .exited(0))
        #expect(outcome.errorText.contains("PORTCULLIS_SPEED"))
        #expect(outcome.errorText.contains("line 2"))
    }

    @Test("Without a token the private listener is off")
    func noPrivateListener() throws {
        let service = try Service(settings: ["PORTCULLIS_PRIVATE_TOKEN": ""])
        #expect(try service.send(HTTPRequest("GET", "/v1/health")).status == 200)
        #expect(!service.log.contains("\"private\""))
        try service.stop()
    }

    @Test("An address in use stops the start with a message that names it")
    func addressInUse() throws {
        let service = try Service()
        let port = try service.publicPort
        let outcome = try serve(["PORTCULLIS_LISTEN": "127.0.0.1:\(port)"])
        #expect(outcome.status != .exited(0))
        #expect(outcome.errorText.contains("127.0.0.1:\(port)"))
        try service.stop()
    }

    @Test("serve --help lists every key with its default")
    func help() throws {
        let outcome = try ChildProcess.run(Service.executable.get(), ["serve", "--help"])
        #expect(outcome.status == .exited(0))
        for key in [
            "CONFIG", "LISTEN", "PRIVATE_LISTEN", "PRIVATE_TOKEN", "DATA_DIR", "WORKERS", "MODEL", "THRESHOLD",
            "DEADLINE_MILLISECONDS", "QUEUE_WAIT_MILLISECONDS", "RATE_LIMIT_CEILING", "MAX_FRAME_PIXELS",
            "MAX_STREAMED_PIXELS", "HEADER_TIMEOUT_MILLISECONDS", "BODY_MINIMUM_BYTES_PER_SECOND",
        ] {
            #expect(outcome.outputText.contains("PORTCULLIS_\(key)"), "\(key)")
        }
        #expect(outcome.outputText.contains("127.0.0.1:8080"))
        #expect(outcome.errorText.isEmpty)
    }
}
