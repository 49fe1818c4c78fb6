package import Foundation

extension [UInt8] {
    package init(contentsOf url: URL) throws { self.init(try Data(contentsOf: url)) }

    /// Whether `pattern` occurs anywhere.
    package func contains(_ pattern: [UInt8]) -> Bool { Data(self).range(of: Data(pattern)) != nil }
}
