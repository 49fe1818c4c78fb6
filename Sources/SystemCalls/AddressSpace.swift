import Glibc

package enum AddressSpace {
    /// Whether `bytes` more could be mapped now. Touches no memory.
    package static func hasRoom(forBytes bytes: Int) -> Bool {
        // A fresh inaccessible mapping, gone before anybody learns its address.
        guard let address = unsafe mmap(nil, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
            unsafe address != MAP_FAILED
        else { return false }
        unsafe munmap(address, bytes)
        return true
    }
}
