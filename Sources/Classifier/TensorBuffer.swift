/// The memory of a tensor: 32-bit floats at an address that never changes.
@safe struct TensorBuffer: ~Copyable {
    /// Valid while the buffer lives.
    let values: UnsafeMutableBufferPointer<Float>

    init(shape: [Int]) {
        unsafe values = .allocate(capacity: shape.reduce(1, *))
        unsafe values.initialize(repeating: 0)
    }

    deinit {
        unsafe values.deallocate()
    }
}
