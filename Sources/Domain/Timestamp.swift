/// A moment: milliseconds since 1970-01-01T00:00:00Z.
package struct Timestamp: Hashable, Comparable, Sendable {
    package var milliseconds: Int64
    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    /// Later than every moment.
    package static let never = Timestamp(milliseconds: .max)

    /// Whole seconds since the epoch, rounded down.
    package var seconds: Int64 { milliseconds.flooredQuotient(1000) }

    package func adding(milliseconds: Int64) -> Timestamp {
        Timestamp(milliseconds: self.milliseconds + milliseconds)
    }
    package func adding(seconds: Int64) -> Timestamp { adding(milliseconds: seconds * 1000) }
}

/// A day of the proleptic Gregorian calendar, UTC.
package struct CivilDate: Hashable, Sendable {
    package var year: Int
    package var month: Int
    package var day: Int
    package init(year: Int, month: Int, day: Int) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// The day that is `days` after 1970-01-01. The arithmetic counts eras of 400 years that begin on March 1st, so
    /// that the leap day is the last of its year (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    package init(daysSinceEpoch days: Int64) {
        let shifted = days + 719_468
        let era = shifted.flooredQuotient(146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = Int(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
        month = Int(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
        year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
    }

    package var daysSinceEpoch: Int64 {
        let shiftedYear = Int64(month <= 2 ? year - 1 : year)
        let era = shiftedYear.flooredQuotient(400)
        let yearOfEra = shiftedYear - era * 400
        let shiftedMonth = Int64(month > 2 ? month - 3 : month + 9)
        let dayOfYear = (153 * shiftedMonth + 2) / 5 + Int64(day) - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    package var startOfDay: Timestamp { Timestamp(milliseconds: daysSinceEpoch * 86_400_000) }

    package static func isLeap(_ year: Int) -> Bool { (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 }

    package static func days(inMonth month: Int, of year: Int) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

extension Timestamp {
    package var date: CivilDate { CivilDate(daysSinceEpoch: milliseconds.flooredQuotient(86_400_000)) }

    /// RFC 3339 in UTC with milliseconds, `2026-01-31T23:59:59.000Z`.
    package var iso8601: String {
        let date = date
        let rest = milliseconds - milliseconds.flooredQuotient(86_400_000) * 86_400_000
        let (hour, minute, second, fraction) = (
            rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60, rest % 1000
        )
        var text: [UInt8] = []
        text.reserveCapacity(24)
        for (value, width, end) in [
            (Int64(date.year), 4, "-"), (Int64(date.month), 2, "-"), (Int64(date.day), 2, "T"), (hour, 2, ":"),
            (minute, 2, ":"), (second, 2, "."), (fraction, 3, "Z"),
        ] as [(Int64, Int, Unicode.Scalar)] {
            text.append(value, width: width)
            text.append(UInt8(ascii: end))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Reads RFC 3339 (`2026-01-31T23:59:59[.fraction](Z|±hh:mm)`); nil for anything else, such as a missing zone or a
    /// moment that in UTC lies outside the years 0 to 9999.
    package init?(iso8601 text: String) {
        var reader = DigitReader(text)
        guard let year = reader.number(4), reader.take("-"), let month = reader.number(2), reader.take("-"),
            let day = reader.number(2), reader.take("T") || reader.take("t") || reader.take(" "),
            let hour = reader.number(2), reader.take(":"), let minute = reader.number(2), reader.take(":"),
            let second = reader.number(2), (1...12).contains(month),
            (1...CivilDate.days(inMonth: month, of: year)).contains(day), hour < 24, minute < 60, second < 60
        else { return nil }
        var fraction = 0
        if reader.take(".") {
            guard let milliseconds = reader.fraction() else { return nil }
            fraction = milliseconds
        }
        var offsetMinutes = 0
        if !(reader.take("Z") || reader.take("z")) {
            let sign = reader.take("+") ? 1 : reader.take("-") ? -1 : 0
            guard sign != 0, let hours = reader.number(2), reader.take(":"), let minutes = reader.number(2),
                hours < 24, minutes < 60
            else { return nil }
            offsetMinutes = sign * (hours * 60 + minutes)
        }
        guard reader.isAtEnd else { return nil }
        let start = CivilDate(year: year, month: month, day: day).startOfDay.milliseconds
        let timeOfDay = Int64(((hour * 60 + minute - offsetMinutes) * 60 + second) * 1000 + fraction)
        self.init(milliseconds: start + timeOfDay)
        // In another zone the year may have four digits where in UTC it has none of these.
        guard self >= CivilDate(year: 0, month: 1, day: 1).startOfDay, self <= Self.latest else { return nil }
    }

    /// The last moment that RFC 3339 can name in UTC.
    package static let latest = CivilDate(year: 10_000, month: 1, day: 1).startOfDay.adding(milliseconds: -1)
}

private struct DigitReader {
    private var rest: Substring.UTF8View
    init(_ text: String) { rest = text[...].utf8 }
    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard let first = rest.first, UInt32(first) == character.value else { return false }
        rest.removeFirst()
        return true
    }

    mutating func number(_ width: Int) -> Int? {
        var value = 0
        for _ in 0..<width {
            guard let digit = nextDigit() else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    /// Digits after the point, as milliseconds; what is finer is cut off.
    mutating func fraction() -> Int? {
        var value = 0
        var count = 0
        while let digit = nextDigit() {
            if count < 3 { value = value * 10 + digit }
            count += 1
        }
        guard count > 0 else { return nil }
        for _ in min(count, 3)..<3 { value *= 10 }
        return value
    }

    private mutating func nextDigit() -> Int? {
        guard let first = rest.first, (0x30...0x39).contains(first) else { return nil }
        rest.removeFirst()
        return Int(first - 0x30)
    }
}

extension [UInt8] {
    /// Appends decimal digits, with zeros in front up to `width`.
    fileprivate mutating func append(_ value: Int64, width: Int) {
        let digits = String(value).utf8
        for _ in 0..<Swift.max(0, width - digits.count) { append(UInt8(ascii: "0")) }
        append(contentsOf: digits)
    }
}

extension Int64 {
    /// Division rounding towards negative infinity, so that moments before 1970 fall on the right day.
    fileprivate func flooredQuotient(_ divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}
