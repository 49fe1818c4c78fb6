import BlobStore
import Charge
import Database
import Domain
package import Endpoints
package import HTTP
import SystemCalls

/// The operator's endpoints of the quarantine.
package struct QuarantineEndpoints: Sendable {
    private let directory: QuarantineDirectory

    package init(directory: QuarantineDirectory) { self.directory = directory }

    package func register(on router: inout Router, _ routes: PrivateRoutes) {
        let collection = "/v1/private/quarantine"
        let one = collection + "/{upload_id}"
        routes.add(.get, collection, to: &router, describedBy: Descriptions.list) { request throws(Failure) in
            try list(request)
        }
        routes.add(.get, one, to: &router, describedBy: Descriptions.get) { request throws(Failure) in
            Response(json: .object(try directory.show(id(of: request))))
        }
        routes.add(.get, one + "/content", to: &router, describedBy: Descriptions.content) { request throws(Failure) in
            try await content(request)
        }
        routes.add(.post, one + "/release", to: &router, describedBy: Descriptions.release) { request throws(Failure) in
            var fields = FieldReader(try await request.jsonObject())
            let reason = fields.string("reason", length: Self.reasonLength)
            fields.require("reason")
            try fields.finish()
            return Response(
                json: .object(try await directory.release(id(of: request), decision(request, reason: reason))))
        }
        routes.add(.post, one + "/purge", to: &router, describedBy: Descriptions.purge) { request throws(Failure) in
            var fields = FieldReader(try await request.jsonObject(emptyMeans: [:]))
            let reason = fields.string("reason", length: Self.reasonLength)
            try fields.finish()
            try await directory.purge(id(of: request), decision(request, reason: reason))
            return Response(json: ["success": true, "message": "The content was removed."])
        }
    }

    private static let reasonLength = 1...500

    private func list(_ request: Request) throws(Failure) -> Response {
        var query = try ListQuery(request.head)
        var filter = QuarantineFilter()
        filter.organization = query.string("organization_id", length: 1...100).map(OrganizationID.init(rawValue:))
        filter.status = query.choice("status", of: UploadStatus.self)
        let limit = query.integer("limit", 1...1_000) ?? 100
        let cursor = query.cursor()
        try query.finish()
        let page = try directory.list(filter, after: cursor, limit: limit)
        return Response(
            json: [
                "results": .array(page.items.map(JSONValue.object)),
                "pagination": ["page_size": .integer(Int64(limit)), "next_cursor": JSONValue(page.next?.encoded)],
            ])
    }

    private func content(_ request: Request) async throws(Failure) -> Response {
        let entry = try directory.find(id(of: request))
        let blob = try await directory.open(entry, decision(request, reason: nil))
        let size = blob.size
        let file = ResponseFile(owning: blob.takeDescriptor().release(), length: size)
        var response = Response(status: 200, body: .file(file))
        // Whatever it is, nothing may run it.
        for (name, value) in [
            ("Content-Type", "application/octet-stream"), ("Cache-Control", "no-store"),
            ("Content-Disposition", ContentResponse.attachment(entry.upload.filename)),
            ("X-Content-Type-Options", "nosniff"),
            ("Content-Security-Policy", "default-src 'none'; sandbox"),
        ] {
            response.headers[name] = value
        }
        return response
    }

    private func decision(_ request: Request, reason: String?) -> QuarantineDecision {
        QuarantineDecision(
            actor: "operator", requestID: request.head.id, reason: reason, origin: AuditOrigin(request.head))
    }

    private func id(of request: Request) -> UploadID { UploadID(rawValue: request.parameters["upload_id"] ?? "") }
}

extension QuarantineEndpoints {
    private enum Descriptions {
        private static let tag = "Quarantine"
        private static let entry = Schema.named(
            "QuarantinedUpload",
            .answer([
                ("upload", .upload), ("quarantined_at", .timestamp), ("retained_until", Schema.timestamp.nullable),
                ("scan_attempts", .integer(0...1_000)), ("next_scan_at", Schema.timestamp.nullable),
            ]))
        private static let done = Schema.answer([("success", .boolean), ("message", .string)])
        private static let reason = Schema.text(reasonLength)

        static let list = EndpointDescription(
            "list_quarantine", tag: tag, "List the uploads in quarantine, of all organizations, newest first.",
            answer: .answer([("results", .array(entry)), ("pagination", .map(.anything))])
        ).filtered(by: [
            .init("organization_id", .text(1...100), "Only those of an organization."),
            .init(
                "status", .choice(of: UploadStatus.self),
                "QUARANTINED: found by a late scan; REJECTED: retained for an appeal."), .limit, .cursor,
        ])

        static let get = EndpointDescription(
            "get_quarantined_upload", tag: tag, "Read an upload in quarantine and its decision receipt.", answer: entry
        ).failing(.notFound)

        static let content: EndpointDescription = {
            var description = EndpointDescription(
                "get_quarantined_content", tag: tag,
                "Download the content, to decide about it. It is recorded in the audit log.", answer: .binary)
            description.successes[0].contents = [("application/octet-stream", .binary)]
            return description.failing(.notFound)
        }()

        static let release = EndpointDescription(
            "release_quarantined_upload", tag: tag,
            "Put the upload into service. One that was rejected is charged now.", answer: .upload
        )
        .taking(.named("QuarantineReleaseRequest", .request([("reason", reason)], required: ["reason"])))
        .failing(.notFound, .conflict, .insufficientCredits)

        static let purge = EndpointDescription(
            "purge_quarantined_upload", tag: tag, "Remove the content for good; the record stays.", answer: done
        )
        .taking(.named("QuarantinePurgeRequest", .request([("reason", reason)])), isRequired: false)
        .failing(.notFound)
    }
}
