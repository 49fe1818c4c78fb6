package import Database
import Domain
import Endpoints
package import HTTP
package import WorkerPool

/// Whether the service is alive, and whether it does its work. No key is needed.
package struct HealthEndpoints: Sendable {
    private let database: any DatabaseDriver
    private let pool: ScanPool
    /// Free bytes of the storage, nil where it cannot be written.
    private let freeBytes: @Sendable () -> Int64?
    /// What is wrong with the clock, nil for nothing.
    private let clockProblem: @Sendable () -> String?

    package init(
        database: any DatabaseDriver, pool: ScanPool, freeBytes: @escaping @Sendable () -> Int64?,
        clockProblem: @escaping @Sendable () -> String?
    ) {
        self.clockProblem = clockProblem
        self.database = database
        self.pool = pool
        self.freeBytes = freeBytes
    }

    /// Below this the storage counts as failed: an upload would soon be refused.
    private static let leastFreeBytes: Int64 = 67_108_864

    package func register(on router: inout Router) {
        router.register(
            .get, "/v1/health/liveness", documentation: Descriptions.liveness.operation(security: .none)
        ) { _ throws(Failure) in Response(json: ["status": "OK"]) }
        router.register(.get, "/v1/health", documentation: Descriptions.health.operation(security: .none)) {
            _ throws(Failure) in health(deep: false)
        }
        router.register(.get, "/v1/health/deep", documentation: Descriptions.deep.operation(security: .none)) {
            _ throws(Failure) in health(deep: true)
        }
    }

    private enum Descriptions {
        private static let tag = "Health"
        private static let status = Schema.choice(["OK", "DEGRADED"])
        private static let answer = Schema.named(
            "Health",
            .answer([
                ("status", status), ("data", .map(Schema.boolean.nullable)),
                ("errors", Schema.map(Schema.string.nullable).nullable), ("meta", Schema.map(.anything).nullable),
            ]))

        static let liveness = EndpointDescription(
            "liveness_health", tag: tag, "Whether the service answers at all.", answer: .answer([("status", status)]))
        static let health = serving(
            EndpointDescription(
                "healthcheck_health", tag: tag, "Whether the service does its work.", answer: answer))
        static let deep = serving(
            EndpointDescription(
                "healthcheck_deep_health", tag: tag, "The same, with the state of the classifier.", answer: answer))

        /// A 503 has the same form: what cannot be used is part of it.
        private static func serving(_ description: EndpointDescription) -> EndpointDescription {
            var description = description
            description.successes.append(
                .init(status: 503, meaning: "Requests cannot be served.", contents: [("application/json", answer)]))
            return description
        }
    }

    /// 200 with `OK` or `DEGRADED` while requests can be served; 503 when they cannot. Without a classifier the service
    /// is degraded: what becomes of uploads is each organization's own policy.
    private func health(deep: Bool) -> Response {
        let databaseError = databaseProblem()
        let storageError = storageProblem()
        let status = pool.status
        let classifierError = pool.isAvailable ? nil : status.unavailableReason?.rawValue ?? "starting"
        let clockError = clockProblem()
        let isServing = databaseError == nil && storageError == nil
        let isWell = isServing && classifierError == nil && clockError == nil
        var errors: JSONObject = [
            "metadata": JSONValue(databaseError), "object_storage": JSONValue(storageError),
            "inference": JSONValue(classifierError),
        ]
        if let clockError { errors["clock"] = .string(clockError) }
        var body: JSONObject = [
            "status": isWell ? "OK" : "DEGRADED",
            // The flags are those of the official SDK's model. The service has no cache, no vector store and no queue
            // outside itself, so these cannot fail.
            "data": [
                "cache": true, "metadata": .bool(databaseError == nil), "vector_store": true,
                "object_storage": .bool(storageError == nil), "task_queue": true,
                "inference": .bool(classifierError == nil), "analytics": nil,
            ],
            "errors": isWell ? nil : .object(errors),
            "meta": nil,
        ]
        if deep { body["meta"] = ["classifier": .object(status.summary)] }
        return Response(status: isServing ? 200 : 503, json: .object(body))
    }

    private func databaseProblem() -> String? {
        do {
            _ = try database.read { transaction throws(DatabaseError) in
                try transaction.query("SELECT 1", []) { row throws(DatabaseError) in try row.integer() }
            }
            return nil
        } catch {
            return "the database cannot be read"
        }
    }

    private func storageProblem() -> String? {
        guard let free = freeBytes() else { return "the storage cannot be written" }
        return free < Self.leastFreeBytes ? "the storage is almost full" : nil
    }
}

extension WorkerPoolStatus {
    /// What anybody may know of the classifier.
    var summary: JSONObject {
        [
            "workers": .integer(Int64(configured)), "live": .integer(Int64(live)), "busy": .integer(Int64(busy)),
            "queued": .integer(Int64(queued)), "restarts": .integer(Int64(restarts)),
            "out_of_service": .bool(outOfService), "unavailable_reason": JSONValue(unavailableReason?.rawValue),
            "model": JSONValue(model?.name),
        ]
    }
}
