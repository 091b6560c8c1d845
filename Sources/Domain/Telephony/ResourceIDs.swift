/// A kind of resource of ours: its identifiers are UUIDs of version 7.
package protocol ResourceKind: IdentifierKind {}

package enum TenantKind: ResourceKind { package static let prefix = "ten_" }
package enum ProviderKind: ResourceKind { package static let prefix = "prv_" }
package enum PhoneNumberKind: ResourceKind { package static let prefix = "pn_" }
package enum OperationKind: ResourceKind { package static let prefix = "op_" }

/// Who owns resources.
package typealias TenantID = HexIdentifier<TenantKind>
/// One set of carrier credentials.
package typealias ProviderID = HexIdentifier<ProviderKind>
/// A number under a provider.
package typealias PhoneNumberID = HexIdentifier<PhoneNumberKind>
/// Work that may outlast the call that began it.
package typealias OperationID = HexIdentifier<OperationKind>

extension HexIdentifier where Kind: ResourceKind {
  /// A new identifier.
  ///
  /// It begins with the time in microseconds, so identifiers made at different times sort by age.
  package init(at time: Timestamp, random: some IDSource) {
    self.init(bits: UUIDv7.bits(at: time, random: random))
  }
}

extension HexIdentifier where Kind == TenantKind {
  /// The one tenant of an installation that has no tokens.
  package static let main = TenantID(bits: 0)
}

/// UUIDs of version 7 (RFC 9562, section 5.7); `rand_a` holds the fraction of the millisecond
/// (section 6.2, method 3).
enum UUIDv7 {
  static func bits(at time: Timestamp, random: some IDSource) -> UInt128 {
    let milliseconds = time.milliseconds
    let fraction = time.microseconds - milliseconds * 1000
    let high =
      UInt64(truncatingIfNeeded: milliseconds) << 16
      | 7 << 12
      | UInt64(truncatingIfNeeded: fraction * 4096 / 1000)
    let low = random.randomBits() & (UInt64.max >> 2) | 1 << 63
    return UInt128(high) << 64 | UInt128(low)
  }
}

/// The kinds of what numbers are assigned to.
package enum AssigneeKind: Sendable, Hashable, CaseIterable {
  /// A program that speaks.
  case agent
  /// A telephone that somebody answers.
  case softphone
}

/// What answers calls: an agent, or a softphone. Its id may be the client's choice.
///
/// Both have ids of one form, and the id tells which it is: so a number, a route and a call name
/// what answers in one way, and a dispatch that knows no softphones connects them all the same.
package struct AgentID: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// What the id of every softphone begins with, and of no agent.
  package static let softphonePrefix = "sph_"
  /// The most characters of an id.
  package static let lengthMax = 63

  package let description: String

  /// Takes 1–63 characters of `a-z 0-9 - _`.
  package init(_ text: String) throws(IdentifierError) {
    guard (1...Self.lengthMax).contains(text.utf8.count) else {
      throw .wrongLength(expected: Self.lengthMax)
    }
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "-"), UInt8(ascii: "_"):
        continue
      default: throw .wrongCharacter(allowed: "a-z 0-9 - _")
      }
    }
    self.description = text
  }

  /// A new id, `agt_` or `sph_` and 32 hex digits, where the client chose none.
  package init(_ kind: AssigneeKind = .agent, at time: Timestamp, random: some IDSource) {
    let prefix =
      switch kind {
      case .agent: "agt_"
      case .softphone: Self.softphonePrefix
      }
    let bits = UUIDv7.bits(at: time, random: random)
    self.description = Hex.text(
      of: UInt64(truncatingIfNeeded: bits >> 64), UInt64(truncatingIfNeeded: bits), after: prefix)
  }

  package var kind: AssigneeKind {
    description.hasPrefix(Self.softphonePrefix) ? .softphone : .agent
  }

  package static func < (left: AgentID, right: AgentID) -> Bool {
    left.description < right.description
  }
}

/// One leg between a number and the outside world. Its id says the region where the call lives:
/// `call_us1_` and 32 hex digits.
package struct CallID: Sendable, Hashable, Comparable, CustomStringConvertible {
  private static let prefix = "call_"

  package let region: Region
  // Two halves for the reason that stands in HexIdentifier.
  package let high: UInt64
  package let low: UInt64

  package init(region: Region, bits: UInt128) {
    self.region = region
    self.high = UInt64(truncatingIfNeeded: bits >> 64)
    self.low = UInt64(truncatingIfNeeded: bits)
  }

  package var bits: UInt128 { UInt128(high) << 64 | UInt128(low) }

  package init(_ text: String) throws(IdentifierError) {
    guard text.hasPrefix(Self.prefix) else { throw .wrongPrefix(expected: Self.prefix) }
    let parts = text.dropFirst(Self.prefix.count).split(
      separator: "_", omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw .wrongLength(expected: Hex.digitCount + 4) }
    guard let region = Region(rawValue: String(parts[0])) else { throw .unknownRegion }
    self.region = region
    (high, low) = try Hex.parse(parts[1].utf8, after: "")
  }

  package init(region: Region, at time: Timestamp, random: some IDSource) {
    self.init(region: region, bits: UUIDv7.bits(at: time, random: random))
  }

  package var description: String {
    Hex.text(of: high, low, after: "\(Self.prefix)\(region.rawValue)_")
  }

  /// By time, whatever the region.
  package static func < (left: CallID, right: CallID) -> Bool {
    (left.high, left.low, left.region) < (right.high, right.low, right.region)
  }
}
