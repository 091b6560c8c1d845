import Testing

@testable import Telemetry

@Suite struct NumberMaskTests {
  /// Each with what is left of it.
  @Test(arguments: [
    ("+14155550100", "+***00"), ("call +1 415 555 0100 now", "call +***00 now"),
    ("+1-415-555-0100,", "+***00,"), ("+1 (415) 555-0100.", "+***00."),
    ("+1.415.555.0100", "+***00"), ("+33.6.12.34.56.78", "+***78"),
    ("+44 (0)20 7946 0018", "+***18"), ("+(49) 30 1234567", "+***67"),
    ("%2B14155550100", "%2B***00"), ("to=%2b1%20415%20555%200100&x", "to=%2b***00&x"),
    ("%252B14155550100", "%252B***00"), ("tel:+14155550100", "tel:+***00"),
    ("\u{ff0b}\u{ff11}\u{ff14}5555\u{ff10}\u{ff11}", "\u{ff0b}***\u{ff10}\u{ff11}"),
    ("+1\u{a0}415\u{2011}555\u{2011}0100", "+***00"),
    ("(415) 555-0100", "(***00"), ("415.555.0100", "***00"), ("415-555-0100", "***00"),
    ("1 415 555 0100", "***00"), ("020 7946 0018", "***18"), ("06.12.34.56.78", "***78"),
    ("06 12 34 56 78", "***78"), ("at 555-0100!", "at ***00!"), ("4155 550100", "***00"),
    ("To=415+555+0100", "To=***00"), ("ext. 415-555-0100x12", "ext. ***00x12"),
    ("415-555-0100 415-555-0101", "***15-***01"),
    ("+14155550100 2026-11-21T13:03:00Z", "+***00 2026-11-21T13:03:00Z"),
    ("+1 415 555 0100 10.0.0.7:50051", "+***00 10.0.0.7:50051"),
    ("+14155550100+14155550101", "+***00+***01"), ("+14155550100 +123456", "+***00 +123456"),
  ])
  func numbersAreMaskedHoweverTheyAreWritten(text: String, masked: String) {
    #expect(NumberMask.masked(text) == masked)
    #expect(NumberMask.maskedDigits(text) == masked)
  }

  @Test(arguments: [
    "2026-11-21T13:03:00.123456Z", "2026-11-21 13:03:00.123456789 +0100", "20261121T130300",
    "2026/11/21 13:03", "21.11.2026 13:03:00", "Sat Nov 21 13:10:11 2026",
    "ipv4:10.0.0.7:40112", "192.168.100.200:50051", "10.10.10.10, 172.16.254.1",
    "[2001:db8:85a3::8a2e:370:7334]:50051", "ports 8080 9090 50051", "127.0.0.1:8701-8703",
    "0192a3b4-5678-7123-8901-234567890abc", "12345678-1234-7123-8123-123456789012",
    "pn_01920123456789012345678901234567a", "call_us1_0192012345678901234567890123456f",
    "AC01234567890123456789012345678901", "SK01234567890123456789012345678901",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "1763730000123456789",
    "grpc-c++/1.51.1 grpc-python/1.85.1 (linux; chttp2)", "C++ 14 1.51.1 2026-11-21",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0.6099.109 Safari/537.36",
    "1.50 s of 30 s, 3 of 100 tries", "5.15.0-1051-aws", "0.123456 s", "code 30007", "",
  ])
  func idsTimesAndAddressesStay(text: String) {
    #expect(NumberMask.masked(text) == text)
    #expect(NumberMask.maskedDigits(text) == text)
  }

  @Test func longRunsAreHiddenInTextsOfOthersOnly() {
    let text = "4155550100 of 14155550100, 4194304 bytes"
    #expect(NumberMask.masked(text) == text)
    #expect(NumberMask.maskedDigits(text) == "***00 of ***00, ***04 bytes")
    #expect(NumberMask.maskedDigits("number14155550100") == "number***00")
  }

  @Test func aMaskedTextStaysAsItIs() {
    let once = NumberMask.maskedDigits("+1 415 555 0100 and (415) 555-0100")
    #expect(NumberMask.maskedDigits(once) == once)
  }

  @Test func nothingIsLostAroundANumber() {
    // Every prefix of a text with numbers, as a cut may leave it.
    let text = "a \u{e9} +1 (415) 555-0100 \u{1f4de} %2B49 30 1234567 b"
    for length in 0...text.count {
      let prefix = String(text.prefix(length))
      let masked = NumberMask.masked(prefix)
      #expect(masked.count <= prefix.count)
      #expect(masked.hasPrefix("a \u{e9} +") || prefix.count < 5)
    }
    #expect(NumberMask.masked(text) == "a \u{e9} +***00 \u{1f4de} %2B***67 b")
  }

  @Test func digitsOfUnknownTextsAreMaskedWithAndWithoutAPlus() {
    #expect(NumberMask.maskedDigits("+14155550100 and 14155550100.") == "+***00 and ***00.")
    #expect(NumberMask.maskedDigits("4194304 bytes, 123456 kept") == "***04 bytes, 123456 kept")
    #expect(NumberMask.maskedDigits("") == "")
  }
}
