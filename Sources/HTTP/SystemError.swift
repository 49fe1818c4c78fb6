import Glibc

/// The C library's error numbers in words.
enum SystemError {
    static func text(_ code: Int32) -> String {
        // strerror() is not safe across threads.
        var buffer = [CChar](repeating: 0, count: 128)
        return unsafe buffer.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress, unsafe strerror_r(code, base, buffer.count) == 0 else {
                return "error \(code)"
            }
            return unsafe String(cString: base)
        }
    }
}
