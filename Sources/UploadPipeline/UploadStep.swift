import Domain

/// One step of the path of an upload.
struct UploadStep: Sendable {
    typealias Body = @Sendable (UploadServices, inout UploadContext) async throws(Failure) -> Void

    /// Names the step in metrics.
    let name: String
    /// Whether the step also runs for a request that repeats one that was answered.
    let runsOnReplay: Bool
    let run: Body

    private init(_ name: String, onReplay: Bool = true, _ run: @escaping Body) {
        self.name = name
        runsOnReplay = onReplay
        self.run = run
    }

    private static let takePlace = UploadStep("take_place") { services, context throws(Failure) in
        try services.takePlace(&context)
    }
    private static let sniff = UploadStep("sniff", onReplay: false) { services, context throws(Failure) in
        try services.sniff(&context)
    }
    private static let gate = UploadStep("gate", onReplay: false) { services, context throws(Failure) in
        try await services.gate(&context)
    }
    private static let store = UploadStep("store", onReplay: false) { services, context throws(Failure) in
        try await services.store(&context)
    }
    private static let commit = UploadStep("commit", onReplay: false) { services, context throws(Failure) in
        try await services.commit(&context)
    }

    /// What is left of the path for an upload that was announced and sent before, when it is confirmed.
    static let confirmation: [UploadStep] = [
        takePlace, sniff, gate,
        UploadStep("require_verdict") { services, context throws(Failure) in try services.requireVerdict(&context) },
        store, commit,
    ]

    /// The path of one upload, in order. The first four run before the body is read, but for a small one.
    static let all: [UploadStep] = [
        UploadStep("authenticate") { services, context throws(Failure) in
            try services.authenticate(&context)
        },
        takePlace,
        UploadStep("limit_rate") { services, context throws(Failure) in
            try services.limitRate(&context)
        },
        UploadStep("hold_credits") { services, context throws(Failure) in
            try await services.holdCredits(&context)
        },
        UploadStep("spool") { services, context throws(Failure) in
            try await services.spool(&context)
        },
        sniff, gate, store, commit,
        UploadStep("respond") { services, context throws(Failure) in
            try services.respond(&context)
        },
    ]
}
