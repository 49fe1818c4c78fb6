import Foundation
import TestSupport
import Testing

/// Ways of getting a picture past the gate, each performed on the whole service; docs/evasion.md is what came of it.
@Suite("Evasion", .service(["PORTCULLIS_WORKERS": "2"]))
struct EvasionTests {
    private static let page = "docs/evasion.md"
    /// Set, the page is written anew instead of compared.
    private static let rewriting = "PORTCULLIS_REWRITE_EVASION_TABLE"

    @Test("Every trick ends as docs/evasion.md says, and what is called defended is refused")
    func tricks() throws {
        // It fails open: nothing may pass by that.
        let tenant = try Service.tenant()
        var sections: [String] = []
        for section in EvasionTable.sections {
            var rows: [String] = []
            for trick in section.tricks {
                let answer = try tenant.upload(
                    Repository.fixture(trick.fixture), filename: trick.filename ?? trick.fixture,
                    contentType: trick.contentType)
                #expect((answer.status == 422) == section.isDefended, "\(trick.fixture): \(answer.summary)")
                rows.append("| \(trick.description) | \(trick.fixtureCell) | \(try Self.result(answer)) |")
            }
            let head = "## \(section.title)\n\n| trick | file | result |\n|---|---|---|\n"
            sections.append(head + rows.joined(separator: "\n") + "\n")
        }
        let text = ([EvasionTable.introduction] + sections + [EvasionTable.undefended]).joined(separator: "\n")
        if ProcessInfo.processInfo.environment[Self.rewriting] != nil {
            try text.write(to: Repository.url(Self.page), atomically: true, encoding: .utf8)
        }
        let committed = (try? Repository.text(Self.page)) ?? ""
        for (line, there) in zip(text.split(separator: "\n"), committed.split(separator: "\n")) where line != there {
            Issue.record("\(Self.page) says\n\(there)\nwhere the service gives\n\(line)")
        }
        #expect(text == committed, "\(Self.page) is not what was found; \(Self.rewriting)=1 rewrites it")
    }

    /// What came of a trick, without numbers that differ from machine to machine.
    private static func result(_ answer: HTTPResponse) throws -> String {
        let body = try answer.json
        let gate = answer.status == 201 ? body["gate"] : body["error"]["details"]["gate"]
        let verdict = "\(answer.status == 201 ? "accepted" : "refused"): `\(gate["reason"].string ?? answer.summary)`"
        guard let total = gate["frames_total"].int, let scanned = gate["frames_scanned"].int, total > 1 else {
            return verdict
        }
        return verdict + " after \(scanned) of \(total) frames"
    }
}
