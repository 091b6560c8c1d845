/// Masks what looks like a full phone number: a plus and seven digits or more keep their last two.
///
/// Types that hold numbers hide them themselves; this catches a text that somebody else wrote.
enum NumberMask {
  private static let digitCountMin = 7

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
}
