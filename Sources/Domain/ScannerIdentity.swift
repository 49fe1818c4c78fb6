/// What a verdict depends on beside the file: as long as it is the same, so is the verdict.
package struct ScannerIdentity: Hashable, Sendable {
    package let model: ModelIdentity
    /// Of everything that may change a score or a refusal: the models and the margin between them, the preprocessing, the program that decodes and
    /// scores with all of its libraries, and the limits. Never of a policy.
    package let fingerprint: ContentHash

    package init(model: ModelIdentity, fingerprint: ContentHash) {
        self.model = model
        self.fingerprint = fingerprint
    }
}
