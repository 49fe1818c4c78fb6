package import Domain

/// What became of a scan, and by what.
package struct ScanReport: Sendable {
    package let outcome: ScanOutcome
    /// nil where no worker answered.
    package let scanner: ScannerIdentity?

    package init(outcome: ScanOutcome, scanner: ScannerIdentity? = nil) {
        self.outcome = outcome
        self.scanner = scanner
    }
}
