import Foundation
import TestSupport
import Testing

@Suite("Large uploads", .service())
struct LargeUploadTests {
    /// `TEST_UPLOAD_MEBIBYTES=1024 make test SUITES=LargeUploadTests` for the size that is promised.
    private static let mebibytes = Int64(ProcessInfo.processInfo.environment["TEST_UPLOAD_MEBIBYTES"] ?? "") ?? 300

    @Test("A large upload and its download take constant memory")
    func constantMemory() throws {
        let tenant = try Service.tenant()
        let service = tenant.service
        _ = try tenant.accepted(Sample.noise(1_000_000))
        let before = try service.residentBytes()
        let start = try tenant.credits()
        let sending = Flag()
        let highest = Concurrent.start {
            var highest = 0
            while sending.isSet {
                highest = max(highest, try service.residentBytes())
                pause(milliseconds: 20)
            }
            return highest
        }
        let length = Self.mebibytes * 1_048_576
        let answer = try tenant.send(
            HTTPRequest("POST", Tenant.target(filename: "large.bin"), body: .zeros(after: Sample.text, length: length)))
        #expect(answer.status == 201)
        let upload = try answer.json
        #expect(upload["file_size_bytes"].int.map(Int64.init) == length)
        #expect(upload["credits_charged"].int.map(Int64.init) == Self.mebibytes)
        #expect(try tenant.credits() == start - Int(Self.mebibytes))

        let id = try #require(upload["upload_id"].string)
        let tail = try tenant.send(HTTPRequest("GET", "/v1/uploads/\(id)/content").adding("Range", "bytes=-20000000"))
        #expect(tail.status == 206)
        #expect(tail.body.count == 20_000_000)
        sending.clear()
        let growth = try highest.value() - before
        #expect(growth < 64 * 1_048_576, "resident memory grew by \(growth / 1_048_576) MiB")
    }
}
