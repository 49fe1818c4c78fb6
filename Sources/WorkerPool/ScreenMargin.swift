/// Below which score of the screen a picture is cleared.
package struct ScreenMargin: Hashable, Sendable, CustomStringConvertible {
    /// What the operator set, 0...1; nil for the default.
    private let configured: Double?

    package init(_ configured: Double? = nil) { self.configured = configured }

    /// By default this far below the threshold: 0.1 under 0.8. A low threshold leaves no room for a screen, whose drift does
    /// not shrink with it; then everything is scored exactly.
    private static let defaultDistance = 0.7
    /// Whatever is set, half the threshold is the most: nearer to it the screen's drift could let something pass.
    package static let maximumShare = 0.5

    package var description: String {
        configured.map { "below \($0)" } ?? "\(Self.defaultDistance) below the threshold"
    }

    /// 0 where nothing is to be cleared.
    package func value(forThreshold threshold: Double) -> Double {
        min(configured ?? max(0, threshold - Self.defaultDistance), threshold * Self.maximumShare)
    }
}
