package import Domain
package import WorkerProtocol

/// The pool at one moment.
package struct WorkerPoolStatus: Sendable, Equatable {
    package var configured: Int
    /// Workers that are ready or scanning.
    package var live = 0
    package var busy = 0
    /// Workers that were replaced since the start, whatever the cause.
    package var restarts = 0
    package var queued = 0
    /// Uploads since the start that were not scanned though workers lived: the queue was full, or the wait too long.
    package var overflows = 0
    package var outOfService = false
    /// Why a scan would be unavailable right now; nil while workers are live or expected.
    package var unavailableReason: UnavailableReason?
    /// What every live worker has around it; nil while there is none.
    package var sandbox: SandboxFeatures?
    /// The model of the last worker that became ready.
    package var model: ModelIdentity?
    /// All that its verdicts depend on: kept while no worker lives.
    package var scanner: ScannerIdentity?
    /// Of a file, lately, without waiting.
    package var meanScanSeconds = Supervisor.firstMeanScanSeconds
    /// Its screen model.
    package var screen: ScreenReport = .off
    /// Its score of the manifest's known tensor.
    package var selfTestScore: Double?
    /// Process ids of the live workers.
    package var processes: [Int32] = []

    package init(configured: Int) { self.configured = configured }
}
