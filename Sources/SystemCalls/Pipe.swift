import CSystemCalls
import Glibc

/// A pipe: what is written to one end is read, without waiting, from the other. Both are closed on exec.
package struct Pipe: ~Copyable {
    package let reading: OwnedDescriptor
    package let writing: OwnedDescriptor

    package init() throws(SystemCallError) {
        var descriptors: [CInt] = [-1, -1]
        // The array has room for the two that the call writes.
        guard unsafe csystemcalls_pipe(&descriptors) == 0 else { throw SystemCallError("pipe2", errno) }
        reading = OwnedDescriptor(owning: descriptors[0])
        writing = OwnedDescriptor(owning: descriptors[1])
    }

    /// Closes the writing end, once another process has it.
    package consuming func keepingReading() -> OwnedDescriptor { reading }
}
