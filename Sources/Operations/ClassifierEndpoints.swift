package import Database
import Domain
package import Endpoints
package import HTTP
package import Telemetry
package import WorkerPool

/// The operator's view of the classifier, and the drill: taking it out of service shows what fail-open and fail-closed
/// do before an outage does.
package struct ClassifierEndpoints: Sendable {
    private enum State: String, CaseIterable, Sendable {
        case down
        case up
    }

    private let pool: ScanPool
    private let database: any DatabaseDriver
    private let log: Logger

    package init(pool: ScanPool, database: any DatabaseDriver, log: Logger) {
        self.pool = pool
        self.database = database
        self.log = log
    }

    package func register(on router: inout Router, _ routes: PrivateRoutes) {
        routes.add(.get, "/v1/private/classifier", to: &router, describedBy: Descriptions.get) { _ throws(Failure) in
            try view()
        }
        routes.add(.put, "/v1/private/classifier", to: &router, describedBy: Descriptions.put) {
            request throws(Failure) in
            var fields = FieldReader(try await request.jsonObject())
            let state = fields.choice("state", of: State.self)
            if state == nil, fields.errors.isEmpty { fields.reject("state", "missing", "expected \"down\" or \"up\"") }
            try fields.finish()
            pool.setOutOfService(state == .down)
            log.warning(
                "classifier.drill",
                ["state": JSONValue(state?.rawValue), "request_id": .string(request.head.id)])
            return try view()
        }
    }

    private enum Descriptions {
        private static let answer = Schema.named(
            "Classifier",
            .answer([
                ("state", .choice(of: State.self)), ("available", .boolean), ("workers", .integer()),
                ("live", .integer()), ("busy", .integer()), ("queued", .integer()), ("restarts", .integer()),
                ("out_of_service", .boolean), ("unavailable_reason", Schema.string.nullable),
                ("model", Schema.string.nullable), ("model_sha256", Schema.string.nullable),
                ("self_test_score", Schema.number.nullable),
                ("processes", Schema.array(.integer()).described("Process numbers of the workers")),
                ("unscanned_debt", .integer()),
            ]))
        static let get = EndpointDescription(
            "get_classifier", tag: "Classifier", "Workers, restarts, queue and debt.", answer: answer)
        static let put = EndpointDescription(
            "put_classifier", tag: "Classifier", "The drill: take the classifier out of service, or put it back.",
            answer: answer
        ).taking(.request([("state", .choice(of: State.self))], required: ["state"]))
    }

    private func view() throws(Failure) -> Response {
        let debt: Int = try database.readForRequest { transaction throws(DatabaseError) in
            try transaction.uploads.unscannedCount()
        }
        let status = pool.status
        var body = status.summary
        body["state"] = .string(status.outOfService ? State.down.rawValue : State.up.rawValue)
        body["available"] = .bool(pool.isAvailable)
        body["unscanned_debt"] = .integer(Int64(debt))
        body["self_test_score"] = JSONValue(status.selfTestScore)
        body["model_sha256"] = JSONValue(status.model?.sha256)
        body["processes"] = .array(status.processes.map { .integer(Int64($0)) })
        return Response(json: .object(body))
    }
}
