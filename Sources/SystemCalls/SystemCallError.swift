/// A system call that failed, with the kernel's error number.
package struct SystemCallError: Error, Hashable, Sendable, CustomStringConvertible {
    package var call: String
    package var number: CInt

    package init(_ call: String, _ number: CInt) {
        self.call = call
        self.number = number
    }

    package var description: String { "\(call) failed with error \(number)" }
}
