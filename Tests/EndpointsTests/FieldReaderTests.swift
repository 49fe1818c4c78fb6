import Domain
import Endpoints
import Testing

@Suite("Fields of a request's body")
struct FieldReaderTests {
    /// The messages of all errors that reading `object` with `read` finds.
    private func errors(_ object: JSONObject, _ read: (inout FieldReader) -> Void) -> [String] {
        var reader = FieldReader(object)
        read(&reader)
        do {
            try reader.finish()
            return []
        } catch {
            #expect(error.code == .validation)
            return error.details?["validation_errors"]?.arrayValue?.map {
                let location = $0.objectValue?["location"]?.arrayValue?.compactMap(\.stringValue) ?? []
                return "\(location.joined(separator: ".")): \($0.objectValue?["type"]?.stringValue ?? "")"
            } ?? []
        }
    }

    @Test("Absent and null fields read as nil and are no error")
    func absent() {
        var name: String? = "x"
        var flag: Bool? = true
        let found = errors(["flag": nil]) {
            name = $0.string("name", length: 1...9)
            flag = $0.bool("flag")
        }
        #expect(found.isEmpty)
        #expect(name == nil && flag == nil)
    }

    @Test("Unknown fields are named, all of them, beside every other error")
    func unknown() {
        let found = errors(["infrastructure": [:], "name": 5, "account_type": "team"]) {
            _ = $0.string("name", length: 1...9)
        }
        #expect(
            found == [
                "body.name: string_type", "body.infrastructure: unknown_field", "body.account_type: unknown_field",
            ])
    }

    @Test("A boolean is no number and a number with a point is no integer")
    func strictTypes() {
        #expect(errors(["a": 1]) { _ = $0.bool("a") } == ["body.a: bool_type"])
        #expect(errors(["a": "true"]) { _ = $0.bool("a") } == ["body.a: bool_type"])
        #expect(errors(["a": .number(5)]) { _ = $0.integer("a", 1...9) }.isEmpty)
        #expect(errors(["a": .number(5.5)]) { _ = $0.integer("a", 1...9) } == ["body.a: integer_type"])
        #expect(errors(["a": .number(1e300)]) { _ = $0.integer("a", 1...9) } == ["body.a: integer_type"])
        #expect(errors(["a": 10]) { _ = $0.integer("a", 1...9) } == ["body.a: out_of_range"])
    }

    @Test("Text is bounded in scalars and free of control characters")
    func text() {
        #expect(errors(["a": "😀😀"]) { _ = $0.string("a", length: 1...2) }.isEmpty)
        #expect(errors(["a": "😀😀😀"]) { _ = $0.string("a", length: 1...2) } == ["body.a: string_too_long"])
        #expect(errors(["a": ""]) { _ = $0.string("a", length: 1...2) } == ["body.a: string_too_short"])
        #expect(errors(["a": "a\nb"]) { _ = $0.string("a", length: 1...9) } == ["body.a: control_character"])
    }

    private func matches(_ text: String, _ pattern: String) throws -> Bool {
        let expression = try Regex(pattern).matchingSemantics(.unicodeScalar)
        return try expression.wholeMatch(in: text) != nil
    }

    @Test(
        "E-mail addresses",
        arguments: [
            ("a@b.co", true), ("first.last+tag@sub.example.org", true), ("ü@example.org", true), ("a@b", false),
            ("a b@c.de", false), ("a@b@c.de", false), ("@b.de", false), ("a@.de", false), ("a@b..de", false),
            ("a@-b.de", false), ("a@b-.de", false), ("a@b_c.de", false), ("a@ü.de", false), ("a\u{2003}@b.de", false),
            ("a/b'c@d.de", true), (String(repeating: "a", count: 64) + "@b.de", true),
            (String(repeating: "a", count: 65) + "@b.de", false),
            ("a@" + String(repeating: "b.", count: 126) + "de", false), ("a\n@b.de", false), ("<a@b.de>", false),
            ("a@b.de\u{2028}", false),
        ])
    func email(_ text: String, _ isValid: Bool) throws {
        #expect(FieldReader.isEmail(text) == isValid)
        // The description of the API says the same as the check.
        #expect(try (matches(text, FieldReader.emailPattern) && text.count <= 254) == isValid)
    }

    @Test(
        "Web URLs",
        arguments: [
            ("https://example.org/logo.png?x=1#y", true), ("HTTP://example.org", true), ("http://[::1]:8080/", true),
            ("ftp://example.org", false), ("https://", false), ("https:///x", false), ("javascript:alert(1)", false),
            ("https://user:pass@example.org", false), ("http://[::1", false), ("http://[]/", false),
            ("http://[::1]x", false), ("http://a:65/", true), ("http://a:/", false), ("http://a:x", false),
            ("http://a:80:80", false), ("http://a/\"", false), ("http://a?b=[c]#d", true),
            ("https://exa mple.org", false), ("https://é.org", false), ("https://-", false), ("https://a-.org", false),
            ("https://.org", false), ("https://a..b", false), ("https://a.b./", true), ("https://my_host/", true),
            ("http://a:65535", true), ("http://a:65536", false), ("http://a:99999", false), ("http://a:0", false),
            ("http://a:080", false), ("http://a:6553", true), ("http://a%20b", false),
            ("https://" + String(repeating: "a", count: 63), true),
            ("https://" + String(repeating: "a", count: 64), false),
        ])
    func url(_ text: String, _ isValid: Bool) throws {
        #expect(FieldReader.isWebURL(text) == isValid)
        #expect(try matches(text, FieldReader.webURLPattern) == isValid)
    }

    @Test("Rate limits are integers up to the ceiling, in known categories")
    func limits() {
        var read: RateLimitOverrides?
        let found = errors(["limits": ["upload": 7, "data": nil]]) {
            read = $0.rateLimits("limits", ceiling: 10)
        }
        #expect(found.isEmpty)
        #expect(read == RateLimitOverrides([.upload: 7]))
        #expect(
            errors(["limits": ["upload": 11, "data": 0, "other": 1]]) { _ = $0.rateLimits("limits", ceiling: 10) } == [
                "body.limits.data: out_of_range", "body.limits.upload: out_of_range",
                "body.limits.other: unknown_field",
            ])
    }

    @Test("An object is bounded by its size as JSON")
    func size() {
        let object: JSONObject = ["a": .string(String(repeating: "x", count: 100))]
        #expect(errors(["o": .object(object)]) { _ = $0.object("o", maximumBytes: 108) }.isEmpty)
        #expect(errors(["o": .object(object)]) { _ = $0.object("o", maximumBytes: 107) } == ["body.o: too_large"])
    }

    @Test("Maps of names want strings")
    func names() {
        var read: [ExactString: ExactString]?
        #expect(errors(["m": ["openai": "key-1"]]) { read = $0.names("m", maximumCount: 2) }.isEmpty)
        #expect(read == ["openai": "key-1"])
        #expect(
            errors(["m": ["a": nil, "b": 5]]) { _ = $0.names("m", maximumCount: 2) } == [
                "body.m.a: string_type", "body.m.b: string_type",
            ])
        #expect(
            errors(["m": ["a": "1", "b": "2", "c": "3"]]) { _ = $0.names("m", maximumCount: 2) } == [
                "body.m: too_long"
            ])
    }

    // Names that look alike are two names for the database, and were one for a dictionary of strings: a secret that does not
    // exist was found to exist, or not, by the order of a hash table.
    @Test("Names that only look alike are two")
    func exactNames() {
        var read: [ExactString: ExactString]?
        let found = errors(["m": ["\u{e9}": "e\u{301}", "e\u{301}": "\u{e9}"]]) {
            read = $0.names("m", maximumCount: 2)
        }
        #expect(found.isEmpty)
        #expect(read == ["\u{e9}": "e\u{301}", "e\u{301}": "\u{e9}"])
        #expect(errors(["\u{e9}": 1]) { _ = $0.integer("e\u{301}", 1...9) } == ["body.\u{e9}: unknown_field"])
    }

    // 90,000 unknown fields in 1 MiB came back as an answer of 25 MB.
    @Test("Of many errors the first are listed, and the others counted")
    func manyErrors() throws {
        var (object, inner) = (JSONObject(), JSONObject())
        for index in 0..<40 { object["unknown \(index)"] = 1 }
        for index in 0..<30 { inner["inner \(index)"] = 1 }
        object["limits"] = .object(inner)
        object[String(repeating: "n", count: 5_000)] = .string(String(repeating: "v", count: 5_000))
        var reader = FieldReader(object)
        _ = reader.rateLimits("limits", ceiling: 10)
        let failure = #expect(throws: Failure.self) { try reader.finish() }
        let details = try #require(failure?.details)
        #expect(details["validation_errors"]?.arrayValue?.count == 50)
        #expect(details["unlisted_errors"] == 21)
        #expect(failure?.message.hasSuffix("; and 61 more") == true)
        #expect(try #require(failure?.envelope.encoded.utf8.count) < 16_000)
        var long = FieldReader([String(repeating: "n", count: 5_000): 1])
        let one = #expect(throws: Failure.self) { try long.finish() }
        #expect(try #require(one?.envelope.encoded.utf8.count) < 1_000)
        #expect(one?.details?["unlisted_errors"] == nil)
    }

    @Test(
        "The description of names says the same as their check",
        arguments: [
            "a", " a", " ", ".", "..", ". .", "a.", "\u{85}a", "a\u{202e}", "a\u{2028}", "\u{3000}", "\u{3000}.", "😀",
        ])
    func namePatterns(_ text: String) throws {
        let display = try #require(Schema.displayName(1...9).json["pattern"]?.stringValue)
        #expect(try matches(text, display) == (NameRules.problem(inDisplayName: text) == nil))
        let path = try #require(Schema.pathName(1...9).json["pattern"]?.stringValue)
        #expect(try matches(text, path) == (NameRules.problem(inPathName: text) == nil))
    }
}
