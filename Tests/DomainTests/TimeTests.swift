import Domain
import Testing

@Suite("Time")
struct TimeTests {
    @Test("Dates survive the way to days and back", arguments: [-719_468, -1, 0, 59, 60, 11_016, 20_781, 2_932_896])
    func roundTrip(_ days: Int64) {
        #expect(CivilDate(daysSinceEpoch: days).daysSinceEpoch == days)
    }

    @Test("Known moments print as RFC 3339")
    func print() {
        #expect(Timestamp(milliseconds: 0).iso8601 == "1970-01-01T00:00:00.000Z")
        #expect(Timestamp(milliseconds: 951_827_696_789).iso8601 == "2000-02-29T12:34:56.789Z")
        #expect(Timestamp(milliseconds: -1).iso8601 == "1969-12-31T23:59:59.999Z")
    }

    @Test("RFC 3339 is read with its zone")
    func read() {
        #expect(Timestamp(iso8601: "2000-02-29T12:34:56.789Z")?.milliseconds == 951_827_696_789)
        #expect(Timestamp(iso8601: "2000-02-29T14:34:56.7891+02:00")?.milliseconds == 951_827_696_789)
        #expect(Timestamp(iso8601: "2000-02-29T07:04:56-05:30")?.milliseconds == 951_827_696_000)
    }

    @Test(
        "What is not RFC 3339 with a zone is refused",
        arguments: [
            "", "2000-02-30T00:00:00Z", "2000-02-29T12:34:56", "2000-13-01T00:00:00Z", "2000-02-29T24:00:00Z",
            "2000-02-29T12:34:56.Z", "9999-12-31T23:59:59-00:01", "0000-01-01T00:00:00+00:01",
            "2000-02-29T12:34:56Zx", "+000-02-29T12:34:56Z",
        ])
    func refuse(_ text: String) {
        #expect(Timestamp(iso8601: text) == nil)
    }

    @Test("The first and the last year are read as far as UTC has them")
    func limits() {
        #expect(Timestamp(iso8601: "9999-12-31T23:59:59.999Z") == .latest)
        #expect(Timestamp(iso8601: "9999-12-31T23:59:59.999+14:00") != nil)
        #expect(Timestamp(iso8601: "0000-01-01T00:00:00Z")?.iso8601 == "0000-01-01T00:00:00.000Z")
    }

    @Test("A period that begins on the 31st begins on the last day of shorter months")
    func shortMonths() throws {
        func period(_ text: String, _ day: Int) throws -> (String, String) {
            let period = BillingPeriod(containing: try #require(Timestamp(iso8601: text)), cycleStart: day)
            return (String(period.start.iso8601.prefix(10)), String(period.end.iso8601.prefix(10)))
        }
        #expect(try period("2026-02-27T23:59:59.999Z", 31) == ("2026-01-31", "2026-02-28"))
        #expect(try period("2026-02-28T00:00:00Z", 31) == ("2026-02-28", "2026-03-31"))
        #expect(try period("2028-02-29T00:00:00Z", 30) == ("2028-02-29", "2028-03-30"))
        #expect(try period("2026-12-31T12:00:00Z", 31) == ("2026-12-31", "2027-01-31"))
        #expect(try period("2026-01-01T00:00:00Z", 15) == ("2025-12-15", "2026-01-15"))
        #expect(try period("2026-06-15T00:00:00Z", 1) == ("2026-06-01", "2026-07-01"))
    }

    @Test("A period's end is the next one's start, for every day of a leap cycle", arguments: [1, 15, 28, 29, 30, 31])
    func seamless(_ cycleStart: Int) {
        for day in 0..<1_461 {
            let moment = CivilDate(daysSinceEpoch: 19_000 + Int64(day)).startOfDay
            let period = BillingPeriod(containing: moment, cycleStart: cycleStart)
            #expect(period.contains(moment))
            #expect(BillingPeriod(containing: period.end, cycleStart: cycleStart).start == period.end)
        }
    }
}
