/// Why a text is not the identifier that was asked for.
package enum IdentifierError: Error, Sendable, Hashable, CustomStringConvertible {
  /// It does not begin with the kind's prefix: empty, or an identifier of another kind.
  case wrongPrefix(expected: String)
  /// The part after the prefix has another length.
  case wrongLength(expected: Int)
  /// A character that the kind does not have.
  case wrongCharacter(allowed: String)
  /// A call's identifier that names a region which does not exist.
  case unknownRegion

  package var description: String {
    switch self {
    case .wrongPrefix(let expected): "It does not begin with \"\(expected)\"."
    case .wrongLength(let expected): "It does not have \(expected) characters after its prefix."
    case .wrongCharacter(let allowed): "It holds a character other than \(allowed)."
    case .unknownRegion: "The region in it is none of us1, ie1, au1."
    }
  }
}

/// What an identifier names, and how its text begins.
package protocol IdentifierKind: Sendable {
  static var prefix: String { get }
}

/// A prefix and 128 bits in 32 lower-case hex digits: our own identifiers and the carrier's.
///
/// Kept as bits, not text: a million numbers hold several each.
package struct HexIdentifier<Kind: IdentifierKind>: Sendable, Hashable {
  // Two halves and not one UInt128: with 128-bit arguments on the stack of an async call, Swift 6.3
  // on x86-64 returns to a wrong address (found by the store conformance suite).
  package let high: UInt64
  package let low: UInt64

  package init(bits: UInt128) {
    self.high = UInt64(truncatingIfNeeded: bits >> 64)
    self.low = UInt64(truncatingIfNeeded: bits)
  }

  /// From the halves that ``high`` and ``low`` give.
  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  package var bits: UInt128 { UInt128(high) << 64 | UInt128(low) }

  /// Parses the exact form; upper-case digits are refused so that one thing has one name.
  package init(_ text: some StringProtocol) throws(IdentifierError) {
    (high, low) = try Hex.parse(text.utf8, after: Kind.prefix)
  }

  /// As for any text; a text of this type is read without a detour.
  package init(_ text: String) throws(IdentifierError) {
    (high, low) = try Hex.parse(text.utf8, after: Kind.prefix)
  }

  /// From the bytes of a text.
  package init(utf8 text: ArraySlice<UInt8>) throws(IdentifierError) {
    (high, low) = try Hex.parse(text, after: Kind.prefix)
  }
}

extension HexIdentifier: CustomStringConvertible, Comparable {
  package var description: String { Hex.text(of: high, low, after: Kind.prefix) }

  /// `SK****6e2f`: enough to tell two apart, not enough to use.
  package var masked: String { Kind.prefix + "****" + description.suffix(4) }

  /// In the order of the texts. Our own identifiers begin with their time, so the older is smaller.
  package static func < (left: Self, right: Self) -> Bool {
    (left.high, left.low) < (right.high, right.low)
  }
}

/// 128 bits as 32 lower-case hex digits behind a prefix.
enum Hex {
  static let digitCount = 32

  static func parse(
    _ text: some Collection<UInt8>, after prefix: String
  ) throws(IdentifierError) -> (high: UInt64, low: UInt64) {
    var bytes = text.makeIterator()
    for expected in prefix.utf8 {
      guard bytes.next() == expected else { throw .wrongPrefix(expected: prefix) }
    }
    guard text.count == prefix.utf8.count + digitCount else {
      throw .wrongLength(expected: digitCount)
    }
    var halves: (high: UInt64, low: UInt64) = (0, 0)
    while let byte = bytes.next() {
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - 48
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - 87
      default: throw .wrongCharacter(allowed: "0-9 a-f")
      }
      halves.high = halves.high << 4 | halves.low >> 60
      halves.low = halves.low << 4 | UInt64(digit)
    }
    return halves
  }

  static func text(of high: UInt64, _ low: UInt64, after prefix: String) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(prefix.utf8.count + digitCount)
    bytes.append(contentsOf: prefix.utf8)
    for half in [high, low] {
      for shift in stride(from: 60, through: 0, by: -4) {
        let digit = UInt8(truncatingIfNeeded: half >> UInt64(shift)) & 15
        bytes.append(digit < 10 ? 48 + digit : 87 + digit)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
