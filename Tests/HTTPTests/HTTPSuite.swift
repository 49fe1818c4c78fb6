import Testing

/// One test at a time: the clients block their thread, and some tests measure time.
@Suite("HTTP", .serialized) enum HTTPSuite {}
