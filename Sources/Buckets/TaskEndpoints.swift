import Database
import Domain
import Endpoints
import HTTP

/// How work stands that goes on after its request was answered.
struct TaskEndpoints: Sendable {
    let database: any DatabaseDriver

    func register(on router: inout Router, _ routes: AuthenticatedRoutes) {
        routes.add(
            .get, "/v1/tasks/{task_id}", to: &router, needs: .read, category: .data, describedBy: Descriptions.task
        ) { request, caller throws(Failure) in try get(request, caller) }
    }

    private func get(_ request: Request, _ caller: Caller) throws(Failure) -> Response {
        let id = TaskID(rawValue: request.parameters["task_id"] ?? "")
        let task: ConfirmationTask? = try database.readForRequest { transaction throws(DatabaseError) in
            try transaction.tasks.find(caller.organization.internalID, id: id)
        }
        guard let task else { throw Failure(.notFound, "There is no task \"\(id.rawValue.prefix(100))\".") }
        return Response(json: task.presentation)
    }
}

extension ConfirmationTask {
    /// The SDK's `TaskResponse`.
    var presentation: JSONValue {
        let failures = (outputs ?? []).compactMap { $0["error"]?.objectValue?["error"]?.objectValue?["message"] }
        let error: JSONValue = status == .failed ? failures.first ?? .null : .null
        var data: JSONObject = [
            "bucket_id": .string(bucket), "confirmations_count": .integer(Int64(inputs.count)),
            "failed_count": .integer(Int64(failures.count)),
        ]
        if error != .null { data["error"] = error }
        return [
            "task_id": .string(id.rawValue), "task_type": .string(type.rawValue), "status": .string(status.rawValue),
            "inputs": .array(inputs.map(JSONValue.object)),
            "outputs": outputs.map { .array($0.map(JSONValue.object)) } ?? .null, "additional_data": .object(data),
            "error": error, "created_at": JSONValue(createdAt),
        ]
    }
}
