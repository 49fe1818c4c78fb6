import CRawSystemCall
import Domain
import Glibc
import SystemCalls
import WorkerProtocol

/// Answers requests by doing what the files say, until the service is gone (which throws).
func serve(_ channel: borrowing Channel, parent: CInt) throws {
    while true {
        let received = try channel.receive()
        let request = try ScanRequest(decoding: received.bytes)
        guard let descriptor = received.descriptor else { fatalError("no file came with the request") }
        let file = OwnedDescriptor(owning: descriptor)
        MemoryDeath.forgetEarlierFailures()
        let words = try command(in: file, maximumBytes: request.limits.maximumFileBytes)
        var reply = ScanReply(id: request.id, result: .failed("nothing happened"), elapsedMicroseconds: 0)
        if try !misbehave(words, channel, file, &reply), !attack(words, file, parent, &reply) {
            reply.result = .scored(ScanScore(score: Double(words[1]) ?? 0, framesTotal: 1, framesScanned: 1))
            // Some time passes, so that a queue can form.
            if words.count > 2, let milliseconds = Double(words[2]) { spin(milliseconds: milliseconds) }
        }
        try channel.send(reply.encoded())
        if reply.isRetiring { exit(0) }
    }
}

/// The words of a file. What is no ASCII is left out, so that a file may begin as a picture does.
func command(in file: borrowing OwnedDescriptor, maximumBytes: Int) throws(MappingError) -> [String] {
    let mapped = try MappedFile(file, maximumBytes: maximumBytes)
    let bytes = mapped.withBytes { span in
        // Every offset lies within the span.
        (0..<span.byteCount).map { unsafe span.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }
    return String(decoding: bytes.filter { $0 < 0x80 }, as: UTF8.self).split(separator: " ").map(String.init)
}

func spin(milliseconds: Double) {
    let end = Clocks.processorSeconds() + milliseconds / 1000
    while Clocks.processorSeconds() < end {}
}

/// Breaks the protocol or itself. False where the command is another one.
func misbehave(
    _ words: [String], _ channel: borrowing Channel, _ file: borrowing OwnedDescriptor, _ reply: inout ScanReply
) throws -> Bool {
    switch words[0] {
    case "crash": fatalError("a crash while decoding")
    case "hang": while true {}
    case "slow":
        // A long scan, in time and not in work.
        reply.result = .scored(ScanScore(score: 0.1, framesTotal: 1, framesScanned: 1))
        spin(milliseconds: Double(words[1]) ?? 0)
    case "hold":
        // Until the test writes another first byte. Mapped anew each time, so that no compiler reads it once.
        while try command(in: file, maximumBytes: 1 << 20)[0] == "hold" {}
        reply.result = .scored(ScanScore(score: 0.1, framesTotal: 1, framesScanned: 1))
    case "eat-memory":
        // As a decoder does that does not look at what it is given.
        while let memory = unsafe malloc(16 << 20) { unsafe memset(memory, 1, 16 << 20) }
        fatalError("no memory")
    case "eat-memory-and-fault":
        var memory = unsafe malloc(16 << 20)
        while unsafe memory != nil { unsafe memory = malloc(16 << 20) }
        unsafe UnsafeMutablePointer<UInt8>(bitPattern: 8)!.pointee = 1
    case "wrong-id": reply.id += 1
    case "twice":
        reply.result = .scored(ScanScore(score: 0.25, framesTotal: 1, framesScanned: 1))
        try channel.send(reply.encoded())
    case "short": try channel.send([1, 2, 3])
    case "long": try channel.send([UInt8](repeating: 0, count: 4096))
    case "not-a-number":
        reply.result = .scored(ScanScore(score: .nan, framesTotal: 1, framesScanned: 1))
    case "no-frames":
        reply.result = .scored(ScanScore(score: 0.1, framesTotal: 1, framesScanned: 0))
    case "slow-clock":
        reply.result = .scored(ScanScore(score: 0.1, framesTotal: 1, framesScanned: 1))
        reply.elapsedMicroseconds = 1 << 40
    case "attach":
        reply.result = .scored(ScanScore(score: 0.25, framesTotal: 1, framesScanned: 1))
        try channel.send(reply.encoded(), passing: file.rawValue)
        // The answer is sent: the next message is the next request's.
        let next = try channel.receive()
        reply.id = try ScanRequest(decoding: next.bytes).id
    case "flood":
        let line = String(repeating: "x", count: 1000) + "\n"
        while true { StandardError.write(line) }
    case "hang-up":
        close(Channel.workerDescriptor)
        while true {}
    case "mute":
        close(2)
        reply.result = .scored(ScanScore(score: 0.5, framesTotal: 1, framesScanned: 1))
    case "retire":
        reply.result = .scored(ScanScore(score: 0.5, framesTotal: 1, framesScanned: 1))
        reply.isRetiring = true
    case "read-again":
        // The file shrinks under this mapping: its last page is gone then.
        let mapped = try MappedFile(file, maximumBytes: 1 << 20)
        while true { mapped.withBytes { span in _ = unsafe span.unsafeLoad(fromByteOffset: 8191, as: UInt8.self) } }
    case "inference": reply.result = .failed("the model failed")
    default: return false
    }
    return true
}

/// Tries what the sandbox must not let pass; what comes back from it is reported. False where the command is another.
func attack(_ words: [String], _ file: borrowing OwnedDescriptor, _ parent: CInt, _ reply: inout ScanReply) -> Bool {
    let result: Int
    switch words[0] {
    case "open": result = unsafe Int(open("/etc/passwd", O_RDONLY))
    case "stat":
        var status = stat()
        result = unsafe Int(stat("/etc/passwd", &status))
    case "socket": result = Int(socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0))
    case "fork":
        var id: pid_t = 0
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe [nil]
        result = unsafe Int(posix_spawn(&id, "/bin/true", nil, nil, &arguments, &arguments))
    case "exec":
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe [nil]
        result = unsafe Int(execv("/bin/true", &arguments))
    case "thread":
        var thread = pthread_t()
        result = unsafe Int(pthread_create(&thread, nil, { _ in nil }, nil))
    case "executable-memory":
        let memory = unsafe mmap(
            nil, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        result = unsafe memory == MAP_FAILED ? -1 : 0
    case "make-executable":
        let memory = unsafe mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        result = unsafe Int(mprotect(memory, 4096, PROT_READ | PROT_EXEC))
    case "kill-parent": result = Int(kill(parent, SIGKILL))
    case "signal-parent": result = craw_tgkill(parent, SIGKILL)
    case "write-file": result = unsafe write(file.rawValue, "x", 1)
    case "map-for-writing":
        let memory = unsafe mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file.rawValue, 0)
        result = unsafe memory == MAP_FAILED ? -1 : 0
    case "raise-limit":
        var wanted = rlimit(rlim_cur: 1 << 40, rlim_max: 1 << 40)
        result = unsafe Int(setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &wanted))
    case "become-root": result = Int(setuid(0))
    case "memory":
        var megabytes = 0
        while megabytes < 1024, let memory = unsafe malloc(16 << 20) {
            unsafe memset(memory, 1, 16 << 20)
            megabytes += 16
        }
        result = megabytes
    case "descriptors":
        // Which of the first 64 numbers are open: closing tells, when everything else is forbidden. The channel stays.
        result = (0..<64).count { $0 != Channel.workerDescriptor && close(CInt($0)) == 0 }
    default: return false
    }
    reply.result = .limitExceeded("result \(result)")
    return true
}
