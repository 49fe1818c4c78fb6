package import BlobStore
package import Database
package import SystemCalls

/// Two things that should agree and do not.
package struct Difference: Hashable, Sendable {
    package enum Subject: String, CaseIterable, Sendable {
        /// The database file itself.
        case database
        /// The ledger's rows among themselves.
        case ledger
        /// An account's counters against its ledger.
        case balance
        /// Open holds against the ledger.
        case hold
        /// Charges against uploads.
        case charge
        /// Uploads against the index of contents.
        case content
        /// The index of contents against the files.
        case file
        case spool
        /// The bytes of announced uploads.
        case staging
        /// Announced uploads against their records, and how many each bucket is said to have.
        case bucket
        case quarantine
        case idempotency
        /// Subscriptions and deliveries of webhooks.
        case webhook
        /// Alerts that wait for their mail.
        case alert
        /// What scans found against the receipts of their uploads.
        case verdict
    }

    package let subject: Subject
    /// The thing that is wrong, such as `upload upl_… of org_…`.
    package let place: String
    /// What it is, and what it should be.
    package let finding: String

    package init(_ subject: Subject, _ place: String, _ finding: String) {
        self.subject = subject
        self.place = place
        self.finding = finding
    }

    package var line: String { "\(subject.rawValue): \(place): \(finding)" }
}

/// How much was looked at.
package struct VerificationReport: Hashable, Sendable {
    package var organizations = 0
    package var ledgerRows = 0
    package var holds = 0
    package var uploads = 0
    package var quarantined = 0
    package var contents = 0
    /// Contents that nothing refers to any more and that are about to be removed.
    package var contentsToRemove = 0
    package var files = 0
    /// Files of uploads in flight, or left for the next start to settle.
    package var spoolFiles = 0
    /// Files of announced uploads.
    package var stagedFiles = 0
    /// Bytes whose hash was computed; 0 unless contents were read.
    package var bytesRead: Int64 = 0
    package var differences = 0
}

/// Why something could not be looked at or copied.
package enum MaintenanceError: Error {
    case database(DatabaseError)
    case storage(BlobStoreError)
    case system(SystemCallError)
    case unusable(String)
}

extension MaintenanceError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .database(let error): error.description
        case .storage(let error): error.description
        case .system(let error): error.description
        case .unusable(let detail): detail
        }
    }
}
