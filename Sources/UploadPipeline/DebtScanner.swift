package import BlobStore
package import Charge
package import Database
package import Domain
package import Gate
import Store
package import Telemetry
package import WorkerPool

/// Scans what was admitted unscanned, as soon as the classifier is back and no client waits for it.
package struct DebtScanner: Sendable {
    private let database: any DatabaseDriver
    private let store: ContentStore
    private let register: UploadRegister
    private let quarantine: QuarantineRegister
    private let time: any TimeSource
    private let gate: UploadGate
    private let pool: ScanPool
    private let log: Logger
    private let settled: Counter

    package init(
        database: any DatabaseDriver, blobs: LocalBlobStore, register: UploadRegister, gate: UploadGate,
        pool: ScanPool, time: any TimeSource, log: Logger, metrics: MetricsRegistry
    ) {
        self.database = database
        store = ContentStore(blobs: blobs, database: database)
        self.register = register
        quarantine = QuarantineRegister(database: database, blobs: blobs, time: time)
        self.time = time
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
            if pool.isAvailable { await repeatScans(&setAside) }
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
            guard let check = try await recheck(record, of: upload.organization) else { return .postponed }
            let isSettled = try await register.settle(
                record, receipt: check.receipt, scanState: check.scanState, nextScanAt: check.nextScanAt,
                verdict: check.verdict)
            guard isSettled else { return .settled }
            report(check, record, of: upload.organization)
            let isInService = check.receipt.decision == .accepted
            return isInService && check.scanState == .unscanned ? .setAside(record.id) : .settled
        } catch {
            reportFailure(of: record.id, error)
            return .setAside(record.id)
        }
    }

    /// Scans again what was taken out of service because its scan had no result.
    private func repeatScans(_ setAside: inout Set<UploadID>) async {
        let due: [QuarantineEntry]
        do {
            let (now, limit) = (time.now(), Self.batch + setAside.count)
            due = try database.read { transaction throws(DatabaseError) in
                try transaction.quarantine.dueScans(now: now, limit: limit)
            }
        } catch {
            log.error("debt.read_failed", ["detail": .string(error.description)])
            return
        }
        for entry in due where !setAside.contains(entry.upload.id) {
            do throws(Failure) {
                guard
                    let check = try await recheck(entry.upload, of: entry.organization, attempts: entry.scanAttempts),
                    try await quarantine.noteScan(
                        of: entry, receipt: check.receipt, scanState: check.scanState, isVerdict: check.isVerdict,
                        nextScanAt: check.nextScanAt, verdict: check.verdict)
                else { continue }
                report(check, entry.upload, of: entry.organization)
            } catch {
                reportFailure(of: entry.upload.id, error)
                setAside.insert(entry.upload.id)
            }
        }
    }

    private func recheck(
        _ record: UploadRecord, of organization: OrganizationID, attempts: Int = 0
    ) async throws(Failure) -> GateCheck? {
        try await gate.recheck(GateSubject(record, of: organization, in: store), attempts: attempts)
    }

    private func report(_ check: GateCheck, _ record: UploadRecord, of organization: OrganizationID) {
        settled.increment(check.receipt.reason.rawValue)
        let fields: JSONObject = [
            "upload_id": .string(record.id.rawValue), "organization_id": .string(organization.rawValue),
            "reason": .string(check.receipt.reason.rawValue),
            "decision": .string(check.receipt.decision.rawValue), "scanned_again_at": JSONValue(check.nextScanAt),
        ]
        if check.receipt.decision == .quarantined {
            log.warning("upload.quarantined", fields)
        } else {
            log.info("debt.settled", fields)
        }
    }

    private func reportFailure(of upload: UploadID, _ error: Failure) {
        log.error(
            "debt.scan_failed",
            ["upload_id": .string(upload.rawValue), "detail": JSONValue(error.privateDetail ?? error.message)])
    }
}
