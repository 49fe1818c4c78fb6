/// Which targets of strangers' choice something may be sent to: hosts of the public internet by `https`, and what the
/// operator names besides.
package struct TargetRules: Sendable {
    private var hosts: Set<String> = []
    private var blocks: [AddressBlock] = []

    /// Only the public internet.
    package init() {}

    /// - Parameter allowed: hosts, `host:port`, and blocks of addresses, separated by commas; nil for anything else.
    package init?(allowed: String) {
        for part in allowed.split(separator: ",") {
            let entry = Self.trimmed(part).lowercased()
            if entry.isEmpty { continue }
            if entry.contains("/") {
                guard let block = AddressBlock(entry) else { return nil }
                blocks.append(block)
            } else {
                guard let url = WebURL("https://\(entry)/"), url.text == "https://\(entry)/", url.port != 0,
                    url.host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy({ !$0.isEmpty })
                else { return nil }
                hosts.insert(entry)
            }
        }
    }

    /// Without blanks at its ends; one inside is a comma that somebody forgot.
    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }

    /// Whether the operator named the host, so that plain `http`, any port and any address are good enough.
    private func isNamed(_ url: WebURL) -> Bool {
        if hosts.contains(url.host) || hosts.contains("\(url.host):\(url.port)") { return true }
        guard let address = NetworkAddress(literal: url.host) else { return false }
        return blocks.contains { $0.contains(address) }
    }

    package func allowsPlainText(_ url: WebURL) -> Bool { isNamed(url) }

    /// Whether a connection may be made to an address that the URL's host has now.
    package func mayConnect(to address: NetworkAddress, for url: WebURL) -> Bool {
        address.isPublic || isNamed(url) || blocks.contains { $0.contains(address) }
    }

    /// Why the URL is refused as it is written, before any name is looked up; nil where it is not.
    package func problem(with text: String) -> String? {
        guard let url = WebURL(text) else {
            return "is not a URL of the form https://example.org/path, without credentials and fragment"
        }
        if isNamed(url) { return nil }
        if url.scheme != "https" { return "is not https" }
        if url.port != 443, url.port < 1_024 {
            return "has the port \(url.port); 443 and those from 1024 on are allowed"
        }
        if let address = NetworkAddress(literal: url.host), !address.isPublic {
            return "leads to an address that events are not sent to"
        }
        return nil
    }
}
