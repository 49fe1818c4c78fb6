package import Database
package import Domain

/// Step 3: reserves the credits of an upload before its body is read, but for a small one.
package struct CreditAdmission: Sendable {
    private let database: any DatabaseDriver
    private let time: any TimeSource
    private let node: String
    private let holdSeconds: Int

    /// - Parameters:
    ///   - node: names this data directory, so that a restart can release what it had left open.
    ///   - holdSeconds: after which a hold that was neither captured nor released is given back.
    package init(database: any DatabaseDriver, time: any TimeSource, node: String, holdSeconds: Int) {
        self.database = database
        self.time = time
        self.node = node
        self.holdSeconds = holdSeconds
    }

    /// What a request may do after it was looked at.
    package enum Outcome: Sendable {
        case held(CreditHold)
        /// It repeats a request that was answered: it costs nothing and gets the same answer, if its body is the same.
        case replay(IdempotentAnswer)
    }

    /// Holds what `bytes` cost, and registers the idempotency key, both or neither.
    ///
    /// - Throws: `insufficient_credits` with `required`, `available` and `period_end`; `idempotency_in_progress` while
    ///   the first request under the key still runs.
    package func admit(
        _ bytes: Int64, as upload: UploadID, of caller: Caller, idempotencyKey: String?
    ) async throws(Failure) -> Outcome {
        let amount = Credits.cost(ofBytes: bytes)
        let now = time.now()
        let expiresAt = now.adding(seconds: Int64(holdSeconds))
        let (node, organization) = (node, caller.organization.internalID)
        // A restart undoes both anyway, so they need not be on disk before the body is read.
        let outcome: (IdempotencyOutcome, HoldOutcome?) = try await database.writeForRequest(durability: .relaxed) {
            transaction throws(DatabaseError) in
            if let idempotencyKey {
                let begun = try transaction.idempotency.begin(
                    organization, key: idempotencyKey, owner: upload, node: node, now: now)
                guard case .begun = begun else { return (begun, nil) }
            }
            let hold = try transaction.credits.placeHold(
                organization: organization, amount: amount, upload: upload, node: node, expiresAt: expiresAt,
                now: now)
            if case .placed = hold { return (.begun, hold) }
            if let idempotencyKey {
                try transaction.idempotency.abandon(organization, key: idempotencyKey, owner: upload)
            }
            return (.begun, hold)
        }

        switch outcome {
        case (.complete(let answer), _): return .replay(answer)
        case (.inProgress, _), (.begun, nil): throw Self.inProgress
        case (.begun, .placed(let id, _)?):
            return .held(CreditHold(id: id, amount: amount, expiresAt: expiresAt, database: database, time: time))
        case (.begun, .insufficient(let balance)?): throw .insufficientCredits(required: amount, balance)
        case (.begun, .noSuchOrganization?): throw .organizationDeleted
        }
    }

    /// The hold that an announced upload placed; nil where it is not open any more.
    package func openHold(_ id: HoldID) throws(Failure) -> CreditHold? {
        let found = try database.readForRequest { transaction throws(DatabaseError) in
            try transaction.credits.openHold(id)
        }
        return found.map {
            CreditHold(id: id, amount: $0.amount, expiresAt: $0.expiresAt, database: database, time: time)
        }
    }

    /// Forgets an idempotency key whose request ended without an answer that is kept.
    package func abandon(idempotencyKey: String, of upload: UploadID, _ caller: Caller) async throws(Failure) {
        let organization = caller.organization.internalID
        try await database.writeForRequest(durability: .relaxed) { transaction throws(DatabaseError) in
            try transaction.idempotency.abandon(organization, key: idempotencyKey, owner: upload)
        }
    }

    package static let inProgress = Failure(
        .idempotencyInProgress, "The first request under this idempotency key is still running.",
        retryAfterSeconds: 1)
}
