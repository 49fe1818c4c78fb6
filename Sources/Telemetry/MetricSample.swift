import Synchronization

/// One combination of label values. It is counted by every request on every thread, and so without a lock: a thread that
/// is interrupted while it holds one makes all others wait.
final class MetricSample: Sendable {
    /// The bit pattern of the value; for a histogram, of the sum of what was observed.
    private let bits = Atomic<UInt64>(0)
    private let bounds: [Double]
    /// Observations per bucket, not cumulated; the last are beyond all bounds.
    private let buckets: [Bucket]

    private final class Bucket: Sendable {
        let count = Atomic(0)
    }

    init(bounds: [Double]) {
        self.bounds = bounds
        buckets = (0...bounds.count).map { _ in Bucket() }
    }

    var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    var bucketCounts: [Int] { buckets.map { $0.count.load(ordering: .relaxed) } }

    func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    func add(_ amount: Double) {
        var known = bits.load(ordering: .relaxed)
        while true {
            let sum = (Double(bitPattern: known) + amount).bitPattern
            let (exchanged, original) = bits.weakCompareExchange(expected: known, desired: sum, ordering: .relaxed)
            if exchanged { return }
            known = original
        }
    }

    func observe(_ value: Double) {
        add(value)
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        buckets[bucket].count.add(1, ordering: .relaxed)
    }
}
