import CSystemCalls
import Glibc

/// A regular file as memory, read-only.
///
/// A file that is truncated while it is mapped raises SIGBUS when the missing part is read, which ends the process: map
/// files of strangers only where that is affordable.
@safe package struct MappedFile: ~Copyable {
    private let address: UnsafeMutableRawPointer
    package let count: Int

    /// `tooLarge` beyond `maximumBytes`; `empty` for an empty file, which cannot be mapped.
    package init(_ descriptor: borrowing OwnedDescriptor, maximumBytes: Int) throws(MappingError) {
        let size = csystemcalls_regular_file_size(descriptor.rawValue)
        guard size >= 0 else { throw .system(SystemCallError("fstat", errno)) }
        guard size > 0 else { throw .empty }
        guard size <= maximumBytes else { throw .tooLarge }
        // A fresh private mapping of `size` bytes, unmapped in deinit; nobody else holds its address.
        guard let address = unsafe mmap(nil, Int(size), PROT_READ, MAP_PRIVATE, descriptor.rawValue, 0),
            unsafe address != MAP_FAILED
        else {
            if errno == ENOMEM { throw .tooLarge }
            throw .system(SystemCallError("mmap", errno))
        }
        unsafe self.address = address
        count = Int(size)
    }

    deinit { unsafe munmap(address, count) }

    /// The file's bytes.
    package borrowing func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // The mapping outlives the span, which cannot leave the closure.
        try body(unsafe UnsafeRawBufferPointer(start: address, count: count).bytes)
    }
}

/// Why a file cannot be mapped.
package enum MappingError: Error, Hashable, Sendable {
    case empty
    case tooLarge
    case system(SystemCallError)
}
