import TestSupport
import Testing

@Suite("Secrets", .service())
struct SecrecyTests {
    @Test("No public answer shows an internal ID or the infrastructure")
    func publicAnswers() throws {
        let tenant = try Service.tenant(["infrastructure": ["cluster": "hidden-cluster"]])
        let id = try tenant.accepted(Sample.text)
        let picture = try Repository.fixture(Sample.nsfwJPEG)
        var answers = try [
            tenant.get("/v1/organizations"), tenant.patch(["organization_name": "Seen"]), tenant.get("/v1/uploads"),
            tenant.get("/v1/uploads/\(id)"), tenant.upload(picture), tenant.upload([]),
            tenant.get("/v1/uploads/upl_0000000000000000"), tenant.get("/v1/unheard-of"), tenant.get("/v1/health"),
            tenant.get("/v1/health/deep"), tenant.patch(["internal_id": "x"]), tenant.get("/v1/uploads?limit=x"),
        ]
        #expect(try tenant.patchPrivately(["infrastructure": nil]).status == 200)
        answers += try [
            tenant.upload(picture), tenant.get("/v1/uploads?status=REJECTED"), tenant.delete("/v1/uploads/\(id)"),
            tenant.get("/v1/uploads/\(id)"),
        ]
        for answer in answers {
            // The field is refused by its name, so only here it may be repeated.
            let isRefusal = answer.status == 422 && answer.text.contains("validation_errors")
            let headers = answer.headers.map { "\($0.name): \($0.value)" }.joined(separator: "\n")
            for text in [answer.text, headers] {
                #expect(!text.contains("int_"), "\(text)")
                #expect(!text.contains(tenant.internalID), "\(text)")
                #expect(!text.contains("hidden-cluster"), "\(text)")
                #expect(isRefusal || !text.contains("internal_id"), "\(text)")
                #expect(isRefusal || !text.contains("infrastructure"), "\(text)")
            }
        }
    }

    @Test("Neither the log nor the data directory holds a key's secret, the private token or an internal ID")
    func logs() throws {
        let tenant = try Service.tenant()
        _ = try tenant.accepted(Sample.text)
        _ = try tenant.get("/v1/uploads")
        _ = try tenant.organization()
        let log = tenant.service.log
        #expect(!log.isEmpty)
        for secret in [tenant.key, tenant.service.privateToken, tenant.internalID] {
            #expect(!log.contains(secret))
        }
        let secret = Array(tenant.key.utf8)
        var searched = 0
        for file in tenant.service.directory.files(below: "data") {
            // Other tests' uploads leave the spool meanwhile.
            guard let bytes = try? [UInt8](contentsOf: tenant.service.directory.url(file)) else { continue }
            searched += 1
            #expect(!bytes.contains(secret), "\(file) holds a key's secret")
        }
        #expect(searched > 1)
    }

    @Test("Every line of the log is one JSON object with time, level and event")
    func logFormat() throws {
        let tenant = try Service.tenant()
        _ = try tenant.upload(Sample.text, filename: "line\u{2028}break.txt")
        for line in tenant.service.log.split(separator: "\n") {
            let entry = try JSON(parsing: line)
            for field in ["time", "level", "event"] { #expect(entry[field].string != nil, "\(line)") }
        }
    }
}
