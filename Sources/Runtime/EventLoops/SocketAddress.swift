internal import CUV
internal import Glibc

/// An IP address with a port, or the name of a unix socket.
@safe package struct SocketAddress: Sendable, CustomStringConvertible {
  // `sockaddr_storage` is plain bytes; strict memory safety can't know it.
  let storage: sockaddr_storage
  /// How many bytes of it count; the name of a unix socket has no other end.
  let length: socklen_t

  init(_ storage: sockaddr_storage, length: socklen_t) {
    self.storage = storage
    self.length = length
  }

  /// An address written in digits: "127.0.0.1" or "::1". `nil` for anything else.
  package init?(literal host: String, port: UInt16) {
    var storage = sockaddr_storage()
    let length = unsafe withUnsafeMutablePointer(to: &storage) { pointer -> Int? in
      let v4 = unsafe UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr_in.self)
      if unsafe uv_ip4_addr(host, Int32(port), v4) == 0 { return MemoryLayout<sockaddr_in>.size }
      let v6 = unsafe UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr_in6.self)
      if unsafe uv_ip6_addr(host, Int32(port), v6) == 0 { return MemoryLayout<sockaddr_in6>.size }
      return nil
    }
    guard let length else { return nil }
    self.init(storage, length: socklen_t(length))
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

  var family: Int32 { Int32(storage.ss_family) }

  package var isIPv6: Bool { family == AF_INET6 }
  package var isUnix: Bool { family == AF_UNIX }
  var isIP: Bool { family == AF_INET || family == AF_INET6 }

  /// 0 if it was left to the system, and for a unix socket.
  package var port: UInt16 {
    guard isIP else { return 0 }
    var storage = storage
    return unsafe withUnsafePointer(to: &storage) { pointer in
      // The port is at the same place in both families.
      let v4 = unsafe UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr_in.self)
      return UInt16(bigEndian: unsafe v4.pointee.sin_port)
    }
  }

  /// The same IP address with another port; a unix socket has none and stays as it is.
  package func with(port: UInt16) -> SocketAddress {
    guard isIP else { return self }
    var storage = storage
    unsafe withUnsafeMutablePointer(to: &storage) { pointer in
      let v4 = unsafe UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr_in.self)
      unsafe v4.pointee.sin_port = port.bigEndian
    }
    return SocketAddress(storage, length: length)
  }

  /// The IP address in digits; for a unix socket its path, or "" when it has none.
  package var host: String {
    guard isIP else { return unixPath ?? "" }
    return unsafe withPointer { address, _ in
      unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
        guard let start = buffer.baseAddress, unsafe uv_ip_name(address, start, 64) == 0 else {
          return "?"
        }
        return unsafe String(cString: start)
      }
    }
  }

  /// As gRPC names a peer: "ipv4:127.0.0.1:40112", "ipv6:[::1]:40112", "unix:/run/a.sock",
  /// "unix-abstract:a"; a unix client without a name is "unix:".
  package var description: String {
    if isUnix { return unixDescription }
    return isIPv6 ? "ipv6:[\(host)]:\(port)" : "ipv4:\(host):\(port)"
  }

  func withPointer<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
    var storage = storage
    return unsafe withUnsafePointer(to: &storage) { pointer in
      unsafe body(UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), length)
    }
  }

  /// What `fill` (getsockname, getpeername) writes; `nil` when it fails.
  static func filled(
    by fill: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
  ) -> SocketAddress? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let code = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
      unsafe fill(
        UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), &length)
    }
    return code == 0 ? SocketAddress(storage, length: length) : nil
  }
}
