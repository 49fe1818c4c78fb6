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

/// All samples of one metric name.
final class MetricFamily: Sendable {
    let name: String
    let help: String
    let kind: MetricKind
    let labels: [String]
    let bounds: [Double]
    private let samples = Mutex<[[String]: MetricSample]>([:])
    /// The sample of a metric without labels, which is found without a lock.
    private let only: MetricSample?
    private let reader = Mutex<(@Sendable () -> Double)?>(nil)

    init(name: String, help: String, kind: MetricKind, labels: [String]) {
        self.name = name
        self.help = help
        self.kind = kind
        self.labels = labels
        bounds = if case .histogram(let bounds) = kind { bounds } else { [] }
        // A metric without labels is there from the start, so that a rate can be taken over its first event.
        only = labels.isEmpty ? MetricSample(bounds: bounds) : nil
    }

    func setReader(_ read: @escaping @Sendable () -> Double) { reader.withLock { $0 = read } }

    /// The sample of one combination of label values, which lives as long as the family.
    func sample(_ labelValues: [String]) -> MetricSample {
        precondition(labelValues.count == labels.count, "the metric \(name) has the labels \(labels)")
        if let only { return only }
        return samples.withLock { samples in
            if let known = samples[labelValues] { return known }
            let sample = MetricSample(bounds: bounds)
            samples[labelValues] = sample
            return sample
        }
    }

    func exposition() -> String {
        if let read = reader.withLock({ $0 }) {
            sample([]).set(read())
        }
        let ordered =
            only.map { [(key: [String](), value: $0)] }
            ?? samples.withLock { $0 }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
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
        // Observations may come in between: the sum of the buckets is the count, whatever the order of the reads.
        let buckets = sample.bucketCounts
        for (bound, count) in zip(bounds, buckets) {
            cumulated += count
            text += "\(name)_bucket\(labelText(values, bound: number(bound))) \(cumulated)\n"
        }
        let count = buckets.reduce(0, +)
        text += "\(name)_bucket\(labelText(values, bound: "+Inf")) \(count)\n"
        text += "\(name)_sum\(labelText(values)) \(number(sample.value))\n"
        text += "\(name)_count\(labelText(values)) \(count)\n"
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
