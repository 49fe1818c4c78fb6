import Database
import Domain

extension Webhook {
    /// The webhook as the API shows it.
    /// - Parameter secret: shown where it was just made, and never again.
    func presentation(showing secret: String? = nil) -> JSONObject {
        var headers = JSONObject()
        for name in headerNames { headers[name] = .string(WebhookLimits.redacted) }
        return [
            "webhook_id": .string(id.rawValue), "webhook_name": .string(name),
            "event_types": .array(eventTypes.map(JSONValue.string)),
            "resource_types": resourceTypes.map { .array($0.map(JSONValue.string)) } ?? .null,
            "channels": [
                [
                    "channel": "webhook",
                    "configs": [
                        "url": .string(url), "headers": .object(headers), "payload_template": nil,
                        "timeout": .integer(Int64(timeoutMilliseconds / 1_000)),
                        "signing_secret": .string(secret ?? WebhookLimits.redacted),
                    ],
                ]
            ],
            "is_active": .bool(isActive), "delivery_health": health.presentation,
            "created_at": JSONValue(createdAt), "updated_at": JSONValue(updatedAt),
        ]
    }

    /// What an audit event records of it: neither secrets nor the values of headers.
    var auditView: JSONObject {
        [
            "webhook_name": .string(name), "event_types": .array(eventTypes.map(JSONValue.string)),
            "resource_types": resourceTypes.map { .array($0.map(JSONValue.string)) } ?? .null, "url": .string(url),
            "header_names": .array(headerNames.map(JSONValue.string)),
            "timeout": .integer(Int64(timeoutMilliseconds / 1_000)), "is_active": .bool(isActive),
        ]
    }
}

extension DeliveryHealth {
    fileprivate var presentation: JSONValue {
        [
            "consecutive_failures": .integer(Int64(failures)), "first_failure_at": JSONValue(firstFailureAt),
            "last_failure_at": JSONValue(lastFailureAt), "last_failure_cause": JSONValue(lastFailureCause),
            "paused_at": JSONValue(pausedAt), "paused_reason": JSONValue(pausedReason),
        ]
    }
}

extension Delivery {
    var presentation: JSONObject {
        [
            "delivery_id": .string(id.rawValue), "webhook_id": .string(webhook.rawValue),
            "event_id": .string(event.id.rawValue), "event_type": .string(event.kind.rawValue),
            "subject": .string(event.subject), "status": .string(status.rawValue),
            "attempts": .integer(Int64(attempts)), "created_at": JSONValue(createdAt),
            "next_attempt_at": JSONValue(nextAttemptAt), "last_attempt_at": JSONValue(lastAttemptAt),
            "finished_at": JSONValue(finishedAt), "response_status": JSONValue(responseStatus),
            "response_excerpt": JSONValue(responseExcerpt), "last_error": JSONValue(lastError),
        ]
    }
}
