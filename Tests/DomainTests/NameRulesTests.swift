import Domain
import Testing

@Suite("Names that clients choose")
struct NameRulesTests {
    @Test(
        "Any Unicode makes a file name",
        arguments: [
            "a", "holiday photo.jpg", "写真.png", "🏖️.jpg", "..hidden", "a;b\"c'.txt", String(repeating: "é", count: 127),
        ])
    func good(_ name: String) {
        #expect(NameRules.problem(inFileName: name) == nil)
    }

    @Test(
        "Paths, control characters and too many bytes do not",
        arguments: [
            "", ".", "..", "a/b", "..\\b", "a\u{0}b", "a\nb", "a\u{7f}b", "a\u{85}b", "a\u{202e}gpj.exe",
            String(repeating: "é", count: 128),
        ])
    func bad(_ name: String) {
        #expect(NameRules.problem(inFileName: name) != nil)
    }

    @Test("Buckets are plain names")
    func buckets() {
        for name in ["default", "A-1_b.c", String(repeating: "x", count: 100)] {
            #expect(NameRules.problem(inBucket: name) == nil)
        }
        for name in ["", ".", "..", "a b", "a/b", "ä", String(repeating: "x", count: 101)] {
            #expect(NameRules.problem(inBucket: name) != nil)
        }
    }
}
