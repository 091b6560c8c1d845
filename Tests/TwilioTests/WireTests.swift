import Telephony
import Testing

@testable import Twilio

@Suite struct WireTests {
  @Test func readsJSON() {
    let text = """
      {"a": [1, -2.5, 1e3, true, false, null], "b": {"c": "x\\n\\u00e9\\ud83d\\ude00\\/é"}, "d": ""}
      """
    #expect(
      JSONValue(parsing: Array(text.utf8))
        == .object([
          "a": .array([.integer(1), .double(-2.5), .double(1000), .bool(true), .bool(false), .null]
          ),
          "b": .object(["c": .string("x\né😀/é")]), "d": .string(""),
        ]))
    #expect(JSONValue(parsing: Array(" 7 ".utf8)) == .integer(7))
    #expect(JSONValue(parsing: Array("99999999999999999999".utf8)) == .double(1e20))
  }

  @Test(arguments: [
    "", "{", "}", "[1,]", "{\"a\":}", "{\"a\" 1}", "{a:1}", "[1 2]", "01", "1.", ".5", "1e", "+1",
    "nul", "tru e", "\"a", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"",
    "\"\\udc00\"",
    "\"\u{1}\"", "{\"a\":1,\"a\":2}", "1 1", "[1]]", "{\"a\":1,}", "NaN", "'a'",
  ])
  func refusesWhatIsNotJSON(_ text: String) {
    #expect(JSONValue(parsing: Array(text.utf8)) == nil)
  }

  @Test func refusesBytesThatAreNotUTF8AndDeepNesting() {
    #expect(JSONValue(parsing: [0x22, 0xFF, 0x22]) == nil)
    let deep = { (depth: Int) in
      Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
    }
    #expect(JSONValue(parsing: deep(JSONValue.depthMax)) != nil)
    #expect(JSONValue(parsing: deep(JSONValue.depthMax + 1)) == nil)
    #expect(JSONValue(parsing: deep(1_000_000)) == nil)
  }

  @Test func neverTrapsOnCutJSON() {
    let text = Array(Sample.numberJSON().utf8)
    for end in text.indices { #expect(JSONValue(parsing: Array(text[..<end])) == nil) }
  }

  @Test(arguments: [
    ("Thu, 01 Jan 1970 00:00:00 +0000", 0), ("Tue, 31 Aug 2010 20:36:28 +0000", 1_283_286_988),
    ("Sat, 29 Feb 2020 23:59:59 -0130", 1_583_026_199),
    ("Mon, 1 Mar 2100 00:00:00 GMT", 4_107_542_400),
    ("Fri, 31 Dec 1999 23:59:60 +0000", 946_684_800),
  ])
  func readsDates(_ text: String, _ seconds: Int64) {
    #expect(CarrierDate.parse(text) == Timestamp(milliseconds: seconds * 1000))
  }

  @Test(arguments: [
    "", "2010-08-31T20:36:28Z", "Tue, 31 Aug 2010 20:36 +0000", "Tue, 32 Aug 2010 20:36:28 +0000",
    "Tue, 31 Xxx 2010 20:36:28 +0000", "Tue, 31 Aug 2010 24:00:00 +0000",
    "Tue, 31 Aug 2010 20:36:28 0000", "Tue, -1 Aug 2010 20:36:28 +0000",
  ])
  func refusesOtherDates(_ text: String) {
    #expect(CarrierDate.parse(text) == nil)
  }

  @Test func retriesAsTheTableSays() {
    let throttled = TwilioFailure(.throttled, effect: .refused, message: "")
    var asks = throttled
    asks.retryAfter = .seconds(2)
    var asksLong = throttled
    asksLong.retryAfter = .seconds(4)
    let delay = { (failure: TwilioFailure, attempt: Int, random: Double) in
      RetryPolicy.delay(after: failure, attempt: attempt, repeats: .whenNotDone, random: random)
    }
    #expect(delay(throttled, 1, 1) == .milliseconds(100))
    #expect(delay(throttled, 2, 1) == .milliseconds(200))
    #expect(delay(throttled, 2, 0) == .zero)
    #expect(delay(throttled, 3, 1) == nil)
    #expect(delay(asks, 1, 0.5) == .milliseconds(2050))
    #expect(delay(asksLong, 1, 0) == nil)
    #expect(
      RetryPolicy.delay(after: throttled, attempt: 1, repeats: .never, random: 0) == nil)
  }
}
