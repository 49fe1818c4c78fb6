/// Which of the two ways of scoring decided on a file.
package enum ScanPass: String, CaseIterable, Sendable {
    /// The cheap one: the screen model. It cleared every picture that was looked at; it never finds anything NSFW.
    case screen
    /// The model itself.
    case exact
}

/// How a file is to be scored.
package enum ScanMode: Hashable, Sendable {
    case exact
    /// Pictures that the screen scores below `margin` (0...1) are cleared by it, all others are scored exactly.
    case screened(margin: Double)
    /// For measurements alone: the screen's own score, whatever it is.
    case screenOnly
}
