internal import Crypto
package import Domain

/// A secret as it is kept: sealed. Its name is unique within its organization.
package struct SealedSecret: Hashable, Sendable {
    package let organization: InternalID
    package let name: String
    package var sealed: [UInt8]
    /// Which key sealed it.
    package var keyFingerprint: String

    package init(organization: InternalID, name: String, sealed: [UInt8], keyFingerprint: String) {
        self.organization = organization
        self.name = name
        self.sealed = sealed
        self.keyFingerprint = keyFingerprint
    }
}

/// The organizations' secrets. Nothing here can read them: they come sealed and stay so.
package struct SecretStore {
    private let transaction: any Transaction
    init(_ transaction: any Transaction) { self.transaction = transaction }

    /// - Returns: false where the organization has a secret of this name.
    package func insert(_ secret: SealedSecret, now: Timestamp) throws(DatabaseError) -> Bool {
        try transaction.execute(
            """
            INSERT INTO secrets (organization, name, sealed, key_fingerprint, created_at, updated_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT (organization, name) DO NOTHING
            """,
            [
                .init(secret.organization), .init(secret.name), .init(Hexadecimal.encode(secret.sealed)),
                .init(secret.keyFingerprint), .init(now),
            ]) == 1
    }

    /// Replaces the sealed value of a secret.
    /// - Returns: false without such a secret.
    package func update(_ secret: SealedSecret, now: Timestamp) throws(DatabaseError) -> Bool {
        try transaction.execute(
            """
            UPDATE secrets SET sealed = ?3, key_fingerprint = ?4, updated_at = ?5
            WHERE organization = ?1 AND name = ?2
            """,
            [
                .init(secret.organization), .init(secret.name), .init(Hexadecimal.encode(secret.sealed)),
                .init(secret.keyFingerprint), .init(now),
            ]) == 1
    }

    /// - Returns: false without such a secret.
    package func delete(_ organization: InternalID, name: String) throws(DatabaseError) -> Bool {
        try transaction.execute(
            "DELETE FROM secrets WHERE organization = ?1 AND name = ?2", [.init(organization), .init(name)]) == 1
    }

    package func find(_ organization: InternalID, name: String) throws(DatabaseError) -> SealedSecret? {
        try transaction.first(
            "SELECT organization, name, sealed, key_fingerprint FROM secrets WHERE organization = ?1 AND name = ?2",
            [.init(organization), .init(name)]
        ) { row throws(DatabaseError) in
            let (organization, name) = (try row.value(InternalID.self), try row.text())
            guard let sealed = Hexadecimal.decode(try row.text()) else {
                throw .invalidRow("the secret \(name) is not hexadecimal")
            }
            return SealedSecret(
                organization: organization, name: name, sealed: sealed, keyFingerprint: try row.text())
        }
    }

    /// Those of `wanted` that the organization has not, in order.
    package func missing(
        _ wanted: Set<ExactString>, of organization: InternalID
    ) throws(DatabaseError) -> [ExactString] {
        wanted.isEmpty ? [] : try wanted.subtracting(names(organization).map { ExactString($0) }).sorted()
    }

    /// In the order of the names' bytes.
    package func names(_ organization: InternalID) throws(DatabaseError) -> [String] {
        try transaction.query(
            "SELECT name FROM secrets WHERE organization = ?1 ORDER BY name", [.init(organization)]
        ) { row throws(DatabaseError) in try row.text() }
    }

    /// How many secrets, of all organizations, another key than this one sealed.
    package func count(sealedByOtherThan fingerprint: String) throws(DatabaseError) -> Int {
        Int(try transaction.count("SELECT COUNT(*) FROM secrets WHERE key_fingerprint <> ?1", [.init(fingerprint)]))
    }
}

extension Transaction {
    package var secrets: SecretStore { SecretStore(self) }
}
