package import Domain

/// A JSON Schema (draft 2020-12, as OpenAPI 3.1 uses it), together with the named ones that it refers to.
package struct Schema: Sendable {
    package private(set) var json: JSONObject
    /// By name, those that `json` refers to, and those that these refer to.
    package private(set) var components: [String: JSONObject]

    private init(_ json: JSONObject, using parts: [Schema] = []) {
        self.json = json
        components = [:]
        for part in parts { components.merge(part.components) { $1 } }
    }

    package var value: JSONValue { .object(json) }

    /// The schema under a name, by which the document holds it once.
    package static func named(_ name: String, _ schema: Schema) -> Schema {
        var named = Schema(["$ref": .string("#/components/schemas/\(name)")], using: [schema])
        named.components[name] = schema.json
        return named
    }

    package func described(_ text: String) -> Schema {
        var schema = self
        schema.json["description"] = .string(text)
        return schema
    }

    package var nullable: Schema {
        Schema(["anyOf": [value, ["type": "null"]]], using: [self])
    }

    // Scalars.

    package static let boolean = Schema(["type": "boolean"])
    /// One of the two, and not the other.
    package static func constant(_ value: Bool) -> Schema { Schema(["type": "boolean", "const": .bool(value)]) }
    package static let string = Schema(["type": "string"])
    package static let number = Schema(["type": "number"])
    package static let anything = Schema([:])
    package static let timestamp = Schema(["type": "string", "format": "date-time"])

    package static func integer(_ range: ClosedRange<Int64>? = nil) -> Schema {
        var json: JSONObject = ["type": "integer"]
        if let range {
            json["minimum"] = .integer(range.lowerBound)
            json["maximum"] = .integer(range.upperBound)
        }
        return Schema(json)
    }

    /// Text as `FieldReader.string` takes it: of so many characters, without control characters.
    package static func text(_ length: ClosedRange<Int>) -> Schema {
        matching(#"^[^\u0000-\u001f\u007f]*$"#, length: length)
    }

    /// A name as `FieldReader.displayName` takes it.
    package static func displayName(_ length: ClosedRange<Int>) -> Schema {
        matching("^[^\(unseen)]*[^\(unseen)\(blank)][^\(unseen)]*$", length: length)
    }

    /// A name as `FieldReader.pathName` takes it.
    package static func pathName(_ length: ClosedRange<Int>) -> Schema {
        matching("^[^\(unseen)]*[^\(unseen)\(blank).][^\(unseen)]*$", length: length)
    }

    // The insides of classes of characters.
    private static let unseen =
        #"\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069"#
    private static let blank = #" \u00a0\u1680\u2000\u2001\u2002-\u200a\u202f\u205f\u3000"#

    package static func matching(_ pattern: String, length: ClosedRange<Int>) -> Schema {
        Schema([
            "type": "string", "minLength": .integer(Int64(length.lowerBound)),
            "maxLength": .integer(Int64(length.upperBound)), "pattern": .string(pattern),
        ])
    }

    package static func choice(_ values: [String]) -> Schema {
        Schema(["type": "string", "enum": .array(values.map(JSONValue.string))])
    }

    package static func choice<Value: RawRepresentable<String> & CaseIterable>(of type: Value.Type) -> Schema {
        choice(Value.allCases.map(\.rawValue))
    }

    /// The bytes of a file.
    package static let binary = Schema(["type": "string", "format": "binary"])

    // Composed ones.

    package static func array(_ element: Schema, count: ClosedRange<Int>? = nil, unique: Bool = false) -> Schema {
        var json: JSONObject = ["type": "array", "items": element.value]
        if let count {
            json["minItems"] = .integer(Int64(count.lowerBound))
            json["maxItems"] = .integer(Int64(count.upperBound))
        }
        if unique { json["uniqueItems"] = true }
        return Schema(json, using: [element])
    }

    package typealias Property = (name: String, schema: Schema)

    /// The object of a request: nothing but these members, and all but the required ones may be absent or null.
    package static func request(_ properties: [Property], required: [String] = []) -> Schema {
        let parts = properties.map { required.contains($0.name) ? $0 : (name: $0.name, schema: $0.schema.nullable) }
        return object(parts, required: required, isClosed: true)
    }

    /// The object of an answer: every member is there, but for the optional ones; later versions may add some.
    package static func answer(_ properties: [Property], optional: [Property] = []) -> Schema {
        object(properties + optional, required: properties.map(\.name), isClosed: false)
    }

    /// Any names, values of one kind.
    package static func map(_ value: Schema, names: Schema? = nil, maximumCount: Int? = nil) -> Schema {
        var json: JSONObject = ["type": "object", "additionalProperties": value.value]
        if let names { json["propertyNames"] = names.value }
        if let maximumCount { json["maxProperties"] = .integer(Int64(maximumCount)) }
        return Schema(json, using: [value] + (names.map { [$0] } ?? []))
    }

    package static func object(_ properties: [Property], required: [String], isClosed: Bool) -> Schema {
        var members = JSONObject()
        for (name, schema) in properties { members[name] = schema.value }
        var json: JSONObject = ["type": "object", "properties": .object(members)]
        if !required.isEmpty { json["required"] = .array(required.map(JSONValue.string)) }
        if isClosed { json["additionalProperties"] = false }
        return Schema(json, using: properties.map(\.schema))
    }

    /// Adds members to a closed or open object schema.
    package func adding(_ properties: [Property]) -> Schema {
        var members = json["properties"]?.objectValue ?? [:]
        var required = json["required"]?.arrayValue ?? []
        for (name, schema) in properties {
            members[name] = schema.value
            if json["additionalProperties"] == nil { required.append(.string(name)) }
        }
        var schema = Schema(json, using: properties.map(\.schema))
        schema.components.merge(components) { $1 }
        schema.json["properties"] = .object(members)
        if !required.isEmpty { schema.json["required"] = .array(required) }
        return schema
    }

    /// Any JSON that a body may hold: whole numbers of 64 bits, finite others, strings without NUL.
    package static let jsonObject: Schema = {
        let text: JSONObject = ["type": "string", "pattern": .string(#"^[^\u0000]*$"#)]
        let reference: JSONValue = ["$ref": "#/components/schemas/JSONMember"]
        let any: JSONObject = [
            "anyOf": [
                ["type": "null"], ["type": "boolean"],
                ["type": "integer", "minimum": .integer(.min), "maximum": .integer(.max)],
                ["type": "number", "not": ["type": "integer"]],
                .object(text), ["type": "array", "items": reference],
                ["type": "object", "propertyNames": .object(text), "additionalProperties": reference],
            ]
        ]
        var schema = Schema(["type": "object", "propertyNames": .object(text), "additionalProperties": reference])
        schema.components["JSONMember"] = any
        return schema
    }()
}
