import Domain
import Synchronization
import Telemetry
import Testing

@Suite("Telemetry")
struct TelemetryTests {
    @Test("Metrics print as Prometheus text")
    func exposition() {
        let registry = MetricsRegistry()
        let uploads = registry.counter("uploads_total", help: "Uploads.", labels: ["outcome"])
        uploads.increment("accepted")
        uploads.increment(by: 2, "re\"jected")
        let seconds = registry.histogram("seconds", help: "Latency.", buckets: [0.1, 1])
        for value in [0.05, 0.1, 0.5, 7] { seconds.observe(value) }
        registry.gauge("depth", help: "Queue.", reading: { 3.5 })
        #expect(
            registry.exposition() == """
                # HELP uploads_total Uploads.
                # TYPE uploads_total counter
                uploads_total{outcome="accepted"} 1
                uploads_total{outcome="re\\"jected"} 2
                # HELP seconds Latency.
                # TYPE seconds histogram
                seconds_bucket{le="0.1"} 2
                seconds_bucket{le="1"} 3
                seconds_bucket{le="+Inf"} 4
                seconds_sum 7.65
                seconds_count 4
                # HELP depth Queue.
                # TYPE depth gauge
                depth 3.5

                """)
    }

    @Test("A log line is one JSON object, and lines below the level are left out")
    func log() {
        let lines = Mutex<[String]>([])
        let logger = Logger(minimumLevel: .info) { line in lines.withLock { $0.append(line) } }
        logger.debug("hidden")
        logger.warning("seen", ["text": "two\nlines"])
        let written = lines.withLock { $0 }
        #expect(written.count == 1)
        #expect(written[0].hasSuffix("\"level\":\"warning\",\"event\":\"seen\",\"text\":\"two\\nlines\"}\n"))
        #expect(written[0].filter { $0 == "\n" }.count == 1)
    }
}
