internal import Glibc

extension SocketAddress {
  /// What tells one client from another where connections are counted: an IPv4 address, or the
  /// first 64 bits of an IPv6 address, since one client has all of those (RFC 4291, section 2.5.1).
  /// `nil` for a unix socket.
  package var network: UInt64? {
    guard isIP else { return nil }
    return unsafe withPointer { address, _ in
      let raw = unsafe UnsafeRawPointer(address)
      guard isIPv6 else {
        let v4 = unsafe raw.assumingMemoryBound(to: sockaddr_in.self)
        return UInt64(UInt32(bigEndian: unsafe v4.pointee.sin_addr.s_addr))
      }
      // The address is at byte 8 of sockaddr_in6 (RFC 3493, section 3.3).
      let high = unsafe UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      let low = unsafe UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
      // ::ffff:a.b.c.d is the IPv4 address a.b.c.d.
      return high == 0 && low >> 32 == 0xFFFF ? low & 0xFFFF_FFFF : high
    }
  }
}
