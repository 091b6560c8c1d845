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
    guard text.hasPrefix(Kind.prefix) else { throw .wrongPrefix(expected: Kind.prefix) }
    self.init(bits: try Hex.parse(text.utf8.dropFirst(Kind.prefix.utf8.count)))
  }
}

extension HexIdentifier: CustomStringConvertible, Comparable {
  package var description: String { Kind.prefix + Hex.text(of: bits) }

  /// `SK****6e2f`: enough to tell two apart, not enough to use.
  package var masked: String { Kind.prefix + "****" + Hex.text(of: bits).suffix(4) }

  /// In the order of the texts. Our own identifiers begin with their time, so the older is smaller.
  package static func < (left: Self, right: Self) -> Bool {
    (left.high, left.low) < (right.high, right.low)
  }
}

/// 128 bits as 32 lower-case hex digits.
enum Hex {
  static let digitCount = 32

  static func parse(_ digits: some Collection<UInt8>) throws(IdentifierError) -> UInt128 {
    guard digits.count == digitCount else { throw .wrongLength(expected: digitCount) }
    var bits: UInt128 = 0
    for byte in digits {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): bits = bits << 4 | UInt128(byte - 48)
      case UInt8(ascii: "a")...UInt8(ascii: "f"): bits = bits << 4 | UInt128(byte - 87)
      default: throw .wrongCharacter(allowed: "0-9 a-f")
      }
    }
    return bits
  }

  static func text(of bits: UInt128) -> String {
    var bytes = [UInt8](repeating: 0, count: digitCount)
    var rest = bits
    for index in stride(from: digitCount - 1, through: 0, by: -1) {
      let digit = UInt8(truncatingIfNeeded: rest & 15)
      bytes[index] = digit < 10 ? 48 + digit : 87 + digit
      rest >>= 4
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
