import Testing

@testable import Telephony

struct E164Tests {
  @Test(arguments: ["+1", "+15005550006", "+999999999999999", "+35312345678"])
  func keepsWhatItParsed(text: String) throws {
    let number = try E164(text)
    #expect(number.text == text)
    #expect(number.digits == String(text.dropFirst()))
  }

  @Test(arguments: [
    ("", E164Error.empty), ("+", .empty), ("15005550006", .plusMissing), (" +1500", .plusMissing),
    ("+0123", .leadingZero), ("+1 500", .notADigit), ("+1-500", .notADigit), ("+15a", .notADigit),
    ("+1\u{0}", .notADigit), ("++1", .notADigit), ("+١٢٣", .notADigit),
    ("+1234567890123456", .tooLong),
  ])
  func refuses(text: String, error: E164Error) {
    #expect(throws: error) { try E164(text) }
  }

  @Test func hidesAllButTwoDigits() throws {
    let number = try E164("+15005550067")
    #expect("\(number)" == "+***67")
    #expect(String(reflecting: number) == "+***67")
    var dumped = ""
    dump(number, to: &dumped)
    #expect(!dumped.contains("500555"))
    #expect(!dumped.contains("15005550067"))
    #expect("\(try E164("+7"))" == "+***")
  }

  @Test func errorsDoNotQuoteTheNumber() {
    #expect(!E164Error.tooLong.description.contains("+1"))
  }
}
