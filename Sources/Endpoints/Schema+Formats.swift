import Domain

/// The formats that `FieldReader` reads, as schemas; both say the same, which the tests of the described API prove.
extension Schema {
    package static let email = matching(FieldReader.emailPattern, length: 3...254)
    package static let webURL = matching(FieldReader.webURLPattern, length: 1...2_048)

    /// A moment that has to be given with its zone.
    package static let moment = Schema.string.described("RFC 3339 with a zone, such as 2026-01-31T00:00:00Z")

    /// Requests per minute for some of the categories.
    package static func rateLimits(ceiling: Int) -> Schema {
        request(RateLimitCategory.allCases.map { (name: $0.rawValue, schema: .integer(1...Int64(ceiling))) })
    }

    package static let rateLimitsAnswer = answer(
        RateLimitCategory.allCases.map { (name: $0.rawValue, schema: .integer(1...Int64.max)) })

    /// The error envelope.
    package static let failure = named(
        "Error",
        answer([
            ("success", Schema.boolean), ("status", .integer(400...599)),
            (
                "error",
                answer([
                    ("message", .string), ("type", .string), ("code", .string),
                    ("details", Schema.map(.anything).nullable),
                ])
            ),
        ]))

    package static let success = named("Success", answer([("success", .boolean), ("message", .string)]))
}
