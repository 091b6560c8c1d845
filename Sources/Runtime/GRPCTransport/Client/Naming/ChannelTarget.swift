package import EventLoops

/// Where a channel's servers are (grpc/doc/naming.md).
package struct ChannelTarget: Sendable, CustomStringConvertible {
  enum Kind: Sendable {
    /// To be looked up.
    case name(host: String, port: UInt16)
    case addresses([SocketAddress])
  }

  /// A text names no target.
  package struct Malformed: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
  }

  /// The most addresses of one target; more are left out of what a name has, and refused in a list.
  package static let addressCountMax = 128
  /// The port where none is written, as in other gRPCs.
  package static let portDefault: UInt16 = 443

  let kind: Kind
  /// What requests name as ":authority", unless the configuration says otherwise.
  let authority: String
  /// As it was written.
  package let description: String

  /// A host, a name or an address in digits, and its port.
  package init(host: String, port: UInt16) {
    authority = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    description = authority
    if let address = SocketAddress(literal: host, port: port) {
      kind = .addresses([address])
    } else {
      kind = .name(host: host, port: port)
    }
  }

  /// The servers at `addresses`, of which there is at least one.
  package init(addresses: [SocketAddress]) {
    precondition(!addresses.isEmpty, "a target has an address")
    kind = .addresses(addresses)
    authority = Self.authority(of: addresses[0])
    description = addresses.map(\.description).joined(separator: ",")
  }

  /// Reads "host", "host:port", "dns:///host:port", "ipv4:1.2.3.4:80,1.2.3.5:80",
  /// "ipv6:[::1]:80,[::2]:80", "unix:path", "unix:///path" or "unix-abstract:name".
  package init(parsing text: String) throws(Malformed) {
    let (scheme, rest) = Self.split(text)
    switch scheme {
    case "dns":
      let host = try Self.endpoint(Self.withoutAuthority(rest, in: text), in: text)
      self.init(host: host.host, port: host.port)
    case "ipv4", "ipv6":
      var addresses: [SocketAddress] = []
      for part in rest.split(separator: ",", omittingEmptySubsequences: false) {
        let (host, port) = try Self.endpoint(String(part), in: text)
        guard let address = SocketAddress(literal: host, port: port),
          address.isIPv6 == (scheme == "ipv6")
        else { throw Self.malformed(text, "\(part) is no address of \(scheme)") }
        addresses.append(address)
      }
      guard addresses.count <= Self.addressCountMax else {
        throw Self.malformed(
          text, "it has \(addresses.count) addresses; the limit is \(Self.addressCountMax)")
      }
      self.init(addresses: addresses)
    case "unix", "unix-abstract":
      guard let address = SocketAddress(target: text) else {
        throw Self.malformed(
          text, "it needs a path of 1 to \(SocketAddress.unixNameByteCountMax) bytes")
      }
      self.init(addresses: [address])
    default:
      let (host, port) = try Self.endpoint(text, in: text)
      self.init(host: host, port: port)
    }
  }

  /// The schemes that are known; "host:80" has none of them.
  private static func split(_ text: String) -> (scheme: String, rest: String) {
    for scheme in ["dns", "ipv4", "ipv6", "unix", "unix-abstract"] {
      let prefix = scheme + ":"
      guard text.hasPrefix(prefix) else { continue }
      let rest = String(text.dropFirst(prefix.count))
      // A host may be called "dns"; then a number follows.
      if UInt16(rest) != nil { continue }
      return (scheme, rest)
    }
    return ("", text)
  }

  private static func withoutAuthority(
    _ rest: String, in text: String
  ) throws(Malformed) -> String {
    guard rest.hasPrefix("/") else { return rest }
    guard rest.hasPrefix("///") else {
      throw malformed(text, "a DNS server of its own is not supported; write dns:///host:port")
    }
    return String(rest.dropFirst(3))
  }

  private static func endpoint(
    _ text: String, in whole: String
  ) throws(Malformed) -> (host: String, port: UInt16) {
    if let found = SocketAddress.split(text) { return found }
    var host = text
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    guard !host.isEmpty, !host.contains("/"), !host.contains("["), !host.contains("]"),
      !host.contains(":") || SocketAddress(literal: host, port: 0) != nil
    else { throw malformed(whole, "\(text) is no host:port") }
    return (host, portDefault)
  }

  private static func authority(of address: SocketAddress) -> String {
    if address.isUnix { return "localhost" }
    return address.isIPv6
      ? "[\(address.host)]:\(address.port)" : "\(address.host):\(address.port)"
  }

  private static func malformed(_ text: String, _ reason: String) -> Malformed {
    Malformed(description: "\(text) is no target of a channel: \(reason).")
  }
}
