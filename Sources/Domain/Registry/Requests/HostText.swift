/// The texts that name places in a network, as far as their form goes.
enum HostText {
  /// ASCII that may stand in a URL as it is.
  static func isVisible(_ text: String) -> Bool {
    text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !"\"<>\\^`{|}".utf8.contains($0) }
  }

  /// A name or an address, IPv6 in brackets, with an optional port.
  static func isHostAndPort(_ text: Substring) -> Bool {
    var host = text
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]") else { return false }
      let inside = text[text.index(after: text.startIndex)..<end]
      return isIPv6(inside) && isPort(text[text.index(after: end)...])
    }
    if let colon = text.firstIndex(of: ":") {
      guard isPort(text[colon...]) else { return false }
      host = text[..<colon]
    }
    return !host.isEmpty && !host.hasPrefix(".") && !host.hasPrefix("-")
      && host.utf8.count <= 253
      && host.utf8.allSatisfy { $0.isLetterOrDigit || $0 == 45 || $0 == 46 || $0 == 95 }
  }

  private static func isPort(_ text: Substring) -> Bool {
    guard !text.isEmpty else { return true }
    guard text.hasPrefix(":"), let port = decimal(text.dropFirst(), max: 65535) else {
      return false
    }
    return port > 0
  }

  /// This machine, whatever the port.
  static func isLoopback(_ hostAndPort: Substring) -> Bool {
    if hostAndPort.hasPrefix("[") { return hostAndPort.hasPrefix("[::1]") }
    let host = hostAndPort.prefix { $0 != ":" }
    return host == "localhost" || host.hasPrefix("127.") && isIPv4(host)
  }

  /// An IP address, or one with the length of its network's prefix (RFC 4632, RFC 4291).
  static func isAddressOrBlock(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard let address = parts.first, parts.count <= 2 else { return false }
    let isLong = address.utf8.contains(UInt8(ascii: ":"))
    guard isLong ? isIPv6(address) : isIPv4(address) else { return false }
    return parts.count == 1 || decimal(parts[1], max: isLong ? 128 : 32) != nil
  }

  private static func isIPv4(_ text: Substring) -> Bool {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts.allSatisfy { decimal($0, max: 255) != nil }
  }

  private static func isIPv6(_ text: Substring) -> Bool {
    var groups = text.split(separator: ":", omittingEmptySubsequences: false)
    let isCutOff =
      text.hasPrefix(":") && !text.hasPrefix("::") || text.hasSuffix(":") && !text.hasSuffix("::")
    guard !isCutOff else { return false }
    // At one end a double colon is two empty parts.
    if text.hasPrefix("::") { groups.removeFirst() }
    if text.hasSuffix("::"), groups.count > 1 { groups.removeLast() }
    var count = groups.count
    if let last = groups.last, last.utf8.contains(UInt8(ascii: ".")) {
      guard isIPv4(last) else { return false }
      groups.removeLast()
      count += 1
    }
    let emptyCount = groups.count { $0.isEmpty }
    let areGood = groups.allSatisfy { group in
      group.utf8.count <= 4
        && group.utf8.allSatisfy { UnicodeScalar($0).properties.isASCIIHexDigit }
    }
    return areGood && (emptyCount == 0 ? count == 8 : emptyCount == 1 && count <= 8)
  }

  /// Without sign or leading zero.
  private static func decimal(_ text: Substring, max: Int) -> Int? {
    guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }),
      text.utf8.count == 1 || !text.hasPrefix("0"), let value = Int(text), value <= max
    else { return nil }
    return value
  }

  /// A token of RFC 3261, section 25.1, as headers' names are.
  static func isToken(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { $0.isLetterOrDigit || "-.!%*_+`'~".utf8.contains($0) }
  }
}
