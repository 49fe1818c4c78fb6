import Synchronization

enum MetricKind: Sendable {
    case counter
    case gauge
    case histogram([Double])

    var name: String {
        switch self {
        case .counter: "counter"
        case .gauge: "gauge"
        case .histogram: "histogram"
        }
    }
}

/// One combination of label values.
struct MetricSample: Sendable {
    /// The value; for a histogram, the sum of what was observed.
    var value = 0.0
    var count = 0
    /// Observations per bucket, not yet cumulated.
    var buckets: [Int]
}

/// All samples of one metric name.
final class MetricFamily: Sendable {
    let name: String
    let help: String
    let kind: MetricKind
    let labels: [String]
    let bounds: [Double]
    private let samples = Mutex<[[String]: MetricSample]>([:])
    private let reader = Mutex<(@Sendable () -> Double)?>(nil)

    init(name: String, help: String, kind: MetricKind, labels: [String]) {
        self.name = name
        self.help = help
        self.kind = kind
        self.labels = labels
        bounds = if case .histogram(let bounds) = kind { bounds } else { [] }
        // A metric without labels is there from the start, so that a rate can be taken over its first event.
        if labels.isEmpty { update([]) { _ in } }
    }

    func setReader(_ read: @escaping @Sendable () -> Double) { reader.withLock { $0 = read } }

    func update(_ labelValues: [String], _ change: (inout MetricSample) -> Void) {
        precondition(labelValues.count == labels.count, "the metric \(name) has the labels \(labels)")
        samples.withLock { samples in
            change(&samples[labelValues, default: MetricSample(buckets: Array(repeating: 0, count: bounds.count))])
        }
    }

    func exposition() -> String {
        if let read = reader.withLock({ $0 }) {
            let value = read()
            update([]) { $0.value = value }
        }
        let ordered = samples.withLock { $0 }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        var text = "# HELP \(name) \(help)\n# TYPE \(name) \(kind.name)\n"
        for (values, sample) in ordered {
            if case .histogram = kind {
                text += histogramLines(values, sample)
            } else {
                text += "\(name)\(labelText(values)) \(number(sample.value))\n"
            }
        }
        return text
    }

    private func histogramLines(_ values: [String], _ sample: MetricSample) -> String {
        var text = ""
        var cumulated = 0
        for (bound, count) in zip(bounds, sample.buckets) {
            cumulated += count
            text += "\(name)_bucket\(labelText(values, bound: number(bound))) \(cumulated)\n"
        }
        text += "\(name)_bucket\(labelText(values, bound: "+Inf")) \(sample.count)\n"
        text += "\(name)_sum\(labelText(values)) \(number(sample.value))\n"
        text += "\(name)_count\(labelText(values)) \(sample.count)\n"
        return text
    }

    private func labelText(_ values: [String], bound: String? = nil) -> String {
        var pairs = zip(labels, values).map { "\($0)=\"\(escaped($1))\"" }
        if let bound { pairs.append("le=\"\(bound)\"") }
        return pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}"
    }

    private func escaped(_ value: String) -> String {
        value.reduce(into: "") { text, character in
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.append(character)
            }
        }
    }

    private func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : "\(value)"
    }
}
