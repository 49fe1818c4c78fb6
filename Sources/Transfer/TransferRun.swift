internal import CCurl
internal import Synchronization

/// Lets somebody else end transfers that are under way, within about a second.
package final class TransferCancellation: Sendable {
    private let flag = Atomic(false)
    package init() {}
    package func cancel() { flag.store(true, ordering: .releasing) }
    package var isCancelled: Bool { flag.load(ordering: .acquiring) }
}

/// What one transfer's callbacks share. libcurl calls them on the thread that performs the transfer.
final class TransferRun {
    private let mayConnect: (NetworkAddress) -> Bool
    private let cancellation: TransferCancellation
    private let maximumBodyBytes: Int
    private let excerptBytes: Int
    private var bodyBytes = 0
    private var headerBytes = 0
    private var upload: ArraySlice<UInt8>

    /// The last command of a mail's dialogue, without what follows it.
    private var command = ""
    private var isLeaving = false
    /// The last line of the answer to it.
    private var answer: [UInt8] = []
    /// Whether a mail may go only where credentials were taken, and whether they were sent on this connection.
    private let requiresLogin: Bool
    private(set) var hasLogin: Bool
    /// The beginning of what was received.
    private(set) var excerpt: [UInt8] = []
    /// Whether an address was refused.
    private(set) var isForbidden = false
    /// Why a callback ended the transfer.
    private(set) var abortion: TransferError.Kind?

    private static let maximumHeaderBytes = 65_536
    private static let maximumAnswerBytes = 512
    private static let mailCommands: Set = ["EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA"]

    /// - Parameters:
    ///   - maximumBodyBytes: the transfer fails when more comes.
    ///   - excerptBytes: how much of it is kept.
    ///   - upload: what is sent by a protocol that asks for it bit by bit.
    ///   - requiresLogin: nothing of it is sent on a connection on which no credentials were sent.
    ///   - hasLogin: whether they were, on a connection that is there already.
    ///   - mayConnect: asked for each address right before a connection to it, so that no answer of a name server can
    ///     come between the question and its use.
    init(
        maximumBodyBytes: Int, excerptBytes: Int, cancellation: TransferCancellation,
        upload: [UInt8] = [], requiresLogin: Bool = false, hasLogin: Bool = false,
        mayConnect: @escaping (NetworkAddress) -> Bool
    ) {
        self.maximumBodyBytes = maximumBodyBytes
        self.excerptBytes = excerptBytes
        self.cancellation = cancellation
        self.upload = upload[...]
        self.requiresLogin = requiresLogin
        self.hasLogin = hasLogin
        self.mayConnect = mayConnect
    }

    static func of(_ context: UnsafeMutableRawPointer?) -> TransferRun? {
        // Whoever performs the transfer keeps the object alive until it has ended.
        unsafe context.map { unsafe Unmanaged<TransferRun>.fromOpaque($0).takeUnretainedValue() }
    }

    var mayContinue: Bool {
        guard cancellation.isCancelled else { return true }
        abortion = .cancelled
        return false
    }

    /// - Returns: how many bytes were taken; fewer end the transfer.
    func receive(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
        bodyBytes += count
        guard bodyBytes <= maximumBodyBytes else {
            abortion = .answerTooLarge
            return 0
        }
        let wanted = min(count, excerptBytes - excerpt.count)
        if let bytes = unsafe bytes, wanted > 0 {
            // The buffer holds `count` bytes during the call.
            unsafe excerpt.append(contentsOf: UnsafeRawBufferPointer(start: bytes, count: wanted))
        }
        return count
    }

    /// Fills a buffer of `capacity` bytes with what is sent next.
    /// - Returns: how many bytes; 0 at the end; libcurl's code for the end of the transfer.
    func supply(_ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int) -> Int {
        guard let buffer = unsafe buffer else { return 0 }
        // Where a server offers no way to authenticate, libcurl goes on without.
        guard hasLogin || !requiresLogin else {
            abortion = .authentication
            return Int(CURL_READFUNC_ABORT)
        }
        let part = upload.prefix(capacity)
        // The buffer has room for `capacity` bytes during the call.
        unsafe UnsafeMutableRawBufferPointer(start: buffer, count: capacity).copyBytes(from: part)
        upload = upload.dropFirst(part.count)
        return part.count
    }

    /// Notes what command is sent. What follows it may be a secret.
    func send(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) {
        guard let bytes = unsafe bytes else { return }
        // The buffer holds `count` bytes during the call.
        let line = unsafe UnsafeRawBufferPointer(start: bytes, count: count)
        let word = unsafe line.prefix(9).prefix { (0x41...0x5a).contains($0) }
        let command = unsafe String(decoding: word, as: UTF8.self)
        // QUIT is libcurl's own farewell after something failed; what else is no command may be a secret.
        isLeaving = command == "QUIT"
        guard Self.mailCommands.contains(command) else { return }
        self.command = command
        answer = []
        if command == "AUTH" { hasLogin = true }
    }

    /// Notes what the other side says: the last line counts.
    func hear(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) {
        guard let bytes = unsafe bytes, !isLeaving else { return }
        // The buffer holds `count` bytes during the call.
        let line = unsafe UnsafeRawBufferPointer(start: bytes, count: min(count, Self.maximumAnswerBytes))
        // It goes to logs and terminals.
        answer = unsafe line.prefix { $0 != 13 && $0 != 10 }.map { byte in
            (0x20...0x7e).contains(byte) ? byte : UInt8(ascii: "?")
        }
    }

    var mailAnswer: MailAnswer { MailAnswer(command: command, line: String(decoding: answer, as: UTF8.self)) }

    func receiveHeader(_ count: Int) -> Int {
        headerBytes += count
        guard headerBytes <= Self.maximumHeaderBytes else {
            abortion = .answerTooLarge
            return 0
        }
        return count
    }

    func mayConnect(to address: UnsafeMutablePointer<curl_sockaddr>) -> Bool {
        guard let found = unsafe Self.networkAddress(address), mayConnect(found) else {
            isForbidden = true
            return false
        }
        // It is a new connection.
        hasLogin = false
        return true
    }

    /// nil for another family than the internet's two.
    private static func networkAddress(_ address: UnsafeMutablePointer<curl_sockaddr>) -> NetworkAddress? {
        let length = unsafe Int(address.pointee.addrlen)
        // libcurl's structure has room for any family's address behind its last member.
        guard let start = MemoryLayout<curl_sockaddr>.offset(of: \.addr), length <= 128 else { return nil }
        let bytes = unsafe Array(
            UnsafeRawBufferPointer(start: UnsafeRawPointer(address) + start, count: length))
        // A sockaddr_in is family, port, address; a sockaddr_in6 has its flow label before the address.
        switch unsafe address.pointee.family {
        case 2: return bytes.count >= 8 ? NetworkAddress(bytes: Array(bytes[4..<8])) : nil
        case 10: return bytes.count >= 24 ? NetworkAddress(bytes: Array(bytes[8..<24])) : nil
        default: return nil
        }
    }
}
