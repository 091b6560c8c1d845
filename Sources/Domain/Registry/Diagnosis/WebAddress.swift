/// An http or https URL, taken apart as far as a diagnosis needs it.
struct WebAddress: Sendable, Hashable {
  let isHTTPS: Bool
  /// As it stands there, without user, port and the brackets of an IPv6 address.
  let host: String

  /// The longest name that DNS has.
  private static let hostLengthMax = 253

  /// nil unless there are a scheme and a plausible host.
  init?(_ url: String) {
    guard let scheme = ["http://", "https://"].first(where: { url.lowercased().hasPrefix($0) })
    else { return nil }
    isHTTPS = scheme == "https://"
    let authority = url.dropFirst(scheme.count).prefix { !"/?#\\".contains($0) }
    var host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
    if host.hasPrefix("["), let end = host.firstIndex(of: "]") {
      host = host[host.index(after: host.startIndex)..<end]
    } else {
      host = host.prefix { $0 != ":" }
    }
    guard !host.isEmpty, host.utf8.count <= Self.hostLengthMax,
      host.utf8.allSatisfy({ $0.isLetterOrDigit || "-_.:".utf8.contains($0) })
    else { return nil }
    self.host = String(host)
  }

  /// For evidence: the host, and nothing of the path, which may hold a secret.
  static func host(of url: String) -> String {
    url.isEmpty ? "no address" : WebAddress(url)?.host ?? "an address of another form"
  }

  /// Nobody on the internet reaches it: a loopback, private or link-local address, or a name of a
  /// local network (RFC 1918, 4193, 4291, 6598, 6761).
  var isPrivate: Bool {
    let name = host.lowercased()
    if name.contains(":") {
      return name == "::1"
        || ["fc", "fd", "fe8", "fe9", "fea", "feb"].contains { name.hasPrefix($0) }
    }
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    let octets = parts.compactMap { UInt8($0) }
    if octets.count == 4 && parts.count == 4 {
      switch (octets[0], octets[1]) {
      case (127, _), (10, _), (0, _), (192, 168), (169, 254): return true
      case (172, 16...31), (100, 64...127): return true
      default: return false
      }
    }
    return parts.count == 1
      || ["localhost", "local", "internal", "lan"].contains { name.hasSuffix("." + $0) }
  }
}
