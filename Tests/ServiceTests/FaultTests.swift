import Foundation
import TestSupport
import Testing

/// Makes system calls of a service fail: Tests/FaultInjection, told what to do through a file.
private final class Faults: Sendable {
    struct Calls: OptionSet {
        let rawValue: Int32
        static let (write, sync, rename) = (Calls(rawValue: 1), Calls(rawValue: 2), Calls(rawValue: 4))
        static let (link, create, unlink) = (Calls(rawValue: 8), Calls(rawValue: 16), Calls(rawValue: 32))
    }
    struct Places: OptionSet {
        let rawValue: Int32
        static let (spool, blobs, database) = (Places(rawValue: 1), Places(rawValue: 2), Places(rawValue: 4))
        static let staging = Places(rawValue: 8)
    }

    let directory: TemporaryDirectory
    private var file: URL { directory.url("faults") }

    init() throws {
        directory = try TemporaryDirectory()
        try directory.write([UInt8](repeating: 0, count: 28), to: "faults")
    }

    /// The settings that load it into a service.
    func settings() throws -> [String: String] {
        let library = URL(filePath: try Service.executable.get()).deletingLastPathComponent()
            .appending(path: "libFaultInjection.so").path
        guard FileManager.default.fileExists(atPath: library) else {
            throw SupportError("\(library) is missing: faults cannot be injected")
        }
        return ["LD_PRELOAD": library, "FAULT_CONTROL": file.path]
    }

    /// - Parameters:
    ///   - error: 0 makes writes short.
    ///   - after: bytes that are written before it begins.
    ///   - times: how many calls; -1 for all.
    func inject(_ calls: Calls, on places: Places, _ error: Int32, after: Int32 = 0, times: Int32 = -1) throws {
        // What is affected comes last, so that nothing begins half told.
        try write([places.rawValue, error, after, times, 0], at: 4)
        try write([calls.rawValue], at: 0)
    }

    func clear() throws { try write([0], at: 0) }

    /// How many calls were affected since the last `inject`.
    var hits: Int32 {
        get throws {
            let data = try Data(contentsOf: file)
            return (0..<4).reduce(0) { $0 | Int32(data[20 + $1]) << (8 * Int32($1)) }
        }
    }

    private func write(_ words: [Int32], at offset: UInt64) throws {
        // The file is mapped: it must keep its place.
        let handle = try FileHandle(forWritingTo: file)
        try handle.seek(toOffset: offset)
        let bytes = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * Int32($0))) } }
        try handle.write(contentsOf: Data(bytes))
        try handle.close()
    }
}

@Suite("Failing disks", .blocking)
struct FaultTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let calls: Int32
        let places: Int32
        let error: Int32
        let answer: String
        var testDescription: String { name }

        fileprivate init(
            _ name: String, _ calls: Faults.Calls, _ places: Faults.Places, _ error: Int32, _ answer: String
        ) {
            (self.name, self.calls, self.places) = (name, calls.rawValue, places.rawValue)
            (self.error, self.answer) = (error, answer)
        }
    }

    private static let (full, failed) = ("507 insufficient_storage", "500 internal_error")

    static let cases = [
        Case("no room for the body", .write, .spool, ENOSPC, full),
        Case("a quota that is used up", .write, .spool, EDQUOT, full),
        Case("a disk that fails to write the body", .write, .spool, EIO, failed),
        Case("no room when the body is synced", .sync, .spool, ENOSPC, full),
        Case("a disk that fails to sync the body", .sync, .spool, EIO, failed),
        Case("a disk that fails to rename the spool file", .rename, .spool, EIO, failed),
        Case("a disk that fails to link the content", .link, .blobs, EIO, failed),
        Case("no room for the content's name", .link, .blobs, ENOSPC, full),
        Case("a disk that fails to sync the content's directory", .sync, .blobs, EIO, failed),
        Case("a directory that became read-only", .create, .spool, EROFS, full),
        Case("a directory that may not be written", .create, .spool, EACCES, full),
        Case("no room for the database", .write, .database, ENOSPC, full),
        Case("a disk that fails to write the database", .write, .database, EIO, failed),
        Case("a disk that fails to sync the database", .sync, .database, EIO, failed),
    ]

    // One service for all cases, so that each also shows that the service came out of the one before unharmed.
    @Test(
        "Whatever fails on the disk, nothing is charged or left behind, and the service goes on when it is over",
        arguments: [0, 8])
    func failures(spoolMegabytes: Int) throws {
        let faults = try Faults()
        let service = try Service(
            settings: faults.settings().merging(["PORTCULLIS_SPOOL_MEMORY_MB": "\(spoolMegabytes)"]) { $1 })
        // What was in memory gets its file under the right name at once.
        let cases = Self.cases.filter { spoolMegabytes == 0 || $0.calls != Faults.Calls.rename.rawValue }
        let tenant = try service.makeTenant()
        let safe = try tenant.accepted(Sample.text)
        for (index, fault) in cases.enumerated() {
            let before = try tenant.credits()
            let blobs = service.directory.files(below: "data/blobs")
            try faults.inject(Faults.Calls(rawValue: fault.calls), on: .init(rawValue: fault.places), fault.error)
            let answer = try tenant.upload(Sample.noise(90_000, seed: UInt64(index) + 100))
            #expect(answer.summary == fault.answer, "\(fault.name)")
            #expect(try faults.hits > 0, "\(fault.name): nothing failed")
            // Reads need none of what fails.
            #expect(try tenant.get("/v1/uploads/\(safe)/content").body == Sample.text, "\(fault.name)")
            try faults.clear()
            // What could not be undone during the failure is undone after it.
            let isUndone = try Concurrent.eventually {
                try tenant.credits() == before && service.spoolFiles.isEmpty
                    && service.directory.files(below: "data/blobs") == blobs
            }
            let left = try tenant.credits()
            #expect(isUndone, "\(fault.name): \(left) of \(before), \(service.spoolFiles)")
            let next = try tenant.upload(Sample.noise(90_000, seed: UInt64(index) + 100))
            #expect(next.status == 201, "\(fault.name): afterwards \(next.summary)")
        }
        #expect(try tenant.get("/v1/uploads?limit=100").json["results"].array.count == cases.count + 1)
        let books = try service.command("verify", "--content")
        #expect(books.status == .exited(0), "\(books.outputText)\(books.errorText)")
        #expect(try service.stop().status == .exited(0))
    }

    @Test("A disk that fills up in the middle of a body is told with 507 and a clear message, while the client sends")
    func fullInTheMiddle() throws {
        let faults = try Faults()
        let service = try Service(settings: faults.settings())
        let tenant = try service.makeTenant()
        let before = try tenant.credits()
        for body in [
            HTTPRequest.Body.bytes(Sample.noise(3_000_000)),
            .chunks((0..<30).map { Sample.noise(100_000, seed: UInt64($0)) }),
        ] {
            try faults.inject(.write, on: .spool, ENOSPC, after: 1_000_000)
            let request = HTTPRequest("POST", Tenant.target(filename: "big.bin"), body: body)
            let answer = try tenant.send(request.adding("Idempotency-Key", "big"))
            #expect(answer.summary == "507 insufficient_storage")
            #expect(try answer.json["error"]["message"] == "The storage is full.")
            #expect(answer["Connection"]?.lowercased() == "close")
            #expect(try faults.hits > 0)
            try faults.clear()
            #expect(try tenant.credits() == before)
            // The connection's thread may still hold what the answer did not wait for.
            #expect(Concurrent.eventually { service.spoolFiles.isEmpty })
        }
        // Nothing is kept under the key: the repeat runs anew.
        let request = HTTPRequest("POST", Tenant.target(filename: "big.bin"), body: .bytes(Sample.noise(3_000_000)))
        #expect(try tenant.send(request.adding("Idempotency-Key", "big")).status == 201)
        #expect(try service.command("verify", "--content").status == .exited(0))
        try service.stop()
    }

    // What arrived before the disk was full would stay until the upload expires, and keep the disk full for everybody.
    @Test("An announced upload that fills the disk leaves nothing of its bytes, and can be sent anew")
    func fullByAnnounced() throws {
        let faults = try Faults()
        let service = try Service(settings: faults.settings())
        let client = BucketClient(try service.makeTenant())
        let bytes = Sample.noise(3_000_000)
        let upload = try client.announced("big.bin", contentType: "application/octet-stream")
        try faults.inject(.write, on: .staging, ENOSPC, after: 1_000_000)
        #expect(try client.put(upload, .bytes(bytes)).summary == "507 insufficient_storage")
        #expect(try faults.hits > 0)
        #expect(!client.isStaged(upload.id))
        try faults.clear()
        #expect(try client.head(upload)["Upload-Offset"] == "0")
        #expect(try client.put(upload, .bytes(bytes)).status == 200)
        #expect(try client.confirm(upload.id).status == 200)
        #expect(try service.command("verify", "--content").status == .exited(0))
        try service.stop()
    }

    // A deletion has to be written down before the content can go. Where there is no room for that, the reserve gives
    // its room up: the first write fails, and the second one finds it.
    @Test("Deleting works on a full disk, with the room that is kept for it, and that room is taken again later")
    func deletingWhenFull() throws {
        let faults = try Faults()
        let service = try Service(settings: faults.settings())
        let tenant = try service.makeTenant()
        let id = try tenant.accepted(Sample.text)
        let reserve = service.dataDirectory + "/reserve"
        #expect(Concurrent.eventually { FileManager.default.fileExists(atPath: reserve) })
        try faults.inject(.write, on: .database, ENOSPC, times: 1)
        #expect(try tenant.delete("/v1/uploads/\(id)").status == 204)
        #expect(try faults.hits == 1)
        #expect(!FileManager.default.fileExists(atPath: reserve))
        #expect(service.directory.files(below: "data/blobs").isEmpty)
        // Without a reserve there is nothing to give up.
        let next = try tenant.accepted(Sample.text)
        try faults.inject(.write, on: .database, ENOSPC)
        #expect(try tenant.delete("/v1/uploads/\(next)").summary == "507 insufficient_storage")
        try faults.clear()
        #expect(try tenant.delete("/v1/uploads/\(next)").status == 204)
        try service.stop()
        try service.start()
        #expect(Concurrent.eventually { FileManager.default.fileExists(atPath: reserve) })
        #expect(try service.command("verify", "--content").status == .exited(0))
        try service.stop()
    }

    // There may be no room to write that an upload is over because of the bytes that it left.
    @Test("On a full disk the bytes of overdue uploads are taken away before it can be written that they are over")
    func sweepingWhenFull() throws {
        let faults = try Faults()
        let service = try Service(settings: faults.settings())
        let client = BucketClient(try service.makeTenant())
        let (overdue, open) = (try client.sent(Sample.pdf), try client.sent(Sample.text))
        let reserve = service.dataDirectory + "/reserve"
        #expect(Concurrent.eventually { FileManager.default.fileExists(atPath: reserve) })
        try service.stop()
        let program = """
            import sqlite3, sys
            db = sqlite3.connect(sys.argv[1])
            db.execute("UPDATE bucket_uploads SET expires_at = 1000 WHERE id = ?", [sys.argv[2]])
            db.commit()
            """
        let change = try ChildProcess.run(
            "/usr/bin/env", ["python3", "-c", program, service.dataDirectory + "/portcullis.db", overdue.id])
        #expect(change.status == .exited(0), "\(change.errorText)")
        try FileManager.default.removeItem(atPath: reserve)
        try faults.inject(.write, on: .database, ENOSPC, after: 16)
        try service.start()
        #expect(Concurrent.eventually { !client.isStaged(overdue.id) })
        #expect(client.isStaged(open.id))
        #expect(try client.get(overdue.id).json["status"] == "PENDING")
        #expect(try faults.hits > 0)
        #expect(try service.command("verify", "--content").status == .exited(0))
        try faults.clear()
        try service.stop()
        try service.start()
        #expect(try Concurrent.eventually { try client.get(overdue.id).json["status"] == "FAILED" })
        #expect(try client.confirm(open.id).status == 200)
        #expect(try client.heldCredits() == 0)
        #expect(try service.command("verify", "--content").status == .exited(0))
        try service.stop()
    }

    // The recovery takes what the last run had in flight for its own; as long as it is not done, nothing new may begin.
    @Test("A start that has no room to recover serves what is there and deletes, and recovers when there is room")
    func startingWhenFull() throws {
        let faults = try Faults()
        let service = try Service(settings: faults.settings())
        let tenant = try service.makeTenant()
        let client = BucketClient(tenant)
        let id = try tenant.accepted(Sample.text)
        let before = try tenant.credits()
        let waiting = try client.sent(Sample.pdf)
        let reserve = service.dataDirectory + "/reserve"
        #expect(Concurrent.eventually { FileManager.default.fileExists(atPath: reserve) })
        // Something in flight, whose credits the recovery has to give back.
        let connection = try service.connect()
        try connection.send(
            "POST \(Tenant.target(filename: "a.bin")) HTTP/1.1\r\nHost: localhost\r\n"
                + "Authorization: Bearer \(tenant.key)\r\nContent-Length: 5000000\r\n\r\n")
        try connection.send(Sample.noise(100_000))
        #expect(Concurrent.eventually { !service.spoolFiles.isEmpty })
        try service.kill()
        try FileManager.default.removeItem(atPath: reserve)
        // The index of the log finds room in what it had itself: it is made anew, a byte for each of its eight pages.
        try faults.inject(.write, on: .database, ENOSPC, after: 16)
        try service.start()
        #expect(try tenant.get("/v1/uploads/\(id)/content").body == Sample.text)
        #expect(try tenant.upload(Sample.pdf).summary == "507 insufficient_storage")
        #expect(try faults.hits > 0)
        try faults.clear()
        #expect(try Concurrent.eventually { try tenant.upload(Sample.pdf).status == 201 })
        #expect(try client.confirm(waiting.id).status == 200)
        #expect(try client.heldCredits() == 0 && tenant.credits() < before && service.spoolFiles.isEmpty)
        #expect(try service.command("verify", "--content").status == .exited(0))
        let ended = try service.stop()
        #expect(ended.errorText.contains("server.recovery_postponed"))
        #expect(ended.errorText.contains("server.recovered"))
    }

    @Test(
        "A disk that is full in the middle of a very large body, or at its end, leaves nothing",
        arguments: [0, 5 << 20, 17 << 20])
    func fullWithinLargeBody(after: Int) throws {
        let faults = try Faults()
        let service = try Service(settings: faults.settings())
        let tenant = try service.makeTenant()
        let before = try tenant.credits()
        let bytes = Sample.noise(17_900_000)
        try faults.inject(.write, on: .spool, ENOSPC, after: Int32(after))
        #expect(try tenant.upload(bytes).summary == "507 insufficient_storage")
        #expect(try faults.hits > 0)
        try faults.clear()
        let isUndone = try Concurrent.eventually { try tenant.credits() == before && service.spoolFiles.isEmpty }
        #expect(isUndone, "\(service.spoolFiles)")
        let id = try tenant.accepted(bytes)
        #expect(try tenant.get("/v1/uploads/\(id)/content").body == bytes)
        #expect(try service.stop().status == .exited(0))
    }

    @Test("Short and interrupted writes lose nothing")
    func shortWrites() throws {
        let faults = try Faults()
        let service = try Service(settings: faults.settings())
        let tenant = try service.makeTenant()
        // Held in memory first, written as it comes, and written past the page cache.
        let cases =
            [700_000, 3_000_000, 17_500_001].flatMap { [($0, 0, -1), ($0, EINTR, 3)] } as [(Int, Int32, Int32)]
        for (size, error, times) in cases {
            let bytes = Sample.noise(size, seed: UInt64(error) + 7)
            try faults.inject(.write, on: [.spool, .database], error, times: times)
            let id = try tenant.accepted(bytes)
            #expect(try faults.hits > 2)
            try faults.clear()
            #expect(try tenant.get("/v1/uploads/\(id)/content").body == bytes)
        }
        #expect(try service.command("verify", "--content").status == .exited(0))
        try service.stop()
    }

    /// Keeps the database locked until the process ends.
    private func lock(_ service: Service) throws -> ChildProcess {
        let program = """
            import sqlite3, sys, time
            db = sqlite3.connect(sys.argv[1], isolation_level=None)
            db.execute("BEGIN IMMEDIATE")
            print("locked", file=sys.stderr, flush=True)
            time.sleep(60)
            """
        let holder = try ChildProcess(
            "/usr/bin/env", ["python3", "-c", program, service.dataDirectory + "/portcullis.db"])
        #expect(holder.waitForLine(seconds: 30) { $0.contains("locked") ? true : nil } == true)
        return holder
    }

    // Each undo would wait for the lock as long as the commit did, and the client for all of them.
    @Test("An upload that meets a locked database at its end is answered after one undo; the others follow the lock")
    func lockedAtTheEnd() throws {
        let service = try Service()
        let tenant = try service.makeTenant()
        let before = try tenant.credits()
        let connection = try service.connect()
        try connection.send(
            "POST \(Tenant.target(filename: "a.bin")) HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: once\r\n"
                + "Authorization: Bearer \(tenant.key)\r\nContent-Length: 3000000\r\n\r\n")
        try connection.send(Sample.noise(1_500_000))
        #expect(Concurrent.eventually { !service.spoolFiles.isEmpty })
        let holder = try lock(service)
        try connection.send(Sample.noise(1_500_000))
        #expect(try connection.readResponse(to: "POST").summary == "503 overloaded")
        holder.send(SIGKILL)
        _ = try holder.wait()
        let isUndone = try Concurrent.eventually {
            try tenant.credits() == before && service.spoolFiles.isEmpty
                && service.directory.files(below: "data/blobs").isEmpty
        }
        #expect(isUndone)
        let request = HTTPRequest("POST", Tenant.target(filename: "a.bin"), body: .bytes(Sample.text))
        #expect(try tenant.send(request.adding("Idempotency-Key", "once")).status == 201)
        #expect(try service.command("verify", "--content").status == .exited(0))
        let lines = try service.stop().errorLines
        #expect(lines.count { $0.contains("upload.undo_failed") } == 1)
        #expect(lines.count { $0.contains("upload.undone") } == 3)
    }

    @Test("While another process keeps the database locked, writes are told to come back and reads go on")
    func locked() throws {
        let service = try Service()
        let tenant = try service.makeTenant()
        let id = try tenant.accepted(Sample.text)
        let before = try tenant.credits()
        let holder = try lock(service)
        let answer = try tenant.upload(Sample.pdf)
        #expect(answer.summary == "503 overloaded")
        #expect((answer["Retry-After"].flatMap { Int($0) } ?? 0) > 0)
        #expect(try tenant.get("/v1/uploads/\(id)/content").body == Sample.text)
        #expect(try tenant.credits() == before)
        holder.send(SIGKILL)
        _ = try holder.wait()
        #expect(try tenant.upload(Sample.pdf).status == 201)
        #expect(service.spoolFiles.isEmpty)
        #expect(try service.command("verify", "--content").status == .exited(0))
        try service.stop()
    }
}
