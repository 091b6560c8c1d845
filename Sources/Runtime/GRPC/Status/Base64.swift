internal import Buffers

/// Base64 as `-bin` metadata uses it (RFC 4648, section 4): written without padding, read with
/// and without.
package enum Base64 {
  private static let digits = Base64Alphabet.digits
  private static let values = Base64Alphabet.values

  package static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count * 4 + 2) / 3)
    var index = 0
    while index < bytes.count {
      let first = bytes[index]
      let second = index + 1 < bytes.count ? bytes[index + 1] : 0
      let third = index + 2 < bytes.count ? bytes[index + 2] : 0
      text.append(digits[Int(first >> 2)])
      text.append(digits[Int((first & 3) << 4 | second >> 4)])
      if index + 1 < bytes.count { text.append(digits[Int((second & 15) << 2 | third >> 6)]) }
      if index + 2 < bytes.count { text.append(digits[Int(third & 63)]) }
      index += 3
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes; `nil` if `text` is not base64.
  package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count * 3 / 4)
    var bits: UInt32 = 0
    var digitCount = 0
    var padCount = 0
    for digit in text {
      if digit == UInt8(ascii: "=") {
        padCount += 1
        continue
      }
      let value = values[Int(digit)]
      guard value != 0xff, padCount == 0 else { return nil }
      bits = bits << 6 | UInt32(value)
      digitCount += 1
      if digitCount % 4 == 0 {
        bytes.append(UInt8(truncatingIfNeeded: bits >> 16))
        bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
        bytes.append(UInt8(truncatingIfNeeded: bits))
        bits = 0
      }
    }
    guard padCount == 0 || (padCount <= 2 && (digitCount + padCount) % 4 == 0) else { return nil }
    switch digitCount % 4 {
    case 1: return nil
    case 2: bytes.append(UInt8(truncatingIfNeeded: bits >> 4))
    case 3:
      bytes.append(UInt8(truncatingIfNeeded: bits >> 10))
      bytes.append(UInt8(truncatingIfNeeded: bits >> 2))
    default: break
    }
    return bytes
  }
}
