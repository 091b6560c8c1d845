/// Masks what looks like a full phone number, but for its last two digits.
///
/// Types that hold numbers hide them themselves; this catches a text that somebody else wrote.
package enum NumberMask {
  private static let digitCountMin = 7

  /// Masks seven digits or more after a plus.
  static func masked(_ text: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "+")) else { return text }
    var result = ""
    var rest = Substring(text)
    while let plus = rest.firstIndex(of: "+") {
      result += rest[...plus]
      rest = rest[rest.index(after: plus)...]
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      guard digits.count >= digitCountMin else { continue }
      result += "***" + digits.suffix(2)
      rest = rest[digits.endIndex...]
    }
    return result + rest
  }

  /// Masks seven digits or more, with a plus or without: for texts whose author is not known.
  package static func maskedDigits(_ text: String) -> String {
    var result = ""
    var rest = Substring(text)
    while let start = rest.firstIndex(where: { $0.isASCII && $0.isNumber }) {
      result += rest[..<start]
      let digits = rest[start...].prefix { $0.isASCII && $0.isNumber }
      result += digits.count >= digitCountMin ? "***" + digits.suffix(2) : digits
      rest = rest[digits.endIndex...]
    }
    return result + rest
  }
}
