import Telemetry

/// The metrics of one listener.
struct HTTPMetrics: Sendable {
    private let listener: String
    private let requests: Counter
    private let seconds: Histogram
    private let connections: Gauge

    init(_ registry: MetricsRegistry, listener: String) {
        self.listener = listener
        requests = registry.counter(
            "portcullis_http_requests_total", help: "Requests, by their answer's status (499: the client left).",
            labels: ["listener", "method", "status"])
        seconds = registry.histogram(
            "portcullis_http_request_seconds", help: "From the request line to the end of the answer.",
            labels: ["listener"], buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60])
        connections = registry.gauge(
            "portcullis_http_connections", help: "Open connections.", labels: ["listener"])
        connections.set(0, listener)
    }

    func connectionOpened() { connections.add(1, listener) }
    func connectionClosed() { connections.add(-1, listener) }

    func requestEnded(method: String, status: Int, seconds duration: Double) {
        // A client may invent methods; it must not invent label values.
        let method = HTTPMethod(rawValue: method) == nil ? "other" : method
        requests.increment(listener, method, String(status))
        seconds.observe(duration, listener)
    }
}
