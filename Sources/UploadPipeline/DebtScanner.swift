package import BlobStore
package import Charge
package import Database
import Domain
package import Gate
package import Telemetry
package import WorkerPool

/// Scans what was admitted unscanned, as soon as the classifier is back and no client waits for it.
package struct DebtScanner: Sendable {
    private let database: any DatabaseDriver
    private let blobs: LocalBlobStore
    private let register: UploadRegister
    private let gate: UploadGate
    private let pool: ScanPool
    private let log: Logger
    private let settled: Counter

    package init(
        database: any DatabaseDriver, blobs: LocalBlobStore, register: UploadRegister, gate: UploadGate,
        pool: ScanPool, log: Logger, metrics: MetricsRegistry
    ) {
        self.database = database
        self.blobs = blobs
        self.register = register
        self.gate = gate
        self.pool = pool
        self.log = log
        settled = metrics.counter(
            "portcullis_debt_settled_total", help: "Uploads scanned after their admission, by what was found.",
            labels: ["reason"])
        metrics.gauge("portcullis_debt_uploads", help: "Uploads that were admitted unscanned and still are.") {
            let count = try? database.read { transaction throws(DatabaseError) in
                try transaction.uploads.unscannedCount()
            }
            return Double(count ?? 0)
        }
    }

    private static let batch = 16
    private static let pauseMilliseconds = 500

    private enum Settlement: Sendable {
        case settled
        /// The classifier cannot scan it now.
        case postponed
        /// It cannot be scanned by this build, or something else is wrong with it; others must not wait behind it.
        case setAside(UploadID)
    }

    /// Runs until its task is cancelled.
    package func run() async {
        // Set aside until the next start.
        var setAside: Set<UploadID> = []
        while !Task.isCancelled {
            let progressed = pool.isAvailable ? await scanBatch(&setAside) : false
            if !progressed { try? await Task.sleep(for: .milliseconds(Self.pauseMilliseconds)) }
        }
    }

    /// - Returns: whether any debt was settled; if not, going on at once would be in vain.
    private func scanBatch(_ setAside: inout Set<UploadID>) async -> Bool {
        let debt: [UnscannedUpload]
        let limit = Self.batch + setAside.count
        do {
            debt = try database.read { transaction throws(DatabaseError) in
                try transaction.uploads.unscannedDebt(types: MediaType.decodable, limit: limit)
            }
        } catch {
            log.error("debt.read_failed", ["detail": .string(error.description)])
            return false
        }
        let open = debt.filter { !setAside.contains($0.record.id) }.prefix(Self.batch)
        let settlements = await withTaskGroup(of: Settlement.self) { group in
            for upload in open { group.addTask { await settle(upload) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        var progressed = false
        for settlement in settlements {
            switch settlement {
            case .settled: progressed = true
            case .postponed: break
            case .setAside(let id): setAside.insert(id)
            }
        }
        return progressed
    }

    private func settle(_ upload: UnscannedUpload) async -> Settlement {
        let record = upload.record
        do throws(Failure) {
            let content: StoredBlob
            do { content = try blobs.open(upload.organization, record.sha256) } catch { throw Failure(storage: error) }
            let check = try await gate.recheck(
                GateSubject(
                    descriptor: content.rawDescriptor, mediaType: record.mediaType, sha256: record.sha256,
                    organization: record.organization, organizationID: upload.organization))
            // Keeps the descriptor open until here.
            _ = consume content
            guard let check else { return .postponed }
            guard try await register.settle(record, receipt: check.receipt, scanState: check.scanState) else {
                return .settled
            }
            settled.increment(check.receipt.reason.rawValue)
            let fields: JSONObject = [
                "upload_id": .string(record.id.rawValue), "organization_id": .string(upload.organization.rawValue),
                "reason": .string(check.receipt.reason.rawValue),
                "decision": .string(check.receipt.decision.rawValue),
            ]
            if check.receipt.decision == .quarantined {
                log.warning("upload.quarantined", fields)
            } else {
                log.info("debt.settled", fields)
            }
            return check.scanState == .unscanned ? .setAside(record.id) : .settled
        } catch {
            log.error(
                "debt.scan_failed",
                ["upload_id": .string(record.id.rawValue), "detail": JSONValue(error.privateDetail ?? error.message)])
            return .setAside(record.id)
        }
    }
}
