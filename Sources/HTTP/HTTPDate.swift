import Domain

/// Dates as HTTP writes them (RFC 9110, section 5.6.7).
enum HTTPDate {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `Sun, 06 Nov 1994 08:49:37 GMT`. The moment must not lie before 1970.
    static func text(_ moment: Timestamp) -> String {
        let date = moment.date
        let secondOfDay = moment.seconds % 86_400
        return "\(days[Int(date.daysSinceEpoch % 7)]), \(padded(date.day)) \(months[date.month - 1]) \(date.year) "
            + "\(padded(secondOfDay / 3600)):\(padded(secondOfDay / 60 % 60)):\(padded(secondOfDay % 60)) GMT"
    }

    private static func padded(_ value: some BinaryInteger) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
