internal import Domain

/// Dates as RFC 5322 section 3.3 writes them.
enum MailDate {
    private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `Thu, 1 Jan 1970 00:00:00 +0000`, for moments from then on.
    static func text(_ moment: Timestamp) -> String {
        let date = moment.date
        let second = moment.seconds % 86_400
        let clock = [second / 3_600, second / 60 % 60, second % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }
        let weekday = weekdays[Int(date.daysSinceEpoch % 7)]
        return "\(weekday), \(date.day) \(months[date.month - 1]) \(date.year) \(clock.joined(separator: ":")) +0000"
    }
}
