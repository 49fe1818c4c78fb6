package import Domain

/// The words of one mail.
package struct AlertText: Hashable, Sendable {
    package let subject: String
    /// What happened, and how often.
    package let summary: String
    /// The single alerts, the oldest first, as many as are described.
    package let items: [String]
    /// How many are not described.
    package let omitted: Int
    /// What may be done about it.
    package let advice: String
    private let organization: String

    package init(_ batch: AlertBatch) {
        let count = batch.count
        let words = Self.words(batch.kind, count)
        let name = batch.organizationName
        subject = "[\(Self.clipped(name))] \(words.subject)"
        summary = words.summary
        items = batch.alerts.map { "\(Self.moment($0.at)): \(Self.line(batch.kind, $0))" }
        omitted = count - batch.alerts.count
        advice = words.advice
        organization = "\(name) (\(batch.organizationID))"
    }

    /// A subject has room for the beginning of a long name.
    private static func clipped(_ name: String) -> String {
        name.clipped(to: 60)
    }

    private static func words(_ kind: AlertKind, _ count: Int) -> (subject: String, summary: String, advice: String) {
        let times = count == 1 ? "" : " (\(count) times)"
        return switch kind {
        case .gateOutage:
            (
                "The NSFW gate is out of service",
                "The NSFW gate cannot scan uploads at the moment\(times).",
                "What is admitted unscanned is scanned as soon as the gate is back; what is refused may be sent again."
            )
        case .gateRecovered:
            ("The NSFW gate is back", "The NSFW gate scans uploads again\(times).", "")
        case .uploadQuarantined:
            (
                count == 1 ? "An upload was quarantined" : "\(count) uploads were quarantined",
                count == 1
                    ? "An upload that had been admitted unscanned was found unacceptable and is not served any more."
                    : "\(count) uploads that had been admitted unscanned were found unacceptable and are not served any more.",
                "They are kept until the operator decides about them."
            )
        case .creditsThreshold:
            ("Credits are running out", "A share of this month's credits is used up\(times).", "")
        case .keyExpiring:
            (
                count == 1 ? "An API key expires soon" : "\(count) API keys expire soon",
                "Requests with an expired key are refused.", "Rotate the key, or give it another expiry."
            )
        case .gateSettingsChanged:
            (
                "The settings of the NSFW gate were changed", "The settings of the NSFW gate were changed\(times).",
                "If this was not meant to be, change them back and look into the audit log."
            )
        }
    }

    private static func line(_ kind: AlertKind, _ alert: Alert) -> String {
        let data = alert.data
        func text(_ name: String) -> String { data[name]?.stringValue ?? "" }
        func number(_ name: String) -> Int64 { data[name]?.integerValue ?? 0 }
        switch kind {
        case .gateOutage:
            return "out of service since \(moment(text("started_at"))); so far \(number("admitted_unscanned")) uploads "
                + "admitted unscanned, \(number("refused")) refused"
        case .gateRecovered:
            return "back after an outage from \(moment(text("started_at"))) to \(moment(text("ended_at"))); "
                + "\(number("admitted_unscanned")) uploads admitted unscanned, \(number("refused")) refused"
        case .uploadQuarantined: return "upload \(alert.subject)"
        case .creditsThreshold:
            return
                "\(number("threshold_percent")) % used: \(number("allowance_used")) of \(number("monthly_allowance")) "
                + "credits of the period that ends at \(moment(text("period_end")))"
        case .keyExpiring:
            return
                "key \"\(text("name"))\" (\(alert.subject)) of \(text("user")) expires at \(moment(text("expires_at")))"
        case .gateSettingsChanged:
            let changes = ["nsfw_check_enabled", "nsfw_fail_closed"].compactMap { name -> String? in
                let (before, after) = (data[name]?.objectValue?["before"], data[name]?.objectValue?["after"])
                guard let before, let after, before.encoded != after.encoded else { return nil }
                return "\(name) from \(before.encoded) to \(after.encoded)"
            }
            let author = data["actor_email"]?.stringValue.map { "\($0) (\(text("actor")))" } ?? text("actor")
            return "\(changes.joined(separator: ", ")) by \(author)"
        }
    }

    private static func moment(_ at: Timestamp) -> String { moment(at.iso8601) }

    /// `2026-01-31T23:59:59.000Z` as people read it.
    private static func moment(_ iso8601: String) -> String {
        let date = iso8601.prefix(10)
        return "\(date) \(iso8601.dropFirst(11).prefix(8)) UTC"
    }

    private var more: String? { omitted > 0 ? "… and \(omitted) before these." : nil }
    private static let reason =
        "You get this mail because your address is the organization's notifications_email in Portcullis."

    package var plain: String {
        var parts = [summary, items.map { "- \($0)" }.joined(separator: "\n")]
        parts += [more, advice.isEmpty ? nil : advice].compactMap { $0 }
        parts += ["Organization: \(organization)", Self.reason]
        return parts.joined(separator: "\n\n") + "\n"
    }

    package var html: String {
        let list = items.map { "<li>\(Self.escaped($0))</li>" }.joined(separator: "\n")
        let rest = [more, advice.isEmpty ? nil : advice].compactMap { $0 }
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head><meta charset="utf-8"><title>\(Self.escaped(subject))</title></head>
            <body>
            <p>\(Self.escaped(summary))</p>
            <ul>
            \(list)
            </ul>
            \(rest.map { "<p>\(Self.escaped($0))</p>" }.joined(separator: "\n"))
            <p>Organization: \(Self.escaped(organization))</p>
            <p><small>\(Self.escaped(Self.reason))</small></p>
            </body>
            </html>

            """
    }

    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
