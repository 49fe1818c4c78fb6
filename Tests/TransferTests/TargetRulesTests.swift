import Testing
import Transfer

@Suite struct TargetRulesTests {
    // A blank inside was dropped, so that two hosts became one that nobody had meant.
    @Test(
        "An entry that is no host is refused, and not read as another one",
        arguments: ["a.internal b.internal", "10.0.0 .1", ".", "..", "a..b", ".internal", "hooks.internal:0", "a b/8"])
    func refused(entry: String) {
        #expect(TargetRules(allowed: "good.internal, \(entry)") == nil)
    }

    @Test("Blanks around entries mean nothing")
    func blanks() throws {
        let rules = try #require(TargetRules(allowed: " hooks.internal ,\t10.0.0.5:8080,, 10.20.0.0/16 "))
        for url in ["http://hooks.internal/", "http://10.0.0.5:8080/", "http://10.20.1.1/"] {
            #expect(rules.problem(with: url) == nil)
        }
        #expect(rules.problem(with: "http://other.internal/") != nil)
    }
}
