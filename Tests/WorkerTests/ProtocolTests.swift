import Domain
import Testing
import WorkerProtocol

@Suite("Messages between service and worker")
struct ProtocolTests {
    private static let request = ScanRequest(
        id: 0x0102_0304_0506_0708, mediaType: .png, threshold: 0.8, limits: ScanLimits())

    private static let replies: [ScanReply] = [
        ScanReply(
            id: request.id, result: .scored(ScanScore(score: 0.75, framesTotal: 9, framesScanned: 3)),
            elapsedMicroseconds: 12_345),
        ScanReply(id: request.id, result: .corrupt("the file ends early"), elapsedMicroseconds: 1),
        ScanReply(id: request.id, result: .limitExceeded("60 × 10⁶ pixels"), elapsedMicroseconds: 0),
        ScanReply(id: request.id, result: .unsupported("APNG"), elapsedMicroseconds: 7, isRetiring: true),
        ScanReply(id: request.id, result: .failed("code 6"), elapsedMicroseconds: .max),
    ]

    private static let reports: [StartReport] = [
        .ready(
            WorkerDescription(
                model: ModelIdentity(
                    name: "open_nsfw", sha256: String(repeating: "0a", count: 32), preprocessing: "p1"),
                selfTestScore: 0.5, sandbox: .all, decodable: [.jpeg, .png],
                program: ContentHash(rawValue: String(repeating: "1b", count: 32))!)),
        .ready(
            WorkerDescription(
                model: ModelIdentity(
                    name: "open_nsfw", sha256: String(repeating: "0a", count: 32), preprocessing: "p1"),
                selfTestScore: 0.5, sandbox: .all, decodable: MediaType.decodable,
                program: ContentHash(rawValue: String(repeating: "1b", count: 32))!,
                screen: .ready(sha256: String(repeating: "0b", count: 32), selfTestScore: 0.25))),
        .ready(
            WorkerDescription(
                model: ModelIdentity(
                    name: "open_nsfw", sha256: String(repeating: "0a", count: 32), preprocessing: "p1"),
                selfTestScore: 0.5, sandbox: .all, decodable: [],
                program: ContentHash(rawValue: String(repeating: "1b", count: 32))!, screen: .unusable("it is missing"))
        ),
        .failed(.noModel, "models/open-nsfw.onnx: cannot be read"),
    ]

    @Test("A request arrives as it was sent")
    func request() throws {
        for mode in [ScanMode.exact, .screened(margin: 0.25), .screenOnly] {
            var request = Self.request
            request.mode = mode
            #expect(try ScanRequest(decoding: request.encoded()) == request)
        }
    }

    @Test("A worker whose screen clears what scores at the margin or above is not believed")
    func clearing() throws {
        var request = Self.request
        request.mode = .screened(margin: 0.25)
        func reply(_ score: Double) throws -> ScanReply {
            let scan = ScanScore(score: score, framesTotal: 1, framesScanned: 1, pass: .screen)
            let reply = ScanReply(id: request.id, result: .scored(scan), elapsedMicroseconds: 1)
            #expect(try ScanReply(decoding: reply.encoded(), to: request) == reply)
            return reply
        }
        _ = try reply(0.2499)
        #expect(throws: WorkerProtocolError.self) { try reply(0.25) }
        #expect(throws: WorkerProtocolError.self) { try reply(0.9) }
    }

    @Test("Every reply arrives as it was sent", arguments: replies)
    func reply(_ reply: ScanReply) throws {
        #expect(try ScanReply(decoding: reply.encoded(), to: Self.request) == reply)
    }

    @Test("Every start report arrives as it was sent", arguments: reports)
    func report(_ report: StartReport) throws {
        #expect(try StartReport(decoding: report.encoded()) == report)
    }

    @Test("A long explanation is cut at a character's end, and control characters become spaces")
    func explanations() throws {
        let text = "line\nfeed\u{1b}[31m" + String(repeating: "é", count: 300)
        let sent = ScanReply(id: Self.request.id, result: .corrupt(text), elapsedMicroseconds: 0)
        let got = try ScanReply(decoding: sent.encoded(), to: Self.request)
        guard case .corrupt(let kept) = got.result else {
            Issue.record("another result")
            return
        }
        #expect(kept.hasPrefix("line feed [31mé"))
        #expect((ScanReply.explanationCapacity - 1...ScanReply.explanationCapacity).contains(kept.utf8.count))
    }

    /// Where the fields of a reply lie, as the encoder lays them out.
    private enum Offset {
        static let id = 8
        static let status = 16
        static let retiring = 17
        static let score = 26
        static let framesTotal = 34
        static let framesScanned = 38
        static let pass = 42
        static let textLength = 43
        static let text = 45
    }

    static let lies: [(String, [(Int, [UInt8])])] = [
        ("another id", [(Offset.id, [9])]),
        ("another version", [(4, [1])]),
        ("another kind", [(6, [1])]),
        ("an unknown status", [(Offset.status, [77])]),
        ("a flag that is neither yes nor no", [(Offset.retiring, [2])]),
        ("a score above 1", [(Offset.score, [0, 0, 0, 0, 0, 0, 0, 0x40])]),
        ("a negative score", [(Offset.score, [1, 0, 0, 0, 0, 0, 0xe0, 0xbf])]),
        ("a score that is no number", [(Offset.score, [0, 0, 0, 0, 0, 0, 0xf8, 0x7f])]),
        ("cleared by a screen that was not asked for", [(Offset.pass, [1])]),
        ("a pass that does not exist", [(Offset.pass, [2])]),
        ("no frames", [(Offset.framesScanned, [0, 0, 0, 0])]),
        ("more frames scanned than there are", [(Offset.framesScanned, [10])]),
        ("more frames than any file has", [(Offset.framesTotal, [0xff, 0xff, 0xff, 0xff])]),
        ("an explanation of a score", [(Offset.textLength, [1]), (Offset.text, [0x41])]),
        ("a text beyond its field", [(Offset.textLength, [0xff, 0xff])]),
        ("a failure without explanation", [(Offset.status, [2])]),
        ("something after the end", [(1023, [1])]),
    ]

    @Test("A reply that breaks the rules is refused", arguments: lies.map(\.0))
    func lie(_ name: String) throws {
        var bytes = Self.replies[0].encoded()
        for (offset, values) in try #require(Self.lies.first { $0.0 == name }).1 {
            bytes.replaceSubrange(offset..<offset + values.count, with: values)
        }
        #expect(throws: WorkerProtocolError.self) { try ScanReply(decoding: bytes, to: Self.request) }
    }

    @Test(
        "Text that is not UTF-8 or would reach a terminal is refused",
        arguments: [[0xff], [0xc0, 0x80], [0x1b], [0x0a]])
    func text(_ text: [UInt8]) throws {
        var bytes = ScanReply(id: Self.request.id, result: .corrupt("ab"), elapsedMicroseconds: 0).encoded()
        bytes.replaceSubrange(Offset.text..<Offset.text + text.count, with: text)
        #expect(throws: WorkerProtocolError.self) { try ScanReply(decoding: bytes, to: Self.request) }
    }

    @Test("Any bytes at all are refused or make a reply that keeps the rules")
    func anyBytes() {
        var generator = SplitMix(state: 42)
        for round in 0..<5_000 {
            var bytes = (Self.replies + []).randomElement(using: &generator)?.encoded() ?? []
            for _ in 0...round % 8 {
                let offset = Int.random(in: 0..<bytes.count, using: &generator)
                bytes[offset] = UInt8.random(in: 0...255, using: &generator)
            }
            if round % 10 == 0 { bytes.removeLast(Int.random(in: 0...bytes.count, using: &generator)) }
            guard let reply = try? ScanReply(decoding: bytes, to: Self.request) else { continue }
            #expect(reply.id == Self.request.id)
            if case .scored(let score) = reply.result {
                #expect((0...1).contains(score.score) && (1...score.framesTotal).contains(score.framesScanned))
            }
        }
        for _ in 0..<500 {
            let bytes = (0..<1024).map { _ in UInt8.random(in: 0...255, using: &generator) }
            #expect(throws: WorkerProtocolError.self) { try StartReport(decoding: bytes) }
        }
    }

    @Test("A worker's command line is read as it was written, and nothing else is")
    func arguments() throws {
        let arguments = WorkerArguments(
            manifestPath: "models/open-nsfw.json", runtimeLibraryPath: "libonnxruntime.so", usesScreen: true,
            parent: 77, memoryHeadroomBytes: 1 << 30, processorSeconds: 60, user: 65_534, group: 65_534)
        let line = arguments.commandLine
        #expect(try WorkerArguments(parsing: line) == arguments)
        #expect(throws: WorkerProtocolError.malformed("--manifest is missing")) { try WorkerArguments(parsing: []) }
        #expect(throws: WorkerProtocolError.malformed("--group has no value")) {
            try WorkerArguments(parsing: line.dropLast())
        }
        #expect(throws: WorkerProtocolError.malformed("--user is repeated")) {
            try WorkerArguments(parsing: line + ["--user", "0"])
        }
        #expect(throws: WorkerProtocolError.malformed("--help is unknown")) {
            try WorkerArguments(parsing: line + ["--help", "me"])
        }
        #expect(throws: WorkerProtocolError.malformed("--parent: x is not a number")) {
            try WorkerArguments(parsing: line.map { $0 == "77" ? "x" : $0 })
        }
    }

    private struct SplitMix: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var value = state
            value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
            value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
            return value ^ (value >> 31)
        }
    }
}
