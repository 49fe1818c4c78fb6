/// The month for which an allowance counts: from `start` (inclusive) to `end` (exclusive), UTC.
package struct BillingPeriod: Hashable, Sendable {
    package let start: Timestamp
    package let end: Timestamp

    package init(start: Timestamp, end: Timestamp) {
        self.start = start
        self.end = end
    }

    /// The period that `moment` falls into, when periods begin at midnight UTC on `cycleStart` (1...31); a month
    /// without that day begins its period on its last day.
    package init(containing moment: Timestamp, cycleStart: Int) {
        let date = moment.date
        let thisMonth = Self.boundary(year: date.year, month: date.month, cycleStart: cycleStart)
        if moment >= thisMonth {
            start = thisMonth
            end = Self.boundary(year: date.year, month: date.month + 1, cycleStart: cycleStart)
        } else {
            start = Self.boundary(year: date.year, month: date.month - 1, cycleStart: cycleStart)
            end = thisMonth
        }
    }

    package func contains(_ moment: Timestamp) -> Bool { start <= moment && moment < end }

    private static func boundary(year: Int, month: Int, cycleStart: Int) -> Timestamp {
        let (year, month) = month == 0 ? (year - 1, 12) : month == 13 ? (year + 1, 1) : (year, month)
        let day = min(cycleStart, CivilDate.days(inMonth: month, of: year))
        return CivilDate(year: year, month: month, day: day).startOfDay
    }
}
