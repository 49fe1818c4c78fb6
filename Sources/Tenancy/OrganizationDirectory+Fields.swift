package import Database
package import Domain
import Endpoints

/// The same operations with JSON going in and out, as the private endpoints and the command line take and give them.
extension OrganizationDirectory {
    /// - Parameter object: the fields of `POST /v1/private/organizations`.
    package func create(
        from object: JSONObject, by author: OperatorAuthor
    ) async throws(Failure) -> JSONObject {
        var fields = FieldReader(object)
        let update = OperatorUpdate(reading: &fields)
        fields.require("organization_name")
        var users: [UserDraft] = []
        for (index, value) in (fields.array("users", maximumCount: 100) ?? []).enumerated() {
            guard let object = value.objectValue else {
                fields.reject("users", "object_type", "element \(index) is \(value.kindName); expected an object")
                continue
            }
            var reader = FieldReader(object, at: ["body", "users", String(index)])
            if let user = UserDraft(reading: &reader, needsName: false) { users.append(user) }
            fields.absorb(reader)
        }
        try fields.finish()
        return try await create(update, users: users, by: author).privatePresentation
    }

    /// - Parameter object: the fields of `PATCH /v1/private/organizations/{organization_id}`.
    package func update(
        _ id: OrganizationID, from object: JSONObject, by author: OperatorAuthor
    ) async throws(Failure) -> JSONObject {
        var fields = FieldReader(object)
        let update = OperatorUpdate(reading: &fields)
        try fields.finish()
        return try await self.update(id, update, by: author).privatePresentation
    }

    package func presentation(of id: OrganizationID) throws(Failure) -> JSONObject {
        try find(id).privatePresentation
    }

    package func presentations(
        after cursor: PageCursor?, limit: Int
    ) throws(Failure) -> (items: [JSONObject], next: PageCursor?) {
        let page = try list(after: cursor, limit: limit)
        return (page.items.map(\.privatePresentation), page.next)
    }

    /// - Parameter object: the fields of `…/add-user`.
    package func addUser(
        from object: JSONObject, to id: OrganizationID, by author: OperatorAuthor
    ) async throws(Failure) -> JSONObject {
        var fields = FieldReader(object)
        let draft = UserDraft(reading: &fields, needsName: false)
        try fields.finish()
        guard let draft else { throw Failure(.validation) }
        return try await addUser(draft, to: id, by: author).presentation
    }

    /// - Parameter object: the fields of `…/bootstrap-key`; all of them may be absent.
    package func createKey(
        from object: JSONObject, forUser email: String, of id: OrganizationID, by author: OperatorAuthor
    ) async throws(Failure) -> JSONObject {
        var fields = FieldReader(object)
        let draft = KeyDraft(reading: &fields, defaultName: "bootstrap", now: now())
        try fields.finish()
        return try await createKey(draft, forUser: email, of: id, by: author)
            .presentation(organization: id, now: now())
    }
}
