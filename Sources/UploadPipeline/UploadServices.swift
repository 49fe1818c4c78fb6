package import Admission
package import Authentication
package import BlobStore
package import Charge
package import Database
package import Domain
package import Gate
package import Spool
package import Store
package import Telemetry

/// What the steps work with.
package struct UploadServices: Sendable {
    package var authenticator: Authenticator
    package var limiter: RateLimiter
    package var credits: CreditAdmission
    package var receiver: UploadReceiver
    package var gate: UploadGate
    package var content: ContentStore
    package var register: UploadRegister
    package var blobs: LocalBlobStore
    package var database: any DatabaseDriver
    package var time: any TimeSource
    package var metrics: UploadMetrics
    package var log: Logger
    package let undos: UndoQueue

    package init(
        authenticator: Authenticator, limiter: RateLimiter, credits: CreditAdmission, receiver: UploadReceiver,
        gate: UploadGate, content: ContentStore, register: UploadRegister, blobs: LocalBlobStore,
        database: any DatabaseDriver, time: any TimeSource, metrics: UploadMetrics, log: Logger
    ) {
        self.authenticator = authenticator
        self.limiter = limiter
        self.credits = credits
        self.receiver = receiver
        self.gate = gate
        self.content = content
        self.register = register
        self.blobs = blobs
        self.database = database
        self.time = time
        self.metrics = metrics
        self.log = log
        undos = UndoQueue(log: log)
    }
}
