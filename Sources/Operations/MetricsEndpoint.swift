import Domain
import Endpoints
package import HTTP
package import Telemetry

/// `/metrics` in Prometheus' text format. On the private listener only; that listener's address is its protection, so
/// that a scraper needs no token.
package struct MetricsEndpoint: Sendable {
    private let registry: MetricsRegistry

    package init(registry: MetricsRegistry) { self.registry = registry }

    package func register(on router: inout Router) {
        var description = EndpointDescription(
            "metrics", tag: "Metrics", "Counters and gauges in Prometheus' text format.", answer: .string)
        description.successes[0].contents = [("text/plain", .string)]
        router.register(.get, "/metrics", documentation: description.operation(security: .none)) { _ throws(Failure) in
            var response = Response(status: 200, body: .bytes(Array(registry.exposition().utf8)))
            response.headers["Content-Type"] = "text/plain; version=0.0.4; charset=utf-8"
            return response
        }
    }
}
