import TestSupport
import Testing

@Suite("Health and metrics", .service())
struct HealthTests {
    @Test("Health needs no key", arguments: ["/v1/health", "/v1/health/liveness", "/v1/health/deep"])
    func health(target: String) throws {
        let service = try Service.current
        _ = try Service.tenant().upload(fixture: Sample.safeJPEG)
        let answer = try service.send(HTTPRequest("GET", target))
        #expect(answer.status == 200)
        #expect(try answer.json["status"].string != nil)
        #expect(answer["X-Request-Id"]?.isEmpty == false)
    }

    @Test("Every answer has a request ID of its own")
    func requestIDs() throws {
        let service = try Service.current
        let answers = try (0..<10).map { _ in try service.send(HTTPRequest("GET", "/v1/health")) }
        #expect(Set(answers.compactMap { $0["X-Request-Id"] }).count == 10)
    }

    @Test("The metrics are valid Prometheus text and cover what operators watch")
    func metrics() throws {
        let tenant = try Service.tenant()
        #expect(try tenant.upload(fixture: Sample.safeJPEG).status == 201)
        #expect(try tenant.upload(fixture: Sample.nsfwJPEG).status == 422)
        let answer = try tenant.service.sendPrivately(HTTPRequest("GET", "/metrics"))
        #expect(answer.status == 200)
        #expect(answer["Content-Type"]?.hasPrefix("text/plain; version=0.0.4") == true)

        var typed: Set<Substring> = []
        for line in answer.text.split(separator: "\n") {
            if line.hasPrefix("# TYPE ") { typed.insert(line.split(separator: " ")[2]) }
            if line.hasPrefix("#") { continue }
            let sample = try #require(line.wholeMatch(of: /(\w+)(\{.*\})? (\S+)/), "\(line)")
            #expect(sample.3 == "+Inf" || Double(sample.3) != nil, "\(line)")
            let family = sample.1.replacing(/_(bucket|sum|count)$/, with: "")
            #expect(typed.contains(sample.1) || typed.contains(Substring(family)), "\(line) has no type")
            #expect(sample.1.hasPrefix("portcullis_"), "\(line)")
        }
        for topic in ["upload", "queue", "worker", "restart", "credit", "http"] {
            #expect(typed.contains { $0.contains(topic) }, "no metric about \(topic): \(typed.sorted())")
        }
        #expect(answer.text.contains("\"nsfw\""))
        #expect(answer.text.contains("\"clean\""))
    }

    @Test("Metrics name no organization, so that their number stays bounded")
    func boundedLabels() throws {
        let tenant = try Service.tenant()
        _ = try tenant.accepted(Sample.text)
        let text = try tenant.service.sendPrivately(HTTPRequest("GET", "/metrics")).text
        #expect(!text.contains(tenant.id))
        #expect(!text.contains("org_") && !text.contains("upl_"))
    }
}
