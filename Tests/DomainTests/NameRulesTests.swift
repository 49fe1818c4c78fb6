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

    @Test("A name is seen, and says what it seems to say")
    func displayNames() {
        for name in ["a", " a ", "Ünïcode 😀", "...", "שלום"] {
            #expect(NameRules.problem(inDisplayName: name) == nil, "\(name)")
        }
        for name in [
            "", " ", "\u{a0}\u{2003}", "a\u{85}b", "a\u{2028}b", "a\u{2029}b", "a\u{202e}b", "a\u{2066}b", "a\nb",
            "a\u{7f}",
        ] { #expect(NameRules.problem(inDisplayName: name) != nil, "\(name.debugDescription)") }
    }

    // Programs resolve `.` and `..` in a path before they send it, so that such a thing could never be named again.
    @Test("A name that URLs carry is more than dots")
    func pathNames() {
        for name in ["a", ".a", "a/b", "%2e", "..." + "x"] {
            #expect(NameRules.problem(inPathName: name) == nil, "\(name)")
        }
        for name in [".", "..", " . ", "\u{3000}"] { #expect(NameRules.problem(inPathName: name) != nil, "\(name)") }
    }

    @Test("Of an e-mail address, the domain is folded and nothing else")
    func emails() {
        #expect(NameRules.folded(email: "Ada@EXAMPLE.Org") == "Ada@example.org")
        #expect(NameRules.folded(email: "no address") == "no address")
        #expect(NameRules.folded(email: "a@\u{212a}.de") == "a@\u{212a}.de")
    }

    @Test("Text is exact by code points, and cut by code points")
    func exactness() {
        #expect("\u{e9}" == "e\u{301}" && ExactString("\u{e9}") != ExactString("e\u{301}"))
        #expect(Set<ExactString>(["\u{e9}", "e\u{301}", "\u{e9}"]).count == 2)
        #expect("abc".clipped(to: 3) == "abc" && "abcd".clipped(to: 3) == "abc…")
        let tower = "a" + String(repeating: "\u{301}", count: 1_000)
        #expect(tower.count == 1 && tower.clipped(to: 100).unicodeScalars.count == 101)
    }

    @Test("A key's identifier is known by its form")
    func identifiers() {
        #expect(KeyID(rawValue: "key_0123456789abcdEF").isWellFormed)
        for text in ["key_0123456789abcde", "key_0123456789abcdefg", "Key_0123456789abcdef", "key_0123456789abcd-f"] {
            #expect(!KeyID(rawValue: text).isWellFormed, "\(text)")
        }
    }
}
