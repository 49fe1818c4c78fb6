extension DecisionReceipt {
    /// The receipt as the API shows it (`gate` of an upload, `error.details.gate` of a rejection).
    package var presentation: JSONValue {
        var object: JSONObject = [
            "decision": .string(decision.rawValue),
            "reason": .string(reason.rawValue),
            "score": JSONValue(scan?.score),
            "threshold": .number(threshold),
            "frames_total": JSONValue(scan?.framesTotal),
            "frames_scanned": JSONValue(scan?.framesScanned),
            "pass": JSONValue(scan?.pass.rawValue),
            "model": model.map(\.presentation) ?? .null,
            "policy": [
                "plane": .string(policy.plane.rawValue),
                "nsfw_check_enabled": .bool(policy.settings.checkEnabled),
                "nsfw_fail_closed": .bool(policy.settings.failClosed),
            ],
            "scanned_at": JSONValue(scannedAt),
            "elapsed_ms": .number(elapsedMilliseconds),
            "sha256": .string(sha256.rawValue),
        ]
        if let explanation { object["explanation"] = .string(explanation) }
        if isCached { object["cached"] = true }
        return .object(object)
    }
}

extension ModelIdentity {
    fileprivate var presentation: JSONValue {
        var object: JSONObject = [
            "name": .string(name), "sha256": .string(sha256), "preprocessing": .string(preprocessing),
        ]
        object["screen_sha256"] = screenSHA256.map(JSONValue.string)
        return .object(object)
    }
}
