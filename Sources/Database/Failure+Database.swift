package import Domain

extension Failure {
    /// What a request is answered with when the database fails it. What exactly failed goes to the log.
    package init(database error: DatabaseError) {
        switch error {
        case .full: self.init(.insufficientStorage, privateDetail: error.description)
        case .busy, .overloaded: self.init(.overloaded, privateDetail: error.description, retryAfterSeconds: 1)
        case .closed: self.init(.shuttingDown, privateDetail: error.description, retryAfterSeconds: 5)
        default: self.init(.internal, privateDetail: error.description)
        }
    }
}
