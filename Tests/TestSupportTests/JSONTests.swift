import TestSupport
import Testing

@Suite("JSON as tests read it")
struct JSONTests {
    @Test("Values keep their kind")
    func kinds() throws {
        let json = try JSON(parsing: #"{"a":[1,2.5,true,null,"x"],"b":{"c":{}}}"#)
        #expect(json["a"] == [1, 2.5, true, nil, "x"])
        #expect(json["a"][0].int == 1)
        #expect(json["a"][1].int == nil)
        #expect(json["a"][2].double == nil)
        #expect(json["b"]["c"] == [:])
        #expect(json["b"]["missing"]["further"] == .missing)
        #expect(json["a"][9] == .missing)
        #expect(JSON.null != .missing)
    }

    @Test("What is written is read back")
    func roundTrip() throws {
        let json: JSON = ["n": 100_000, "f": 0.25, "s": "a/\"b\"\u{1F600}\n", "list": [nil, false, [[:]]]]
        #expect(try JSON(parsing: json.encoded) == json)
        #expect(String(decoding: (["n": 3] as JSON).encoded, as: UTF8.self) == #"{"n":3}"#)
    }
}
