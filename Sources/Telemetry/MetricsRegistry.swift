import Synchronization

/// The service's metrics, in Prometheus' text format 0.0.4. Registering a name twice gives the same metric.
package final class MetricsRegistry: Sendable {
    private let families = Mutex<[MetricFamily]>([])

    package init() {}

    /// A number that only grows.
    package func counter(_ name: String, help: String, labels: [String] = []) -> Counter {
        Counter(family: family(name, help: help, kind: .counter, labels: labels))
    }

    /// A number that goes up and down.
    package func gauge(_ name: String, help: String, labels: [String] = []) -> Gauge {
        Gauge(family: family(name, help: help, kind: .gauge, labels: labels))
    }

    /// How often values fell at or below each of the `buckets` (ascending upper bounds).
    package func histogram(_ name: String, help: String, labels: [String] = [], buckets: [Double]) -> Histogram {
        Histogram(family: family(name, help: help, kind: .histogram(buckets), labels: labels))
    }

    /// A gauge whose value is asked for when the metrics are read.
    package func gauge(_ name: String, help: String, reading value: @escaping @Sendable () -> Double) {
        family(name, help: help, kind: .gauge, labels: []).setReader(value)
    }

    /// The same for a number that only grows.
    package func counter(_ name: String, help: String, reading value: @escaping @Sendable () -> Double) {
        family(name, help: help, kind: .counter, labels: []).setReader(value)
    }

    /// All metrics as text, in the order of their registration.
    package func exposition() -> String {
        families.withLock { $0 }.map { $0.exposition() }.joined()
    }

    private func family(_ name: String, help: String, kind: MetricKind, labels: [String]) -> MetricFamily {
        families.withLock { families in
            if let known = families.first(where: { $0.name == name }) {
                precondition(known.labels == labels, "the metric \(name) was registered with other labels")
                return known
            }
            let family = MetricFamily(name: name, help: help, kind: kind, labels: labels)
            families.append(family)
            return family
        }
    }
}

package struct Counter: Sendable {
    let family: MetricFamily
    /// Label values stand in the order in which the labels were registered.
    package func increment(by amount: Double = 1, _ labelValues: String...) { family.sample(labelValues).add(amount) }
}

package struct Gauge: Sendable {
    let family: MetricFamily
    package func set(_ value: Double, _ labelValues: String...) { family.sample(labelValues).set(value) }
    package func add(_ amount: Double, _ labelValues: String...) { family.sample(labelValues).add(amount) }
}

package struct Histogram: Sendable {
    let family: MetricFamily
    package func observe(_ value: Double, _ labelValues: String...) { family.sample(labelValues).observe(value) }

    /// One combination of label values, for what is observed often.
    package func labeled(_ labelValues: String...) -> LabeledHistogram {
        LabeledHistogram(sample: family.sample(labelValues))
    }
}

package struct LabeledHistogram: Sendable {
    let sample: MetricSample
    package func observe(_ value: Double) { sample.observe(value) }
}
