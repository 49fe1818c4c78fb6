import Database
import Domain
import Endpoints

extension WebhookEndpoints {
    enum Descriptions {
        private static let tag = "Webhook"
        private static let identifier = EndpointDescription.Parameter(
            "identifier", .text(1...200), "The webhook's identifier or name.")

        private static let url = Schema.matching(
            #"^https://(?:[a-z0-9](?:[a-z0-9-]{0,40}[a-z0-9])?\.){1,3}[a-z]{2,20}(?:/[0-9A-Za-z._~/-]*)?$"#,
            length: 1...2_048
        ).described("https; hosts that the operator names may be internal and have plain http")
        private static let configs = Schema.request(
            [
                ("url", url),
                (
                    "headers",
                    .map(
                        .matching("^[!-~][ -~]*$", length: WebhookLimits.headerLength),
                        names: .matching(WebhookLimits.headerPattern, length: 3...62),
                        maximumCount: WebhookLimits.headers)
                ),
                ("timeout", Schema.integer(WebhookLimits.timeoutSeconds).described("Seconds")),
                (
                    "signing_secret",
                    Schema.matching("^[!-~]*$", length: WebhookLimits.secretLength)
                        .described("Made by the service where it is absent; \"redacted\" in a change keeps it")
                ),
            ], required: ["url"])
        private static let body = Schema.named(
            "WebhookInput",
            .request(
                [
                    ("webhook_name", .displayName(WebhookLimits.nameLength)),
                    ("event_types", .array(.choice(EventKind.names), count: 1...50)),
                    ("resource_types", .array(.choice(EventKind.resourceTypes), count: 0...50)),
                    (
                        "channels",
                        .array(
                            .request(
                                [("channel", .choice(["webhook"])), ("configs", configs)],
                                required: ["channel", "configs"]), count: 1...1)
                    ),
                    ("is_active", .boolean),
                ], required: ["webhook_name", "event_types", "channels"]))

        private static let webhook = Schema.named(
            "Webhook",
            .answer([
                ("webhook_id", .matching("^wh_[a-fA-F0-9]{16}$", length: 19...19)),
                ("webhook_name", .string), ("event_types", .array(.choice(EventKind.names))),
                ("resource_types", Schema.array(.string).nullable),
                (
                    "channels",
                    .array(
                        .answer([
                            ("channel", .string),
                            (
                                "configs",
                                .answer([
                                    ("url", .string), ("headers", .map(.string)),
                                    ("payload_template", Schema.anything.nullable), ("timeout", .number),
                                    ("signing_secret", .string),
                                ])
                            ),
                        ]))
                ),
                ("is_active", .boolean),
                (
                    "delivery_health",
                    .answer([
                        ("consecutive_failures", .integer(0...Int64.max)),
                        ("first_failure_at", Schema.timestamp.nullable),
                        ("last_failure_at", Schema.timestamp.nullable),
                        ("last_failure_cause", Schema.string.nullable), ("paused_at", Schema.timestamp.nullable),
                        ("paused_reason", Schema.string.nullable),
                    ])
                ), ("created_at", .timestamp), ("updated_at", .timestamp),
            ]))

        private static let delivery = Schema.named(
            "WebhookDelivery",
            .answer([
                ("delivery_id", .string), ("webhook_id", .string), ("event_id", .string),
                ("event_type", .choice(of: EventKind.self)), ("subject", .string),
                ("status", .choice(of: Delivery.Status.self)), ("attempts", .integer(0...Int64.max)),
                ("created_at", .timestamp), ("next_attempt_at", Schema.timestamp.nullable),
                ("last_attempt_at", Schema.timestamp.nullable), ("finished_at", Schema.timestamp.nullable),
                ("response_status", Schema.integer(0...999).nullable), ("response_excerpt", Schema.string.nullable),
                ("last_error", Schema.string.nullable),
            ]))

        static let create = EndpointDescription(
            "create_webhook_organizations", tag: tag,
            "Send events to a URL. The answer shows the signing secret, once, where the service made it.",
            answer: webhook
        ).taking(body).failing(.alreadyExists, .conflict, .notEnabled)

        static let list = EndpointDescription(
            "list_webhooks_organizations", tag: tag, "List the webhooks, newest first.",
            answer: .answer([
                ("results", .array(webhook)),
                (
                    "pagination",
                    .answer([
                        ("total", .integer()), ("page", .integer()), ("page_size", .integer()),
                        ("total_pages", .integer()), ("next_page", Schema.string.nullable),
                        ("previous_page", Schema.string.nullable), ("next_cursor", Schema.string.nullable),
                    ])
                ), ("total", .integer()),
            ])
        )
        .taking(
            .named(
                "ListWebhooksRequest", .request([("event_type", .text(1...100)), ("is_active", .boolean)])),
            isRequired: false
        )
        .filtered(by: [
            .limit, .init("page_size", .integer(1...1_000), "The same as limit."),
            .init("offset", .integer(0...10_000), "How many to leave out at the beginning."),
            .init("page", .integer(1...10_000), "Which page, from 1 on."),
            .init("include_total", .boolean, "The total is always told."),
        ])

        static let get = EndpointDescription(
            "get_webhook_organizations", tag: tag, "Read a webhook.", answer: webhook
        ).at(identifier)

        static let update = EndpointDescription(
            "update_webhook_organizations", tag: tag,
            "Replace a webhook's description. An active one starts with a clean bill of health.", answer: webhook
        ).at(identifier).taking(body).failing(.alreadyExists, .conflict, .notEnabled)

        static let delete: EndpointDescription = {
            var description = EndpointDescription(
                "delete_webhook_organizations", tag: tag, "Delete a webhook and what waits for it.", answer: .success
            ).at(identifier)
            description.successes = [.init(status: 204, meaning: "Deleted.", contents: [])]
            return description
        }()

        static let rotate = EndpointDescription(
            "rotate_webhook_secret", tag: tag,
            "Make a new signing secret, and show it once. For 24 hours the old one signs too.", answer: webhook
        ).at(identifier).failing(.conflict, .notEnabled)

        static let deliveries = EndpointDescription(
            "list_webhook_deliveries", tag: tag, "List the deliveries to a webhook, newest first.",
            answer: .answer([
                ("results", .array(delivery)),
                (
                    "pagination",
                    .answer([("page_size", .integer(1...1_000)), ("next_cursor", Schema.string.nullable)])
                ),
            ])
        )
        .at(identifier)
        .filtered(by: [.init("status", .choice(of: Delivery.Status.self), "Only these."), .limit, .cursor])

        static let redeliver = EndpointDescription(
            "redeliver_webhook_delivery", tag: tag,
            "Send an event once more, by a new delivery, when the given one is over.", answer: delivery
        ).at(identifier, .init("delivery_id", .text(1...100), "The delivery.")).failing(.conflict)
    }
}
