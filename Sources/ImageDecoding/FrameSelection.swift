/// Which frames of a file are looked at: all where there are few; where there are many, as many as that, spread evenly
/// over the run, always with the first and the last.
package enum FrameSelection {
    package static let maximumCount = 64

    /// Whether frame `index` (from 0) of `total` is one of them.
    package static func contains(_ index: Int, of total: Int) -> Bool {
        guard total > maximumCount else { return true }
        // Chosen are ⌊position × (total − 1) ÷ gaps⌋ for every position from 0 to `gaps`. The only candidate for `index`
        // is the first position that does not fall short of it.
        let gaps = maximumCount - 1
        let position = (index * gaps + total - 2) / (total - 1)
        return position * (total - 1) / gaps == index
    }
}
