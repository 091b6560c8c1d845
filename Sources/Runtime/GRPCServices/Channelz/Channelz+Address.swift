internal import WellKnown

extension Grpc.Channelz.V1.Address {
  /// From the name that gRPC gives an address: "ipv4:127.0.0.1:80", "ipv6:[::1]:80",
  /// "unix:/run/x"; anything else is kept as text.
  init(grpcName name: String) {
    if name.hasPrefix("unix:") {
      self.init(address: .udsAddress(.init(filename: String(name.dropFirst(5)))))
    } else if let (bytes, port) = IPAddressText.parse(grpcName: name) {
      self.init(address: .tcpipAddress(.init(ipAddress: bytes, port: Int32(port))))
    } else {
      self.init(address: .otherAddress(.init(name: name)))
    }
  }
}

/// IP addresses in digits, as bytes in network order.
enum IPAddressText {
  /// The bytes and the port of "ipv4:a.b.c.d:port" or "ipv6:[…]:port".
  static func parse(grpcName name: String) -> (bytes: [UInt8], port: UInt16)? {
    guard let colon = name.lastIndex(of: ":"), let port = UInt16(name[name.index(after: colon)...])
    else { return nil }
    let rest = name[..<colon]
    if rest.hasPrefix("ipv4:") {
      return v4(rest.dropFirst(5)).map { ($0, port) }
    }
    guard rest.hasPrefix("ipv6:["), rest.hasSuffix("]") else { return nil }
    return v6(rest.dropFirst(6).dropLast()).map { ($0, port) }
  }

  /// Four bytes.
  static func v4(_ text: Substring) -> [UInt8]? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    let bytes = parts.compactMap { UInt8($0) }
    return parts.count == 4 && bytes.count == 4 ? bytes : nil
  }

  /// Sixteen bytes (RFC 4291, section 2.2); a zone after "%" is left out.
  static func v6(_ text: Substring) -> [UInt8]? {
    let digits = text.prefix { $0 != "%" }
    guard let gap = digits.firstRange(of: "::") else {
      return groups(digits).flatMap { $0.count == 16 ? $0 : nil }
    }
    guard let head = groups(digits[..<gap.lowerBound]),
      let tail = groups(digits[gap.upperBound...]), head.count + tail.count <= 14
    else { return nil }
    return head + [UInt8](repeating: 0, count: 16 - head.count - tail.count) + tail
  }

  /// Groups of hex digits, the last of which may be an IPv4 address.
  private static func groups(_ text: Substring) -> [UInt8]? {
    guard !text.isEmpty else { return [] }
    var bytes: [UInt8] = []
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    for (index, part) in parts.enumerated() {
      if index == parts.count - 1, part.contains("."), let last = v4(part) {
        bytes += last
      } else if (1...4).contains(part.utf8.count), let group = UInt16(part, radix: 16) {
        bytes += [UInt8(group >> 8), UInt8(truncatingIfNeeded: group)]
      } else {
        return nil
      }
    }
    return bytes
  }
}
