import TestSupport
import Testing

@Suite(
    "Slow clients",
    .service([
        "PORTCULLIS_HEADER_TIMEOUT_MILLISECONDS": "500", "PORTCULLIS_IDLE_TIMEOUT_MILLISECONDS": "1000",
        "PORTCULLIS_BODY_MINIMUM_BYTES_PER_SECOND": "10000", "PORTCULLIS_BODY_RATE_WINDOW_MILLISECONDS": "1000",
    ]))
struct SlowClientTests {
    @Test("A connection on which no whole header section arrives is closed")
    func slowHeaders() throws {
        let connection = try Service.current.connect(timeoutSeconds: 20)
        try connection.send("GET /v1/health HTTP/1.1\r\nHost: localhost\r\n")
        #expect(try connection.isClosedByPeer())
    }

    @Test("A connection that stays idle is closed")
    func idle() throws {
        let connection = try Service.current.connect(timeoutSeconds: 20)
        #expect(try connection.exchange(HTTPRequest("GET", "/v1/health")).status == 200)
        #expect(try connection.isClosedByPeer())
    }

    @Test("A body that trickles is given up, and holds neither credits nor spool")
    func slowBody() throws {
        let tenant = try Service.tenant()
        let before = try tenant.credits()
        let connection = try tenant.service.connect(timeoutSeconds: 20)
        try connection.send(
            "POST \(Tenant.target(filename: "slow.bin")) HTTP/1.1\r\nHost: localhost\r\n"
                + "Authorization: Bearer \(tenant.key)\r\nContent-Length: 5000000\r\n\r\n")
        var isOpen = true
        for _ in 0..<100 where isOpen {
            isOpen = try connection.send(Sample.noise(10))
            pause(milliseconds: 100)
        }
        #expect(!isOpen, "1000 bytes in 10 s were put up with")
        #expect(try Concurrent.eventually { try tenant.credits() == before })
        #expect(Concurrent.eventually { tenant.service.spoolFiles.isEmpty })
    }

    @Test("A client that is slow but fast enough is served")
    func fastEnough() throws {
        let tenant = try Service.tenant()
        let connection = try tenant.service.connect(timeoutSeconds: 20)
        let bytes = Sample.noise(100_000)
        try connection.send(
            "POST \(Tenant.target(filename: "steady.bin")) HTTP/1.1\r\nHost: localhost\r\n"
                + "Authorization: Bearer \(tenant.key)\r\nContent-Length: \(bytes.count)\r\n\r\n")
        for start in stride(from: 0, to: bytes.count, by: 5_000) {
            try connection.send(Array(bytes[start..<start + 5_000]))
            pause(milliseconds: 100)
        }
        #expect(try connection.readResponse(to: "POST").status == 201)
    }
}
