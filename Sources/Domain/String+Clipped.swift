extension String {
    /// At most the first `count` Unicode scalars, and `…` where something was left out: what a client sent is not sent back
    /// in full. By scalars, because a single character may consist of any number of them.
    package func clipped(to count: Int) -> String {
        let end = unicodeScalars.index(startIndex, offsetBy: count, limitedBy: endIndex) ?? endIndex
        return end == endIndex ? self : String(self[..<end]) + "…"
    }
}
