/// Where "now" comes from. Injected, so that billing periods, expiries and rate limits are tested with a clock that
/// the test moves.
package protocol TimeSource: Sendable {
    /// The wall clock, UTC.
    func now() -> Timestamp
}
