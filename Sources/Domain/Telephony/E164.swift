/// Why a text is not an E.164 number.
package enum E164Error: Error, Sendable, Hashable, CustomStringConvertible {
  case empty
  /// The first character is not `+`.
  case plusMissing
  /// The first digit is zero: no country code begins so.
  case leadingZero
  /// Something that is not a decimal digit follows; spaces and hyphens count.
  case notADigit
  /// More than `E164.digitCountMax` digits.
  case tooLong

  package var description: String {
    switch self {
    case .empty: "The number is empty."
    case .plusMissing: "The number does not begin with +."
    case .leadingZero: "The first digit after + is 0; a country code begins with 1 to 9."
    case .notADigit: "The number holds something other than digits after +."
    case .tooLong: "The number has more than \(E164.digitCountMax) digits."
    }
  }
}

/// A telephone number in the international form of ITU-T E.164: `+`, a first digit 1–9, at most
/// 15 digits.
///
/// Its description hides all but the last two digits, so that it may stand in a log or an error.
package struct E164: Sendable, Hashable {
  /// The most digits that a number may have (ITU-T E.164, section 6).
  package static let digitCountMax = 15

  /// The digits as one decimal number: the first is never 0, so nothing is lost.
  private let value: UInt64

  /// Parses `+` and digits, and nothing else.
  package init(_ text: String) throws(E164Error) {
    var bytes = text.utf8.makeIterator()
    guard let first = bytes.next() else { throw .empty }
    guard first == UInt8(ascii: "+") else { throw .plusMissing }
    var value: UInt64 = 0
    var count = 0
    while let byte = bytes.next() {
      guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { throw .notADigit }
      let digit = UInt64(byte - UInt8(ascii: "0"))
      guard count > 0 || digit != 0 else { throw .leadingZero }
      count += 1
      guard count <= Self.digitCountMax else { throw .tooLong }
      value = value * 10 + digit
    }
    guard count > 0 else { throw .empty }
    self.value = value
  }

  /// The whole number without `+`, for the carrier and the owner; never for a log.
  package var digits: String { String(value) }

  /// The whole number with `+`, for the carrier and the owner; never for a log.
  package var text: String { "+" + String(value) }
}

extension E164: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// `+***67`: the last two digits, at most.
  package var description: String { "+***" + digits.suffix(min(2, digits.utf8.count - 1)) }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
