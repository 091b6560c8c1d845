/// Base64 (RFC 4648, sections 4 and 5).
package enum Base64 {
  /// How text is written.
  package enum Form: Hashable, Sendable {
    /// The standard alphabet, padded.
    case standard
    /// The standard alphabet without padding, as `-bin` metadata has it.
    case unpadded
    /// The URL-safe alphabet without padding.
    case urlSafe
  }

  /// What text may be read, with padding and without.
  package enum Reading: Hashable, Sendable {
    /// The standard alphabet.
    case standard
    /// Either alphabet.
    case either
    /// Either, and what is left over behind the last byte is 0: or two texts would stand for the
    /// same bytes.
    case exact
  }

  private static let standardDigits = Base64Alphabet.digits
  private static let urlSafeDigits = Array(standardDigits.dropLast(2)) + Array("-_".utf8)

  private static let standardValues = Base64Alphabet.values
  private static let eitherValues = values(of: [standardDigits, urlSafeDigits])

  /// The value of each digit; 0xFF for every other byte.
  private static func values(of alphabets: [[UInt8]]) -> [UInt8] {
    var values = [UInt8](repeating: 0xff, count: 256)
    for digits in alphabets {
      for (value, digit) in digits.enumerated() { values[Int(digit)] = UInt8(value) }
    }
    return values
  }

  package static func encode(_ bytes: [UInt8], _ form: Form = .standard) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    append(bytes.span, to: &text, form)
    return String(decoding: text, as: UTF8.self)
  }

  /// Adds the text of `bytes`, of which no other copy is made when `text` has the capacity.
  package static func append(
    _ bytes: Span<UInt8>, to text: inout [UInt8], _ form: Form = .standard
  ) {
    let digits = form == .urlSafe ? urlSafeDigits : standardDigits
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
    guard form == .standard else { return }
    text += repeatElement(UInt8(ascii: "="), count: (3 - bytes.count % 3) % 3)
  }

  /// The bytes; `nil` if `text` is not base64.
  package static func decode(
    _ text: some Collection<UInt8>, _ reading: Reading = .standard
  ) -> [UInt8]? {
    let values = reading == .standard ? standardValues : eitherValues
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
    var rest: UInt32 = 0
    switch digitCount % 4 {
    case 1: return nil
    case 2:
      bytes.append(UInt8(truncatingIfNeeded: bits >> 4))
      rest = bits & 0xf
    case 3:
      bytes.append(UInt8(truncatingIfNeeded: bits >> 10))
      bytes.append(UInt8(truncatingIfNeeded: bits >> 2))
      rest = bits & 3
    default: break
    }
    return reading == .exact && rest != 0 ? nil : bytes
  }
}
