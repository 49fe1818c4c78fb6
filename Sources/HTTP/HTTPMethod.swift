/// The request methods that are served; any other one is answered with 501.
package enum HTTPMethod: String, CaseIterable, Sendable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"
    case options = "OPTIONS"
    // Known, so that they are refused as what a resource does not have; no route answers them.
    case trace = "TRACE"
    case query = "QUERY"
}
