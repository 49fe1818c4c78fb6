import Domain
import JSON
import Testing

@Suite("JSON")
struct JSONParserTests {
    @Test("Values of every kind survive the way through text")
    func roundTrip() throws {
        let value: JSONValue = [
            "null": nil, "yes": true, "no": false, "integer": -9_223_372_036_854_775_808, "text": "a\"\\\n\u{1}é😀",
            "array": [1, "2", [:], []], "real": .number(0.1), "whole": .number(2),
        ]
        #expect(try JSONParser.parse(value.encoded) == value)
    }

    @Test("Integers are printed as integers and numbers keep their point")
    func numbers() {
        #expect(JSONValue.integer(1000).encoded == "1000")
        #expect(JSONValue.number(1000).encoded == "1000.0")
        #expect(JSONValue.number(.nan).encoded == "null")
    }

    @Test(
        "Bad texts are refused with their place",
        arguments: [
            ("", "line 1"), ("{", "line 1"), ("{\"a\":1,}", "line 1"), ("{\"a\":1}x", "end of file"),
            ("{\"a\":1,\"a\":2}", "duplicate"), ("\"\\u0000\"", "NUL"), ("9223372036854775808", "too big"),
            ("[1e999]", "real number overflow"), ("{\"a\"\n:\n?}", "line 3"), ("'a'", "line 1"),
        ])
    func refuse(_ text: String, _ hint: String) {
        #expect {
            try JSONParser.parse(text)
        } throws: { error in
            (error as? JSONError)?.message.lowercased().contains(hint.lowercased()) ?? false
        }
    }

    @Test("Invalid UTF-8 is refused")
    func invalidUTF8() {
        #expect(throws: JSONError.self) { try JSONParser.parse([0x22, 0xff, 0x22]) }
        #expect(throws: JSONError.self) { try JSONParser.parse([0x22, 0xed, 0xa0, 0x80, 0x22]) }
    }

    @Test("Depth is limited before anything recurses")
    func depth() throws {
        func nested(_ levels: Int) -> String {
            String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        }
        #expect(try JSONParser.parse(nested(32)).arrayValue != nil)
        #expect(throws: JSONError("the JSON text nests deeper than 32 levels")) { try JSONParser.parse(nested(33)) }
        #expect(throws: JSONError.self) { try JSONParser.parse(nested(500_000)) }
        #expect(try JSONParser.parse("\"\(nested(100)) \\\" [\"").stringValue != nil)
    }

    // Swift's strings are equal when Unicode calls them canonically equivalent; JSON's names are not.
    @Test("Names that only look alike are different members")
    func equivalentNames() throws {
        let object = try JSONParser.parse("{\"\\u00e9\":1,\"e\\u0301\":2}").objectValue
        #expect(object?.count == 2)
        #expect(object?["\u{e9}"] == 1)
        #expect(object?["e\u{301}"] == 2)
    }

    @Test("Size is limited")
    func size() {
        let text = "\"" + String(repeating: "a", count: 1_048_576) + "\""
        #expect(throws: JSONError.self) { try JSONParser.parse(text) }
    }
}
