import Domain
import Telemetry

/// What the access log tells about one request.
struct AccessEntry: Sendable {
    /// Both are empty until the header section is complete.
    var id = ""
    var method = ""
    /// Without the query, which may hold what is nobody's business.
    let path: String
    let remoteAddress: String
    let startedSeconds = SystemTime.monotonicSeconds()
    /// 0 while nothing was answered.
    var status = 0
    var bytesIn: Int64 = 0
    var bytesOut: Int64 = 0
    var extraFields: JSONObject = [:]
    var isWritten = false

    init(target: [UInt8], remoteAddress: String) {
        path = String(decoding: target.prefix { $0 != UInt8(ascii: "?") }.prefix(1_024), as: UTF8.self)
        self.remoteAddress = remoteAddress
    }

    mutating func describe(_ raw: RawHead, id: String) {
        self.id = id
        method = RequestHead.printable(raw.method)
    }

    mutating func answered(_ response: Response, _ method: HTTPMethod?) {
        status = response.status
        bytesOut = response.sentLength(to: method)
        extraFields = response.logFields
    }
}
