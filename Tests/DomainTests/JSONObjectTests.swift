import Domain
import Testing

@Suite("JSON objects") struct JSONObjectTests {
    /// Few members are looked through, many are indexed: both must behave as one.
    @Test(
        "Members keep their order through changes and removals, whatever their number",
        arguments: [1, 3, 24, 25, 26, 200])
    func members(_ count: Int) {
        var object = JSONObject()
        var expected: [(String, JSONValue)] = []
        for number in 0..<count {
            object["n\(number)"] = .integer(Int64(number))
            expected.append(("n\(number)", .integer(Int64(number))))
        }
        func check(_ line: Int = #line) {
            #expect(object.count == expected.count && object.isEmpty == expected.isEmpty, "line \(line)")
            #expect(object.keys == expected.map(\.0), "line \(line)")
            #expect(object.map(\.value) == expected.map(\.1), "line \(line)")
            for (name, value) in expected { #expect(object[name] == value, "line \(line)") }
            #expect(object["absent"] == nil)
        }
        check()
        for number in stride(from: 0, to: count, by: 3) {
            object["n\(number)"] = "changed"
            expected[number].1 = "changed"
        }
        check()
        for number in stride(from: count - 1, through: 0, by: -2) {
            object["n\(number)"] = nil
            expected.remove(at: number)
            check()
        }
        object["absent"] = nil
        object["new"] = true
        expected.append(("new", true))
        check()
    }

    @Test("Equality and hash do not depend on the order of members", arguments: [2, 24, 60])
    func equality(_ count: Int) {
        var forwards = JSONObject(), backwards = JSONObject()
        for number in 0..<count { forwards["n\(number)"] = .integer(Int64(number)) }
        for number in (0..<count).reversed() { backwards["n\(number)"] = .integer(Int64(number)) }
        #expect(forwards == backwards && forwards.hashValue == backwards.hashValue)
        #expect(Set([JSONValue.object(forwards), .object(backwards)]).count == 1)
        backwards["n0"] = 7
        #expect(forwards != backwards)
        backwards["n0"] = nil
        #expect(forwards != backwards && backwards != forwards)
    }

    @Test("Names that only look alike are two; of a name that is given twice the last value counts")
    func names() {
        let object: JSONObject = ["\u{e9}": 1, "e\u{301}": 2, "a": 3, "b": 4, "a": 5]
        #expect(object.keys.count == 4)
        #expect(object["\u{e9}"] == 1 && object["e\u{301}"] == 2 && object["a"] == 5)
        #expect(object.keys.map { Array($0.utf8) }[2...] == [[97], [98]])
        #expect(ExactString("ab").hashValue == ExactString("ab").hashValue)
        #expect(ExactString("\u{e9}") != ExactString("e\u{301}") && ExactString("ab") != ExactString("ac"))
    }

    @Test(
        "Text is escaped where JSON wants it, and nowhere else",
        arguments: [
            ("plain", "plain"), ("a\"b\\c", "a\\\"b\\\\c"), ("\n\r\t", "\\n\\r\\t"),
            ("\u{0}\u{1f}\u{7f}", "\\u0000\\u001f\\u007f"),
            ("é\"😀", "é\\\"😀"), ("", ""),
        ])
    func text(_ value: String, _ encoded: String) {
        #expect(JSONValue.string(value).encoded == "\"\(encoded)\"")
        #expect(
            JSONValue.object([value: [.string(value), nil, 1, .number(1.5), false]]).encodedBytes
                == Array("{\"\(encoded)\":[\"\(encoded)\",null,1,1.5,false]}".utf8))
    }
}
