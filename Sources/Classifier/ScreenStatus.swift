/// What became of the screen model at the start.
package enum ScreenStatus: Hashable, Sendable {
    /// It is not wanted, or the model has none.
    case off
    case ready(sha256: String, selfTestScore: Double)
    /// It cannot be used: everything is scored exactly. The text is for the operator.
    case unusable(String)
}
