import TestSupport
import Testing

// The classifier's own tests compare the scores. Here every file of the corpus goes through the whole service: sockets,
// spool, worker process, decision, database.
@Suite("The corpus through the whole service", .service(["PORTCULLIS_WORKERS": "2"]))
struct CorpusTests {
    private static func scores() throws -> JSON { try JSON(parsing: Repository.bytes("fixtures/scores.json")) }

    @Test("Every picture is accepted or refused by its reference score, however it is stored")
    func scored() throws {
        let tenant = try Service.tenant()
        let files = try Self.scores()["files"].object
        #expect(files.values.contains { ($0["score"].double ?? 0) >= 0.8 })
        #expect(files.values.contains { ($0["score"].double ?? 1) < 0.8 })
        for (name, entry) in files.sorted(by: { $0.key < $1.key }) {
            let reference = try #require(entry["score"].double)
            let answer = try tenant.upload(fixture: name)
            #expect(answer.summary == (reference < 0.8 ? "201" : "422 nsfw_content_rejected"), "\(name)")
            let body = try answer.json
            let gate = answer.status == 201 ? body["gate"] : body["error"]["details"]["gate"]
            let tolerance = entry["tolerance"].double ?? 0.001
            let score = try #require(gate["score"].double)
            switch gate["pass"].string {
            case "screen": #expect(score < 0.25 && reference < 0.8, "\(name): \(score), \(reference)")
            // Of an animation only the frames that the screen doubted have an exact score.
            case "exact" where answer.status == 201 && (gate["frames_total"].int ?? 0) > 1: #expect(score < 0.8)
            default: #expect(abs(score - reference) <= tolerance, "\(name): \(score), \(reference)")
            }
        }
    }

    @Test("Every file that cannot be judged is refused for the reason that it was made for, and no worker is lost")
    func refused() throws {
        let tenant = try Service.tenant()
        #expect(try tenant.patch(["nsfw_fail_closed": true]).status == 200)
        let credits = try tenant.credits()
        let codes = ["unscannable": "422 image_unscannable", "unsupported": "415 unsupported_image_type"]
        for (name, entry) in try Self.scores()["refused"].object.sorted(by: { $0.key < $1.key }) {
            let reason = try #require(entry["reason"].string)
            let answer = try tenant.upload(fixture: name)
            #expect(answer.summary == codes[reason], "\(name)")
            #expect(try answer.json["error"]["details"]["gate"]["reason"] == .string(reason), "\(name)")
        }
        #expect(try tenant.credits() == credits)
        #expect(try tenant.upload(fixture: Sample.safeJPEG).status == 201)
    }
}
