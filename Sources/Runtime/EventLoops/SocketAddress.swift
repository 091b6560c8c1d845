internal import CUV
internal import Glibc

/// An IP address with a port.
@safe package struct SocketAddress: Sendable, CustomStringConvertible {
  // `sockaddr_storage` is plain bytes; strict memory safety can't know it.
  let storage: sockaddr_storage

  init(_ storage: sockaddr_storage) { self.storage = storage }

  /// An address written in digits: "127.0.0.1" or "::1". `nil` for anything else.
  package init?(literal host: String, port: UInt16) {
    var storage = sockaddr_storage()
    let isParsed = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
      let v4 = unsafe UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr_in.self)
      if unsafe uv_ip4_addr(host, Int32(port), v4) == 0 { return true }
      let v6 = unsafe UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr_in6.self)
      return unsafe uv_ip6_addr(host, Int32(port), v6) == 0
    }
    guard isParsed else { return nil }
    self.storage = storage
  }

  /// Splits "host:port" or "[v6]:port" into its halves; `nil` if it is neither.
  package static func split(_ text: String) -> (host: String, port: UInt16)? {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...])
    else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    return host.isEmpty ? nil : (String(host), port)
  }

  /// 0 if it was left to the system.
  package var port: UInt16 {
    var storage = storage
    return unsafe withUnsafePointer(to: &storage) { pointer in
      // The port is at the same place in both families.
      let v4 = unsafe UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr_in.self)
      return UInt16(bigEndian: unsafe v4.pointee.sin_port)
    }
  }

  /// The same address with another port.
  package func with(port: UInt16) -> SocketAddress {
    var storage = storage
    unsafe withUnsafeMutablePointer(to: &storage) { pointer in
      let v4 = unsafe UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr_in.self)
      unsafe v4.pointee.sin_port = port.bigEndian
    }
    return SocketAddress(storage)
  }

  package var isIPv6: Bool { storage.ss_family == sa_family_t(AF_INET6) }

  /// The address in digits.
  package var host: String {
    unsafe withPointer { address in
      unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
        guard let start = buffer.baseAddress, unsafe uv_ip_name(address, start, 64) == 0 else {
          return "?"
        }
        return unsafe String(cString: start)
      }
    }
  }

  /// As gRPC names a peer: "ipv4:127.0.0.1:40112", "ipv6:[::1]:40112".
  package var description: String { isIPv6 ? "ipv6:[\(host)]:\(port)" : "ipv4:\(host):\(port)" }

  func withPointer<R>(_ body: (UnsafePointer<sockaddr>) -> R) -> R {
    var storage = storage
    return unsafe withUnsafePointer(to: &storage) { pointer in
      unsafe body(UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self))
    }
  }

  /// What `fill` (uv_tcp_getsockname, uv_tcp_getpeername) writes.
  static func filled(
    by fill: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<Int32>) -> Int32
  ) -> SocketAddress? {
    var storage = sockaddr_storage()
    var length = Int32(MemoryLayout<sockaddr_storage>.size)
    let code = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
      unsafe fill(
        UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), &length)
    }
    return code == 0 ? SocketAddress(storage) : nil
  }
}
