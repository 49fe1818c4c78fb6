import Domain

/// What stands before the content of one part of a form.
package struct MultipartPart: Hashable, Sendable {
    /// The name of the form field.
    package let name: String
    /// As the client gave it, with anything in it; nil where the part is no file.
    package let filename: String?
    package let contentType: String?

    /// Reads the header section of a part, without its last empty line. `problem` makes the failure out of what is
    /// wrong.
    init(header: [UInt8], problem: (String) -> Failure) throws(Failure) {
        var disposition: String?
        var type: String?
        for line in try Self.lines(header, problem: problem) {
            guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")), ASCII.isToken(line[..<colon].utf8) else {
                throw problem("a header line is malformed; expected 'Name: value'")
            }
            let name = line[..<colon]
            let value = String(ASCII.trimmed(line[line.utf8.index(after: colon)...]))
            if ASCII.equalsIgnoringCase(name, "Content-Disposition") {
                guard disposition == nil else { throw problem("it has two Content-Disposition fields") }
                disposition = value
            } else if ASCII.equalsIgnoringCase(name, "Content-Type") {
                guard type == nil else { throw problem("it has two Content-Type fields") }
                type = value
            } else if ASCII.equalsIgnoringCase(name, "Content-Transfer-Encoding") {
                guard ["7bit", "8bit", "binary"].contains(where: { ASCII.equalsIgnoringCase($0, value) }) else {
                    throw problem("its Content-Transfer-Encoding is not supported; expected binary")
                }
            }
        }
        guard let disposition else { throw problem("it has no Content-Disposition") }
        contentType = type
        (name, filename) = try Self.names(disposition, problem: problem)
    }

    private static func lines(_ header: [UInt8], problem: (String) -> Failure) throws(Failure) -> [String] {
        var lines: [String] = []
        // The parser has seen to it that every CR is followed by LF, and every LF follows a CR.
        for line in header.split(separator: ASCII.lineFeed) {
            let line = line.dropLast()
            guard line.allSatisfy(ASCII.isFieldValue) else { throw problem("a header line holds a control character") }
            guard let text = String(validating: line, as: UTF8.self) else {
                throw problem("a header line is not UTF-8")
            }
            lines.append(text)
        }
        return lines
    }

    private static func names(
        _ disposition: String, problem: (String) -> Failure
    ) throws(Failure) -> (String, String?) {
        let field: ParameterizedField
        do throws(ParameterizedField.Problem) {
            field = try ParameterizedField(reading: disposition)
        } catch {
            throw problem("its Content-Disposition is malformed: \(error.text)")
        }
        guard field.value == "form-data" else {
            throw problem("its Content-Disposition is malformed; expected form-data")
        }
        guard let name = field.parameters["name"] else { throw problem("its Content-Disposition has no name") }
        guard let extended = field.parameters["filename*"] else { return (name, field.parameters["filename"]) }
        // RFC 7578 forbids it, but old clients send it for names outside of ASCII. Two names for one file would let the
        // client be read in two ways.
        guard field.parameters["filename"] == nil else { throw problem("it has both filename and filename*") }
        let pieces = extended.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
        guard pieces.count == 3, ASCII.equalsIgnoringCase(pieces[0], "utf-8"),
            let filename = PercentEncoding.decode(pieces[2].utf8)
        else { throw problem("its filename* is malformed; expected UTF-8''percent-encoded") }
        return (name, filename)
    }
}
