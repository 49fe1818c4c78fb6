package import Domain

extension Failure {
    /// What a request is answered with when the storage fails it. What exactly failed goes to the log.
    package init(storage error: BlobStoreError) {
        switch error {
        case .full: self.init(.insufficientStorage, privateDetail: error.description)
        case .inUse:
            self.init(
                .conflict, "Another request is sending the bytes of this upload right now.", retryAfterSeconds: 1)
        case .notWritable: self.init(.insufficientStorage, .notWritable, privateDetail: error.description)
        default: self.init(.internal, privateDetail: error.description)
        }
    }
}
