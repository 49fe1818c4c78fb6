import Domain

/// How far the screen's scores of some files are from the exact ones, and what that would change.
struct DriftReport: Sendable {
    struct Pair: Sendable {
        var exact: Double
        var screen: Double
        var drift: Double { abs(exact - screen) }
    }

    var pairs: [Pair] = []
    var notImages = 0
    /// What cannot be read or scored.
    var failures = 0

    func cleared(below margin: Double) -> [Pair] { pairs.filter { $0.screen < margin } }

    /// Files that the screen would clear and the exact pass calls NSFW.
    func differences(threshold: Double, margin: Double) -> Int {
        cleared(below: margin).count { $0.exact >= threshold }
    }

    func json(threshold: Double, margin: Double) -> JSONValue {
        let drifts = pairs.map(\.drift).sorted()
        let cleared = cleared(below: margin)
        return .object([
            "images": .integer(Int64(pairs.count)), "not_images": .integer(Int64(notImages)),
            "failures": .integer(Int64(failures)), "threshold": .number(threshold), "margin": .number(margin),
            "drift_p50": JSONValue(Self.quantile(0.5, of: drifts)),
            "drift_p99": JSONValue(Self.quantile(0.99, of: drifts)), "drift_max": JSONValue(drifts.last),
            "below_margin": .integer(Int64(cleared.count)),
            "highest_exact_below_margin": JSONValue(cleared.map(\.exact).max()),
            "decisions_that_differ": .integer(Int64(differences(threshold: threshold, margin: margin))),
        ])
    }

    /// The least value that so many are not above.
    private static func quantile(_ share: Double, of sorted: [Double]) -> Double? {
        guard !sorted.isEmpty else { return nil }
        return sorted[max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1)]
    }
}
