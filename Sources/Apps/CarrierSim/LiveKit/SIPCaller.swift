/// A SIP call as LiveKit's SIP service sees it come.
struct SIPCaller: Sendable, Hashable {
  let from: String
  let to: String
  /// Where it comes from, IPv4; nil when nobody looks at it.
  var address: String?
  /// What the caller authenticates with when asked.
  var username = ""
  var password = ""
  /// What the caller types.
  var pin = ""
  /// Put on the participant.
  var attributes: [String: String] = [:]

  /// `address` is one of `allowed`: addresses and blocks (RFC 4632); an empty list holds all.
  func comes(from allowed: [String]) -> Bool {
    guard let address, let number = Self.number(address), !allowed.isEmpty else { return true }
    return allowed.contains { entry in
      let parts = entry.split(separator: "/", maxSplits: 1).map(String.init)
      guard let base = parts.first.flatMap(Self.number) else { return false }
      let length = parts.count == 2 ? Int(parts[1]) ?? -1 : 32
      guard (0...32).contains(length) else { return false }
      let mask: UInt32 = length == 0 ? 0 : ~0 << UInt32(32 - length)
      return number & mask == base & mask
    }
  }

  private static func number(_ address: String) -> UInt32? {
    let parts = address.split(separator: ".", omittingEmptySubsequences: false)
    let octets = parts.compactMap { UInt8($0) }
    guard parts.count == 4, octets.count == 4 else { return nil }
    return octets.reduce(0) { $0 << 8 | UInt32($1) }
  }
}

/// What LiveKit's SIP service makes of a call that comes in.
enum SIPArrival: Sendable, Hashable {
  case refused(status: Int, reason: String)
  /// The rule wants a PIN, and the caller typed none.
  case asksPIN(trunk: String, rule: String)
  case joined(trunk: String, rule: String, room: String, call: String)

  var json: JSON {
    switch self {
    case .refused(let status, let reason):
      ["sip_status": .integer(status), "reason": .string(reason)]
    case .asksPIN(let trunk, let rule):
      ["trunk_id": .string(trunk), "rule_id": .string(rule), "asks_pin": true]
    case .joined(let trunk, let rule, let room, let call):
      [
        "trunk_id": .string(trunk), "rule_id": .string(rule), "room": .string(room),
        "call_id": .string(call),
      ]
    }
  }
}
