internal import CResample

/// Resizes lines against one another: takes them one by one, keeps as many as a line of the result needs, and gives each
/// line of the result as soon as its last stored line is there.
@safe final class VerticalPass {
    private let filter: AxisFilter
    private let weights: [UInt32]
    /// Bytes.
    private let lineLength: Int
    private let lines: UnsafeMutablePointer<UInt8>
    private let result: UnsafeMutablePointer<UInt8>
    private var nextTap = 0

    init(_ filter: AxisFilter, lineLength: Int) {
        self.filter = filter
        weights = filter.weights.map { UInt32(bitPattern: $0) }
        self.lineLength = lineLength
        // Safe: this object's alone, deallocated once in deinit.
        unsafe lines = .allocate(capacity: max(1, filter.maximumCount) * lineLength)
        unsafe lines.initialize(repeating: 0, count: max(1, filter.maximumCount) * lineLength)
        unsafe result = .allocate(capacity: lineLength)
        unsafe result.initialize(repeating: 0, count: lineLength)
    }

    /// A pass that goes on from where `other` is, independently.
    init(copying other: VerticalPass) {
        filter = other.filter
        weights = other.weights
        lineLength = other.lineLength
        nextTap = other.nextTap
        unsafe lines = .allocate(capacity: max(1, filter.maximumCount) * lineLength)
        unsafe lines.initialize(from: other.lines, count: max(1, filter.maximumCount) * lineLength)
        unsafe result = .allocate(capacity: lineLength)
        unsafe result.initialize(repeating: 0, count: lineLength)
    }

    deinit {
        unsafe lines.deallocate()
        unsafe result.deallocate()
    }

    /// Stored lines that matter.
    var range: Range<Int> { filter.range }

    /// Where stored line `index` is to be written before `complete(line:)`.
    func place(forLine index: Int) -> UnsafeMutablePointer<UInt8> {
        unsafe lines + index % max(1, filter.maximumCount) * lineLength
    }

    /// Stored line `index` is in its place; the lines of the result that it was the last to be missing from are given to
    /// `emit`, with their number.
    func complete(line index: Int, emit: (_ line: UnsafePointer<UInt8>, _ target: Int) -> Void) {
        while nextTap < filter.taps.count, filter.taps[nextTap].end == index + 1 {
            let tap = filter.taps[nextTap]
            sum(tap)
            unsafe emit(result, tap.target)
            nextTap += 1
        }
    }

    private func sum(_ tap: AxisFilter.Tap) {
        // Unchecked pointers, for this is an inner loop of the gate: all lines have `lineLength` bytes, and there are as
        // many as the largest tap needs.
        unsafe weights.withUnsafeBufferPointer { weights in
            guard let first = weights.baseAddress else { return }
            unsafe cresample_vertical(
                lines, lineLength, max(1, filter.maximumCount), tap.start, first + tap.weightOffset, tap.count, result)
        }
    }
}
