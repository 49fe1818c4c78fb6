import Domain
import HTTP

/// The parameters that a route's query may have: those that its description names.
struct KnownQuery: Sendable {
    private let names: Set<ExactString>

    init(of description: EndpointDescription) { names = Set(description.query.map { ExactString($0.name) }) }

    /// Refuses every other one: what would silently do nothing is a mistake that its sender wants to hear of.
    func check(_ head: RequestHead) throws(Failure) {
        let unknown = head.query.filter { !names.contains(ExactString($0.name)) }
        guard !unknown.isEmpty else { return }
        throw .validation(
            unknown.map { ValidationError("unknown_field", at: ["query", $0.name], "this parameter is unknown here") })
    }
}
