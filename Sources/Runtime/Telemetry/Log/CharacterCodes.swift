/// A text as ``NumberMask`` reads it: each character with the ASCII one that it stands for, so that
/// digits and blanks of other widths count too.
struct CharacterCodes {
  let scalars: [Unicode.Scalar]
  /// 0 for what has no meaning here.
  private let codes: [UInt8]

  init(_ text: String) {
    scalars = Array(text.unicodeScalars)
    codes = scalars.map(Self.code)
  }

  var count: Int { codes.count }

  private static func code(_ scalar: Unicode.Scalar) -> UInt8 {
    if scalar.isASCII { return UInt8(truncatingIfNeeded: scalar.value) }
    switch scalar.value {
    case 0xff0b: return UInt8(ascii: "+")
    // Blanks, and hyphens and dashes.
    case 0xa0, 0x2000...0x200a, 0x202f, 0x3000: return UInt8(ascii: " ")
    case 0x2010...0x2015, 0x2212, 0xff0d: return UInt8(ascii: "-")
    default:
      guard scalar.properties.numericType == .decimal,
        let value = scalar.properties.numericValue
      else { return 0 }
      return UInt8(ascii: "0") + UInt8(value)
    }
  }

  private func code(_ index: Int) -> UInt8 {
    index >= 0 && index < codes.count ? codes[index] : 0
  }

  func isDigit(_ index: Int) -> Bool {
    let code = code(index)
    return code >= UInt8(ascii: "0") && code <= UInt8(ascii: "9")
  }

  private func isHex(_ index: Int) -> Bool {
    let code = code(index) | 0x20
    return isDigit(index) || (code >= UInt8(ascii: "a") && code <= UInt8(ascii: "f"))
  }

  private func isLetter(_ index: Int) -> Bool {
    let code = code(index) | 0x20
    return code >= UInt8(ascii: "a") && code <= UInt8(ascii: "z")
  }

  func endOfDigits(at start: Int) -> Int {
    var end = start
    while isDigit(end) { end += 1 }
    return end
  }

  /// The number at `start..<end`.
  private func number(_ start: Int, _ length: Int) -> Int? {
    var number = 0
    for index in start..<(start + length) {
      guard isDigit(index) else { return nil }
      number = number * 10 + Int(codes[index] - UInt8(ascii: "0"))
    }
    return number
  }

  // MARK: What numbers of phones have around them

  /// Where a plus at `start` ends: `+`, `%2B`, and `%252B`, which was encoded twice.
  func endOfPlus(at start: Int) -> Int? {
    if code(start) == UInt8(ascii: "+") { return start + 1 }
    guard code(start) == UInt8(ascii: "%") else { return nil }
    let end =
      code(start + 1) == UInt8(ascii: "2") && code(start + 2) == UInt8(ascii: "5")
      ? start + 3 : start + 1
    guard code(end) == UInt8(ascii: "2"), code(end + 1) | 0x20 == UInt8(ascii: "b") else {
      return nil
    }
    return end + 2
  }

  /// Whether a parenthesis opens at `index`, as it is or percent-encoded.
  func isParenthesis(_ index: Int) -> Bool {
    code(index) == UInt8(ascii: "(")
      || [0, 1, 2].map { code(index + $0) } == Array("%28".utf8)
  }

  /// Where blanks, hyphens, dots and parentheses before a digit end, and what they are: a blank, a
  /// hyphen, `+` for the one that stands for a blank in a form, or `.` for all others. `nil` where
  /// no digit follows.
  func endOfGap(at start: Int) -> (end: Int, kind: Unicode.Scalar)? {
    var end = start
    var kind: Unicode.Scalar?
    while !isDigit(end) {
      // A plus is a gap alone; beside another it begins a number.
      guard let (next, found) = gapUnit(at: end), kind != "+", kind == nil || found != "+" else {
        return nil
      }
      kind = kind == nil ? found : "."
      end = next
    }
    guard end > start, let kind else { return nil }
    return (end, kind)
  }

  private func gapUnit(at index: Int) -> (end: Int, kind: Unicode.Scalar)? {
    switch code(index) {
    case UInt8(ascii: " "): return (index + 1, " ")
    case UInt8(ascii: "+"): return (index + 1, "+")
    case UInt8(ascii: "-"): return (index + 1, "-")
    case UInt8(ascii: "."), UInt8(ascii: "("), UInt8(ascii: ")"): return (index + 1, ".")
    case UInt8(ascii: "%"):
      guard code(index + 1) == UInt8(ascii: "2") else { return nil }
      switch code(index + 2) | 0x20 {
      case UInt8(ascii: "0"): return (index + 3, " ")
      case UInt8(ascii: "d"): return (index + 3, "-")
      case UInt8(ascii: "e"), UInt8(ascii: "8"), UInt8(ascii: "9"): return (index + 3, ".")
      default: return nil
      }
    default: return nil
    }
  }

  // MARK: What is no number of a phone

  /// Where an id, a time or an address ends that begins at `start` with a digit.
  func endOfLiteral(at start: Int) -> Int? {
    endOfIdentifier(at: start) ?? endOfDate(at: start) ?? endOfTime(at: start)
      ?? endOfAddress(at: start)
  }

  /// Where a UUID, 16 hex digits or more, or a carrier's SID ends: a whole word each, which may
  /// follow a prefix and `_`.
  func endOfIdentifier(at start: Int) -> Int? {
    guard !isLetter(start - 1), !isDigit(start - 1) else { return nil }
    if let end = endOfUUID(at: start) { return end }
    var end = start
    var hasLetter = false
    while isHex(end) {
      hasLetter = hasLetter || isLetter(end)
      end += 1
    }
    if end - start >= 16 { return hasLetter && !isLetter(end) ? end : nil }
    guard end - start < 3, isLetter(start), isLetter(start + 1) else { return nil }
    end = start + 2
    while isHex(end) { end += 1 }
    return end - start == 34 && !isLetter(end) ? end : nil
  }

  private func endOfUUID(at start: Int) -> Int? {
    var index = start
    for (part, length) in [8, 4, 4, 4, 12].enumerated() {
      if part > 0 {
        guard code(index) == UInt8(ascii: "-") else { return nil }
        index += 1
      }
      for _ in 0..<length {
        guard isHex(index) else { return nil }
        index += 1
      }
    }
    return isHex(index) ? nil : index
  }

  /// `2026-11-21`, also with dots or slashes, or `20261121T130300`, and the time behind it.
  private func endOfDate(at start: Int) -> Int? {
    guard !isDigit(start - 1), let year = number(start, 4), (1900...2099).contains(year) else {
      return nil
    }
    let separator = code(start + 4)
    let isCompact = isDigit(start + 4)
    let step = isCompact ? 2 : 3
    let month = start + (isCompact ? 4 : 5)
    guard let monthNumber = number(month, 2), (1...12).contains(monthNumber),
      let day = number(month + step, 2), (1...31).contains(day)
    else { return nil }
    let end = month + step + 2
    if isCompact {
      guard code(end) == UInt8(ascii: "T"), number(end + 1, 6) != nil, !isDigit(end + 7) else {
        return nil
      }
      return end + 7
    }
    guard [UInt8(ascii: "-"), UInt8(ascii: "/"), UInt8(ascii: ".")].contains(separator),
      code(month + 2) == separator, !isDigit(end)
    else { return nil }
    switch code(end) {
    case UInt8(ascii: "T"), UInt8(ascii: " "), UInt8(ascii: "_"):
      return endOfTime(at: end + 1) ?? end
    default: return end
    }
  }

  /// `13:03`, `13:03:00`, and with a fraction.
  private func endOfTime(at start: Int) -> Int? {
    guard !isDigit(start - 1), let hour = number(start, 2), hour < 24,
      let minuteEnd = endOfSixtieth(at: start + 2)
    else { return nil }
    guard let secondEnd = endOfSixtieth(at: minuteEnd) else { return minuteEnd }
    guard code(secondEnd) == UInt8(ascii: "."), isDigit(secondEnd + 1) else { return secondEnd }
    return endOfDigits(at: secondEnd + 1)
  }

  /// Where `:00` to `:60` ends, a whole number.
  private func endOfSixtieth(at start: Int) -> Int? {
    guard code(start) == UInt8(ascii: ":"), let number = number(start + 1, 2), number <= 60,
      !isDigit(start + 3)
    else { return nil }
    return start + 3
  }

  /// An IPv4 address and its port.
  private func endOfAddress(at start: Int) -> Int? {
    var index = start
    for part in 0..<4 {
      if part > 0 {
        guard code(index) == UInt8(ascii: ".") else { return nil }
        index += 1
      }
      let end = endOfDigits(at: index)
      guard end > index, end - index <= 3, let octet = number(index, end - index), octet <= 255
      else { return nil }
      index = end
    }
    if code(index) == UInt8(ascii: "."), isDigit(index + 1) { return nil }
    guard code(index) == UInt8(ascii: ":") else { return index }
    let end = endOfDigits(at: index + 1)
    return (1...5).contains(end - index - 1) ? end : index
  }
}
