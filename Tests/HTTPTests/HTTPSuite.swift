import TestSupport
import Testing

/// One test at a time: some tests measure time. The clients block their thread, which must not be one of the cooperative
/// pool's: there are as few as cores, and every other suite's tests would wait for them.
@Suite("HTTP", .serialized, .blocking, .timeLimit(.minutes(2))) enum HTTPSuite {}
