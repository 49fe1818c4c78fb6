/// What can go wrong between the service and a worker.
package enum WorkerProtocolError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A message that breaks the format or makes no sense; says which field. The peer is broken or hostile.
    case malformed(String)
    /// The peer closed its end.
    case closed
    /// A system call failed with this error number.
    case system(call: String, number: CInt)

    package var description: String {
        switch self {
        case .malformed(let what): what
        case .closed: "the peer is gone"
        case .system(let call, let number): "\(call) failed with error \(number)"
        }
    }
}
