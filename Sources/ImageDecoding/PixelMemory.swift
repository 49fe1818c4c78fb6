internal import Glibc

/// Zeroed bytes from calloc, which says when there are none left, where Swift's own allocation would end the process.
@safe struct PixelMemory: ~Copyable {
    private let start: UnsafeMutablePointer<UInt8>
    let count: Int

    init(count: Int) throws(DecodingError) {
        guard let memory = unsafe calloc(max(1, count), 1) else { throw .limitExceeded("out of memory") }
        // Safe: the memory is this value's alone, and freed once in deinit.
        unsafe start = memory.assumingMemoryBound(to: UInt8.self)
        self.count = count
    }

    deinit {
        unsafe free(start)
    }

    /// The address of the byte at `offset`, from which `count` bytes may be written while the value lives.
    func pointer(at offset: Int = 0, count: Int) -> UnsafeMutablePointer<UInt8> {
        precondition(offset >= 0 && count >= 0 && offset + count <= self.count)
        return unsafe start + offset
    }
}
