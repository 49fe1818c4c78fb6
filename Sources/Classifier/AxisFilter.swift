/// The weights by which samples along one axis of a picture become the samples of a resized picture: Pillow's
/// antialiased triangle ("bilinear") in its integer arithmetic, `precompute_coeffs` of Pillow 12's Resample.c. Weights are
/// scaled by 2^22, sum up to about that, and are never negative.
struct AxisFilter {
    static let precisionBits: Int32 = 22
    /// Half a unit of the result, for rounding.
    static let half: Int32 = 1 << (precisionBits - 1)

    /// One sample of the result, as a weighted sum of stored samples.
    struct Tap {
        /// The first stored sample.
        var start: Int
        var count: Int
        /// Where its weights begin.
        var weightOffset: Int
        /// Where in the result it goes.
        var target: Int

        var end: Int { start + count }
    }

    /// By ascending `start`, and by ascending `end` too.
    private(set) var taps: [Tap] = []
    private(set) var weights: [Int32] = []
    /// The greatest count of any tap.
    private(set) var maximumCount = 0

    /// - Parameters:
    ///   - length: stored samples.
    ///   - resizedLength: samples of the whole resized axis.
    ///   - window: the samples of the resized axis that are wanted.
    ///   - reversed: whether the stored samples run against the axis.
    init(length: Int, resizedLength: Int, window: Range<Int>, reversed: Bool) {
        let scale = Double(length) / Double(resizedLength)
        let support = max(1, scale)
        let inverse = 1 / support
        for sample in window {
            let center = (Double(sample) + 0.5) * scale
            let first = max(0, Int(center - support + 0.5))
            let end = min(length, Int(center + support + 0.5))
            let shares = (first..<end).map { position in
                max(0, 1 - abs((Double(position) - center + 0.5) * inverse))
            }
            let sum = shares.reduce(0, +)
            let scaled = shares.map { Int32(0.5 + (sum != 0 ? $0 / sum : $0) * Double(1 << Self.precisionBits)) }
            taps.append(
                Tap(
                    start: reversed ? length - end : first, count: end - first, weightOffset: weights.count,
                    target: sample - window.lowerBound))
            weights += reversed ? scaled.reversed() : scaled
            maximumCount = max(maximumCount, end - first)
        }
        if reversed { taps.reverse() }
    }

    /// Stored samples that matter.
    var range: Range<Int> {
        guard let first = taps.first, let last = taps.last else { return 0..<0 }
        return first.start..<last.end
    }
}
