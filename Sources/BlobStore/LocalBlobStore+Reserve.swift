internal import Glibc
internal import SystemCalls

/// Room on the disk that is kept for what frees room. Where the disk is full, a deletion has to be written down before
/// the content can go, and a start has to settle what a crash left: the file gives its blocks up for that, and is made
/// again when there is room.
extension LocalBlobStore {
    /// Some hundred deletions' worth of the database's log.
    private static let reserveBytes = 4 << 20
    private static let pieceBytes = 1 << 18

    private static func reservePath(_ directory: String) -> String { directory + "/reserve" }

    /// Gives the room up.
    /// - Returns: whether there was any.
    package func giveUpReserve() -> Bool { Self.giveUpReserve(of: directory.path) }

    /// The same for a directory whose database cannot even be opened.
    package static func giveUpReserve(of directory: String) -> Bool {
        (try? FileSystem.unlink(reservePath(directory))) ?? false
    }

    /// Takes the room, where it is not taken already and leaves as much again to others.
    /// - Returns: whether it is taken now.
    @discardableResult
    package func takeReserve() throws(BlobStoreError) -> Bool {
        let path = Self.reservePath(directory.path)
        let partial = path + ".new"
        do throws(SystemCallError) {
            if try FileStatus.of(path) != nil { return true }
            guard try FileSystem.freeBytes(at: directory.path) >= 2 * Int64(Self.reserveBytes) else { return false }
            try FileSystem.unlink(partial)
            let file = try FileSystem.open(partial, .create)
            // Written, and not only lengthened: a hole reserves nothing.
            let piece = [UInt8](repeating: 0, count: Self.pieceBytes)
            for _ in 0..<(Self.reserveBytes / Self.pieceBytes) { try file.write(piece) }
            try file.sync()
            try file.close()
            try FileSystem.rename(partial, to: path)
            return true
        } catch {
            _ = try? FileSystem.unlink(partial)
            if [ENOSPC, EDQUOT].contains(error.number) { return false }
            throw BlobStoreError(error)
        }
    }
}
