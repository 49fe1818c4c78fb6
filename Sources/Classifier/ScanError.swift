/// Why a file has no score.
package enum ScanError: Error, Hashable, Sendable {
    /// The file cannot be decoded or breaks a limit. The explanation may be shown to the client.
    case unscannable(String)
    /// This build does not decode the file's type. The explanation may be shown to the client.
    case unsupported(String)
    /// The classifier is to blame, not the file.
    case classifier(ClassifierError)
}
