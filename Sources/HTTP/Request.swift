/// One request, as a handler gets it.
package struct Request: Sendable {
    package let head: RequestHead
    /// What the `{name}` parts of the route stand for, percent-decoded. Filled in by the router.
    package var parameters: [String: String] = [:]
    package var body: RequestBody
}
