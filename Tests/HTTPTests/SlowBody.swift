import Testing

extension TestClient {
    /// Sends nothing more of a body, or a little now and then, until it is told that this is too slow.
    func expectTooSlow(sendsNothing: Bool) throws {
        for _ in 0..<200 where isSilent(forMilliseconds: 30) {
            if !sendsNothing { _ = sendWhatFits([65, 66]) }
        }
        let answer = try readResponse()
        #expect(answer.status == 408)
        #expect(answer.errorCode == "request_timeout")
        #expect(isClosed())
    }
}

extension TestServer {
    /// Stops; expects one line in the access log, of a client that was too slow.
    func expectOnlyTimeout() async throws {
        let entry = try #require(try await accessLog(count: 1).first)
        #expect(entry["status"] as? Int == 408)
        await stop()
        #expect(try accessLog().count == 1)
    }
}
