/// Why a picture gives no pixels. The explanations name no private detail: they may be shown to the client.
package enum DecodingError: Error, Hashable, Sendable {
    /// The bytes are not a whole picture of their type.
    case corrupt(String)
    /// The picture needs more than the limits allow.
    case limitExceeded(String)
    /// The picture uses what this build does not decode.
    case unsupported(String)

    package var explanation: String {
        switch self {
        case .corrupt(let text), .limitExceeded(let text), .unsupported(let text): text
        }
    }
}
