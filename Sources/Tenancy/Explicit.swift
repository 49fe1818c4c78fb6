/// A field of a change in which an explicit null means something else than its absence.
enum Explicit<Value: Sendable>: Sendable {
    case absent
    case null
    case value(Value)

    init(_ value: Value?, isPresent: Bool) {
        if let value { self = .value(value) } else { self = isPresent ? .null : .absent }
    }

    /// What a field becomes that was `old`.
    func applied(to old: Value?) -> Value? {
        switch self {
        case .absent: old
        case .null: nil
        case .value(let value): value
        }
    }
}
