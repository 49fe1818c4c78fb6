extension UploadRecord {
    /// The upload as the API shows it. It carries the organization's public identifier; the internal one is no part of
    /// any answer.
    package func presentation(organization: OrganizationID) -> JSONValue {
        [
            "upload_id": .string(id.rawValue),
            "organization_id": .string(organization.rawValue),
            "bucket_id": .string(bucket),
            "filename": .string(filename),
            "content_type": .string(declaredContentType),
            "media_type": .string(mediaType.rawValue),
            "file_size_bytes": .integer(size),
            "file_hash": .string(sha256.rawValue),
            "status": .string(status.rawValue),
            "scan_state": .string(scanState.rawValue),
            "metadata": .object(metadata),
            "credits_charged": .integer(credits),
            "s3_key": .string("\(organization.rawValue)/\(bucket)/\(id.rawValue)/\(filename)"),
            "created_at": JSONValue(createdAt),
            "deleted_at": JSONValue(deletedAt),
            "gate": receipt.presentation,
        ]
    }
}
