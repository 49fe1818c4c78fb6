// The header of libmicrohttpd brings its own view of the socket constants, which optimised builds look up here.
import CMicrohttpd
import Glibc

/// Calls on connected sockets. All of them are non-blocking.
enum Socket {
    enum Progress {
        case bytes(Int)
        /// Nothing now; poll again.
        case wouldBlock
        /// The peer sent its end, or the connection is broken.
        case over
    }

    /// Sends what fits into the socket's buffer.
    static func send(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) -> Progress {
        while true {
            let count = unsafe bytes.withUnsafeBytes { bytes in
                unsafe Glibc.send(
                    descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            }
            if count >= 0 { return .bytes(count) }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            default: return .over
            }
        }
    }

    /// Sends `bytes` as far as they fit, for a last word on a connection that is about to end; whether all of it fitted.
    @discardableResult static func sendNow(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
        if case .bytes(bytes.count) = send(descriptor, bytes[...]) { return true }
        return false
    }

    /// Tells the peer that nothing more comes; what it sends is still read. A peer that is gone already needs no word.
    static func endSending(_ descriptor: Int32) { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Ends the connection both ways; whoever waits on the socket finds it over.
    static func cut(_ descriptor: Int32) { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Reads and drops what has arrived, at most one buffer of it.
    static func drop(_ descriptor: Int32, buffer: inout [UInt8]) -> Progress {
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { buffer in
                unsafe recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            }
            if count > 0 { return .bytes(count) }
            if count == 0 { return .over }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            default: return .over
            }
        }
    }

    /// Whether the peer has sent its end, and everything before it was read.
    static func hasEnded(_ descriptor: Int32) -> Bool {
        var byte: UInt8 = 0
        // Looks, and takes nothing.
        return unsafe recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT | MSG_PEEK)) == 0
    }

    /// Sends a part of a file, at most `length` bytes from `offset` on.
    static func sendFile(_ descriptor: Int32, _ file: Int32, offset: Int64, length: Int64) -> Progress {
        while true {
            var offset = off_t(offset)
            let count = unsafe sendfile(descriptor, file, &offset, Int(min(length, 1 << 20)))
            if count > 0 { return .bytes(count) }
            // The file is shorter than was announced.
            if count == 0 { return .over }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            default: return .over
            }
        }
    }

    /// Whether data came after the moment `since` (monotonic milliseconds). libmicrohttpd reads it at once and tells
    /// nobody, but the kernel remembers when the last of it came.
    static func hasReceived(_ descriptor: Int32, after since: Int64, now: Int64) -> Bool {
        var info = tcp_info()
        var size = socklen_t(MemoryLayout<tcp_info>.size)
        guard unsafe getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, &info, &size) == 0 else { return false }
        // The kernel counts in ticks of up to 10 ms.
        return now - Int64(info.tcpi_last_data_recv) > since + 10
    }
}
