internal import Domain
internal import JSON

/// The receipt as JSON text, complete: reading gives back exactly what was written, the doubles to the last bit.
extension DecisionReceipt {
    func encoded() throws(DatabaseError) -> String {
        for number in [threshold, elapsedMilliseconds, scan?.score ?? 0] where !number.isFinite {
            throw .misuse("a receipt with the number \(number), which JSON cannot hold")
        }
        var object: JSONObject = [
            "decision": .string(decision.rawValue), "reason": .string(reason.rawValue),
            "threshold": .number(threshold), "plane": .string(policy.plane.rawValue),
            "nsfw_check_enabled": .bool(policy.settings.checkEnabled),
            "nsfw_fail_closed": .bool(policy.settings.failClosed),
            "scanned_at": .integer(scannedAt.milliseconds), "elapsed_ms": .number(elapsedMilliseconds),
            "sha256": .string(sha256.rawValue),
        ]
        if let scan {
            object["score"] = .number(scan.score)
            object["frames_total"] = .integer(Int64(scan.framesTotal))
            object["frames_scanned"] = .integer(Int64(scan.framesScanned))
            object["pass"] = .string(scan.pass.rawValue)
        }
        if let model {
            var fields: JSONObject = [
                "name": .string(model.name), "sha256": .string(model.sha256),
                "preprocessing": .string(model.preprocessing),
            ]
            fields["screen_sha256"] = model.screenSHA256.map(JSONValue.string)
            object["model"] = .object(fields)
        }
        object["explanation"] = explanation.map(JSONValue.string)
        if isCached { object["cached"] = true }
        return JSONValue.object(object).encoded
    }

    static func decode(_ object: JSONObject) throws(DatabaseError) -> DecisionReceipt {
        let fields = ReceiptFields(object: object)
        let settings = GateSettings(
            checkEnabled: try fields.bool("nsfw_check_enabled"), failClosed: try fields.bool("nsfw_fail_closed"))
        var scan: ScanScore?
        if object["score"] != nil {
            scan = ScanScore(
                score: try fields.double("score"), framesTotal: Int(try fields.integer("frames_total")),
                framesScanned: Int(try fields.integer("frames_scanned")),
                // Receipts from before there was a screen say nothing of it.
                pass: object["pass"] == nil ? .exact : try fields.value("pass"))
        }
        var model: ModelIdentity?
        if let object = object["model"]?.objectValue {
            let fields = ReceiptFields(object: object)
            model = ModelIdentity(
                name: try fields.text("name"), sha256: try fields.text("sha256"),
                preprocessing: try fields.text("preprocessing"),
                screenSHA256: object["screen_sha256"]?.stringValue)
        }
        return DecisionReceipt(
            decision: try fields.value("decision"), reason: try fields.value("reason"), scan: scan,
            threshold: try fields.double("threshold"), model: model,
            policy: GatePolicy(plane: try fields.value("plane"), settings: settings),
            scannedAt: Timestamp(milliseconds: try fields.integer("scanned_at")),
            elapsedMilliseconds: try fields.double("elapsed_ms"), sha256: try fields.value("sha256"),
            explanation: object["explanation"]?.stringValue, isCached: object["cached"]?.boolValue ?? false)
    }
}

private struct ReceiptFields {
    let object: JSONObject

    private func require<T>(_ name: String, _ value: T?) throws(DatabaseError) -> T {
        guard let value else { throw .invalidRow("the receipt's \(name) is \(object[name]?.encoded ?? "missing")") }
        return value
    }

    func text(_ name: String) throws(DatabaseError) -> String { try require(name, object[name]?.stringValue) }
    func bool(_ name: String) throws(DatabaseError) -> Bool { try require(name, object[name]?.boolValue) }
    func integer(_ name: String) throws(DatabaseError) -> Int64 { try require(name, object[name]?.integerValue) }
    func double(_ name: String) throws(DatabaseError) -> Double { try require(name, object[name]?.doubleValue) }
    func value<Value: RawRepresentable<String>>(_ name: String) throws(DatabaseError) -> Value {
        try require(name, Value(rawValue: try text(name)))
    }
}
