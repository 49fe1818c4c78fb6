import Models
import Settings
import Synchronization

/// The threshold in force. A manifest that was missing at the start may come later, as the workers take it up then too;
/// it is looked for at each check until it is there, and kept from then on.
final class ThresholdSource: Sendable {
    private let known: Mutex<Double?>
    private let manifestPath: String

    /// While there is no manifest nothing can be scored, so that this only stands in receipts.
    private static let withoutModel = 0.8

    init(_ settings: ClassifierSettings, _ manifest: ModelManifest?) {
        known = Mutex(settings.threshold ?? manifest?.threshold)
        manifestPath = settings.modelManifest
    }

    func current() -> Double {
        if let threshold = known.withLock({ $0 }) { return threshold }
        guard let manifest = try? ModelManifest(contentsOf: manifestPath) else { return Self.withoutModel }
        known.withLock { $0 = manifest.threshold }
        return manifest.threshold
    }
}
