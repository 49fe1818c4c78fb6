/// What can go wrong between the service and a worker.
package enum WorkerProtocolError: Error, Equatable, Sendable {
    /// A message that breaks the format or makes no sense; says which field. The peer is broken or hostile.
    case malformed(String)
    /// The peer closed its end.
    case closed
    /// A system call failed with this error number.
    case system(call: String, number: CInt)
}
