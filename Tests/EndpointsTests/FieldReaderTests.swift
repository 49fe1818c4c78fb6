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
            ("https://exa mple.org", false), ("https://é.org", false),
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
        var read: [String: String]?
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
}
