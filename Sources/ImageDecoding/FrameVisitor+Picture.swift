extension FrameVisitor {
    /// Shows the rows of a frame that is whole in memory, and ends it. `firstRow` begins `frame.height` rows that are
    /// `stride` bytes apart.
    /// - Returns: whether the visitor wants more.
    func show(_ frame: FrameHeader, at firstRow: UnsafePointer<UInt8>, stride: Int) -> Bool {
        let rowBytes = frame.width * frame.channels
        for index in 0..<frame.height {
            unsafe visitRow(UnsafeBufferPointer(start: firstRow + index * stride, count: rowBytes).span)
        }
        return endFrame()
    }
}
