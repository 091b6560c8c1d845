/// Masks what looks like a full phone number, but for its last two digits: behind a plus, as it is
/// or percent-encoded, or in groups as people write them. Ids, times, IP addresses and ports stay.
///
/// Types that hold numbers hide them themselves; this catches a text that somebody else wrote.
package enum NumberMask {
  /// Fewer digits are no full number.
  static let digitCountMin = 7
  /// A national number in groups has at least as many, unless its shape says enough.
  static let groupedCountMin = 10
  /// Digits of a number in groups: E.164 has fifteen.
  static let groupedCountMax = 15
  /// Digits of a number with a prefix for calls abroad. More are a time or an id.
  static let digitCountMax = 18

  /// Masks numbers that are written like one: for our own texts, where a long number may be one of
  /// bytes or of microseconds.
  package static func masked(_ text: String) -> String { masked(text, hidesRuns: false) }

  /// Masks runs of seven digits or more too: for texts whose author is not known.
  package static func maskedDigits(_ text: String) -> String { masked(text, hidesRuns: true) }

  private static func masked(_ text: String, hidesRuns: Bool) -> String {
    guard mayHoldNumber(text) else { return text }
    var scanner = NumberScanner(text)
    return scanner.masked(hidesRuns: hidesRuns)
  }

  /// The quick look that nearly every text needs no more than.
  private static func mayHoldNumber(_ text: String) -> Bool {
    var digitCount = 0
    for byte in text.utf8 {
      if byte >= 0x80 { return true }
      if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { digitCount += 1 }
    }
    return digitCount >= digitCountMin
  }
}

/// Reads a text from its begin to its end and hides the numbers in it.
private struct NumberScanner {
  /// Digits that stand together.
  private struct Group {
    let start: Int
    let end: Int
    /// What stands before it, behind the group before.
    let gap: Gap

    var count: Int { end - start }
  }

  /// What stands between two groups.
  private enum Gap {
    case none
    case blank
    case hyphen
    case other
  }

  /// More characters between two groups are no gap; three that are percent-encoded are.
  private static let gapLengthMax = 9

  private let text: CharacterCodes
  private var result = String.UnicodeScalarView()

  init(_ text: String) { self.text = CharacterCodes(text) }

  mutating func masked(hidesRuns: Bool) -> String {
    var index = 0
    while index < text.count {
      let end = text.endOfPlus(at: index)
      if let end, let number = numberAbroad(after: end) {
        hide(number, from: index, shownTo: end)
        index = number.end
      } else if !text.isDigit(index) || text.isDigit(index - 1) {
        if let end = text.endOfIdentifier(at: index) {
          show(index..<end)
          index = end
        } else {
          show(index..<(index + 1))
          index += 1
        }
      } else if let end = text.endOfLiteral(at: index) {
        show(index..<end)
        index = end
      } else {
        index = takeNumber(at: index, hidesRuns: hidesRuns)
      }
    }
    return String(result)
  }

  /// Takes the digits at `start`, and what belongs to them; gives where they end.
  private mutating func takeNumber(at start: Int, hidesRuns: Bool) -> Int {
    let groups = groups(at: start, isAbroad: false)
    var found: Range<Int>?
    for length in groups.indices.dropFirst() where Self.isNumber(groups[...length]) {
      found = start..<groups[length].end
    }
    let end = text.endOfDigits(at: start)
    let isRun = end - start >= NumberMask.digitCountMin && end - start <= NumberMask.digitCountMax
    if hidesRuns, isRun { found = found ?? start..<end }
    guard let found else {
      show(start..<end)
      return end
    }
    hide((found.lowerBound, found.upperBound), from: start, shownTo: start)
    return found.upperBound
  }

  /// Whether `groups` are one number as people write it, without a plus.
  private static func isNumber(_ groups: ArraySlice<Group>) -> Bool {
    let counts = groups.map(\.count)
    let sum = counts.reduce(0, +)
    guard counts.dropFirst().allSatisfy({ $0 >= 2 && $0 <= 8 }) else { return false }
    guard counts.count == 2 else {
      // Ports and sizes in a row begin with four digits or more, or are short.
      return counts[0] <= 3 && sum >= NumberMask.groupedCountMin
        || counts.count >= 4 && counts.allSatisfy { $0 == 2 }
    }
    // 555-0100 · 4155 550100. With a dot it would be a fraction.
    return switch groups.last?.gap {
    case .hyphen: counts == [3, 4]
    case .blank: counts[0] <= 4 && counts[1] >= 6 && sum >= NumberMask.groupedCountMin
    default: false
    }
  }

  /// The number behind a plus that ends at `start`.
  private func numberAbroad(after start: Int) -> (start: Int, end: Int)? {
    // A parenthesis may follow, but no blank: "C++ 14".
    guard text.isDigit(start) || text.isParenthesis(start) else { return nil }
    let first = text.endOfGap(at: start)?.end ?? start
    let groups = groups(at: first, isAbroad: true)
    guard let last = groups.last,
      groups.reduce(0, { $0 + $1.count }) >= NumberMask.digitCountMin
    else { return nil }
    return (first, last.end)
  }

  /// The groups from `start` on. What means something else is none of them, and without a plus
  /// there are no more digits than a number has.
  private func groups(at start: Int, isAbroad: Bool) -> [Group] {
    var groups: [Group] = []
    var count = 0
    var next = start
    var gap = Gap.none
    while true {
      let end = text.endOfDigits(at: next)
      count += end - next
      guard isAbroad || count <= NumberMask.groupedCountMax else { return groups }
      groups.append(Group(start: next, end: end, gap: gap))
      guard let found = text.endOfGap(at: end), found.end - end <= Self.gapLengthMax,
        !isAbroad || found.kind != "+"
      else { return groups }
      switch found.kind {
      case " ", "+": gap = .blank
      case "-": gap = .hyphen
      default: gap = .other
      }
      let mayEnd = gap == .blank && (!isAbroad || count >= NumberMask.digitCountMin)
      if mayEnd, text.endOfLiteral(at: found.end) != nil { return groups }
      next = found.end
    }
  }

  private mutating func show(_ range: Range<Int>) {
    for index in range { result.append(text.scalars[index]) }
  }

  private mutating func hide(_ number: (start: Int, end: Int), from: Int, shownTo: Int) {
    show(from..<shownTo)
    result.append(contentsOf: "***".unicodeScalars)
    let digits = (number.start..<number.end).filter { text.isDigit($0) }.suffix(2)
    for index in digits { result.append(text.scalars[index]) }
  }
}
