internal import CRSVG
internal import Domain

/// Base 64 (RFC 4648), by GLib.
enum Base64 {
    static func dataURI(type: MediaType, _ data: [UInt8]) -> [UInt8] {
        // The text ends with a zero, and is freed here.
        let text = unsafe data.withUnsafeBufferPointer { unsafe g_base64_encode($0.baseAddress, gsize($0.count)) }
        guard let text = unsafe text else { return [] }
        defer { unsafe g_free(text) }
        return unsafe Array("data:\(type.rawValue);base64,".utf8)
            + Array(UnsafeRawBufferPointer(start: text, count: String(cString: text).utf8.count))
    }
}
