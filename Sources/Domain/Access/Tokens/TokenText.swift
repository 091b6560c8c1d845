package import Telephony

/// Why a text is no token. None of them quotes the text.
package enum TokenTextError: Error, Sendable, Hashable {
  /// It does not begin with `trk_`, has another length, or holds a foreign character.
  case malformed
  /// Its check digits do not fit: mistyped or cut, and never one of ours.
  case mistyped
}

/// A token as its holder has it: `trk_`, 32 hex digits of its id, `_`, 43 characters of base64url
/// for 32 random bytes, and 6 characters of a CRC-32 over all that.
///
/// The prefix lets scanners of repositories find a leaked one; the check lets a mistyped one be
/// refused without a look-up. No description shows the secret; only `revealed` gives the text.
package struct TokenText: Sendable, Equatable {
  package static let prefix = "trk_"
  /// Bytes of the secret part.
  package static let secretSize = 32
  /// Characters of the whole text.
  package static let length = 86

  package let id: APITokenID
  /// The random bytes that make the holder the holder.
  package let secret: Secret

  /// A new token's text, from 256 random bits.
  package init(id: APITokenID, random: some IDSource) {
    var bytes: [UInt8] = []
    for _ in 0..<(Self.secretSize / 8) {
      let bits = random.randomBits()
      for shift in stride(from: UInt64(56), through: 0, by: -8) {
        bytes.append(UInt8(truncatingIfNeeded: bits >> shift))
      }
    }
    self.id = id
    self.secret = Secret(bytes)
  }

  /// Reads the exact form: one token has one text.
  package init(parsing text: String) throws(TokenTextError) {
    let bytes = Array(text.utf8)
    guard bytes.count == Self.length, bytes.starts(with: Self.prefix.utf8),
      bytes[36] == UInt8(ascii: "_")
    else { throw .malformed }
    let body = bytes[..<80]
    guard let check = Base64URL.decode(bytes[80...]),
      let secret = Base64URL.decode(bytes[37..<80]),
      let id = try? APITokenID(utf8: (Array(APITokenKind.prefix.utf8) + bytes[4..<36])[...])
    else { throw .malformed }
    guard check == Self.check(of: body) else { throw .mistyped }
    self.id = id
    self.secret = Secret(secret)
  }

  /// The whole text with its secret, for the holder alone.
  package var revealed: String {
    let digits = id.description.utf8.dropFirst(APITokenKind.prefix.utf8.count)
    var bytes = Array(Self.prefix.utf8) + digits
    bytes.append(UInt8(ascii: "_"))
    bytes += Base64URL.encode(secret.revealed)
    bytes += Base64URL.encode(Self.check(of: bytes[...]))
    return String(decoding: bytes, as: UTF8.self)
  }

  /// CRC-32 as in IEEE 802.3, the four bytes from the highest.
  private static func check(of bytes: ArraySlice<UInt8>) -> [UInt8] {
    let table = crcOfByte
    var crc = UInt32.max
    for byte in bytes { crc = crc >> 8 ^ table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] }
    crc = ~crc
    return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: crc >> UInt32($0)) }
  }

  /// What each byte does to the sum: every call has a token, and bit by bit it took longer than all
  /// else that is done with it.
  private static let crcOfByte: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
  }
}

extension TokenText: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The id only.
  package var description: String { "<token \(id)>" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Base64url without padding (RFC 4648, section 5), in the one form that fits the bytes.
private enum Base64URL {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  static func encode(_ bytes: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    var (bits, count): (UInt32, UInt32) = (0, 0)
    for byte in bytes {
      bits = bits << 8 | UInt32(byte)
      count += 8
      while count >= 6 {
        count -= 6
        text.append(alphabet[Int(bits >> count & 63)])
      }
      bits &= 1 << count - 1
    }
    if count > 0 { text.append(alphabet[Int(bits << (6 - count) & 63)]) }
    return text
  }

  private static func value(of character: UInt8) -> UInt32? {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character) - 65
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character) - 71
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character) + 4
    case UInt8(ascii: "-"): 62
    case UInt8(ascii: "_"): 63
    default: nil
    }
  }

  /// nil for a foreign character, and for bits after the last byte that are not zero.
  static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count * 6 / 8)
    var (bits, count): (UInt32, UInt32) = (0, 0)
    for character in text {
      guard let value = value(of: character) else { return nil }
      bits = bits << 6 | value
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> count))
      }
      bits &= 1 << count - 1
    }
    return bits == 0 ? bytes : nil
  }
}
