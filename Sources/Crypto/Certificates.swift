internal import CCrypto

/// X.509 certificates as files hold them. Here the library reads what may be anything, so that no failure of it is ours.
package enum Certificates {
    /// How many certificates a PEM file's bytes begin with; what stands around them does not count.
    package static func count(inPEM bytes: [UInt8]) -> Int {
        guard !bytes.isEmpty, let length = Int32(exactly: bytes.count) else { return 0 }
        var count = 0
        // An empty password, so that nobody is asked for one on a terminal.
        var password: [UInt8] = [0]
        unsafe bytes.withUnsafeBytes { bytes in
            unsafe password.withUnsafeMutableBytes { password in
                // It reads the bytes where they are, and is gone before them.
                guard let source = unsafe BIO_new_mem_buf(bytes.baseAddress, length) else { return }
                defer { unsafe BIO_free(source) }
                while let certificate = unsafe PEM_read_bio_X509(source, nil, nil, password.baseAddress) {
                    unsafe X509_free(certificate)
                    count += 1
                }
            }
        }
        // At the end of the file there is no further certificate, which is an error to the library.
        ERR_clear_error()
        return count
    }
}
