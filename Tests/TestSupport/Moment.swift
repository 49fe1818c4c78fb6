import Foundation

/// Moments as the API writes them.
package enum Moment {
    /// So many seconds from now, RFC 3339 in UTC with milliseconds.
    package static func after(seconds: Double) -> String {
        Date.now.addingTimeInterval(seconds).formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
}
