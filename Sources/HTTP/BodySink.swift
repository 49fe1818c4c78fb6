package import Domain

/// Takes a body as it arrives.
package protocol BodySink: AnyObject, Sendable {
    /// Takes the next bytes of the body, in order, never none. It runs on the thread of the connection, which serves
    /// others as well: a write to the page cache is fine, waiting is not. What it throws ends the reading.
    func receive(_ bytes: RawSpan) throws(Failure) -> BodyDemand
}

/// Whether a sink wants the body to go on.
package enum BodyDemand: Sendable {
    case more
    /// No more for now: nothing is read from the connection until the next `read(into:)`, so that the client is held
    /// back by TCP.
    case pause
}

/// Why `RequestBody.read(into:)` came back.
package enum BodyProgress: Sendable {
    /// The whole body was delivered.
    case ended
    /// The sink asked for a pause; there may be more.
    case paused
}
