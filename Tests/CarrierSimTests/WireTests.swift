import Telephony
import Testing

@testable import CarrierSim

@Suite struct JSONTests {
  @Test(arguments: [
    "null", "true", "[]", "{}", "-0.5", "12", #"{"a":[1,{"b":"c"}],"d":null}"#,
    #""\"\\\n\r\t""#,
  ])
  func writesWhatItReads(_ text: String) {
    #expect(JSON(parsing: Array(text.utf8))?.text == text)
  }

  @Test func readsEscapes() {
    #expect(JSON(parsing: Array(#""\u00e9\ud83d\ude00\/""#.utf8)) == "é😀/")
    #expect(JSON.string("\u{1}").text == #""\u0001""#)
  }

  @Test(arguments: [
    "", " ", "{", "[1,]", "{\"a\":1,\"a\":2}", "01", "1.", "nul", "\"\\ud83d\"", "\"\u{1}\"",
    "[1] 2", "{a:1}", "\"\\x\"", "+1", "1e", String(repeating: "[", count: 40),
  ])
  func refuses(_ text: String) {
    #expect(JSON(parsing: Array(text.utf8)) == nil)
  }

  @Test func endsOnAnyCutOrChange() {
    let whole = Array(#"{"a":[1,-2.5e3,"\u00e9\n",{"b":null}],"c":true}"#.utf8)
    for end in whole.indices {
      #expect(JSON(parsing: Array(whole[..<end])) == nil)
      var changed = whole
      for byte: UInt8 in [0, 34, 44, 92, 123, 125, 255] {
        changed[end] = byte
        _ = JSON(parsing: changed)
      }
    }
  }
}

@Suite struct FormFieldsTests {
  @Test func readsAndWrites() throws {
    let form = try #require(
      FormFields(parsing: Array("To=%2B15005550006&A=x+y&A=%C3%A9&Empty=&Bare".utf8)))
    #expect(form["To"] == "+15005550006")
    #expect(form.all("A") == ["x y", "é"])
    #expect(form["Empty"] == "")
    #expect(form["Bare"] == "")
    #expect(form["Missing"] == nil)
    #expect(form.encoded == "To=%2B15005550006&A=x%20y&A=%C3%A9&Empty=&Bare=")
  }

  @Test(arguments: ["a=%", "a=%2", "a=%zz", "a=%ff"])
  func refuses(_ text: String) {
    #expect(FormFields(parsing: Array(text.utf8)) == nil)
  }

  @Test func boundsTheirNumber() {
    let text = String(repeating: "a=1&", count: FormFields.fieldCountMax + 1)
    #expect(FormFields(parsing: Array(text.utf8)) == nil)
  }
}

@Suite struct CarrierTimeTests {
  @Test(arguments: [
    (0, "Thu, 01 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00Z"),
    (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000", "2000-02-29T00:00:00Z"),
    (1_795_233_906, "Sat, 21 Nov 2026 04:05:06 +0000", "2026-11-21T04:05:06Z"),
  ])
  func writes(_ seconds: Int64, _ mail: String, _ iso: String) {
    let time = Timestamp(milliseconds: seconds * 1000)
    #expect(CarrierTime(time).mailDate == mail)
    #expect(CarrierTime(time).isoDate == iso)
    #expect(CarrierTime.parse(iso) == time)
  }

  @Test func readsDays() {
    #expect(CarrierTime.parse("2000-02-29")?.milliseconds == 951_782_400_000)
    for text in ["", "2000", "2000-13-01", "2000-01-01T", "2000-01-01T25:00:00Z", "x-y-z"] {
      #expect(CarrierTime.parse(text) == nil)
    }
  }
}

@Suite struct WebhookSignatureTests {
  static let form = FormFields(
    parsing: Array(
      ("CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309"
        + "&To=%2B18005551212").utf8))

  /// The vectors of twilio-python's own tests.
  @Test(arguments: [
    ("https://mycompany.com/myapp.php?foo=1&bar=2", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    ("https://mycompany.com:443/myapp.php?foo=1&bar=2", "kvajT1Ptam85bY51eRf/AJRuM3w="),
    ("http://mycompany.com:1234/myapp.php?foo=1&bar=2", "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
    ("http://mycompany.com:80/myapp.php?foo=1&bar=2", "0ZXoZLH/DfblKGATFgpif+LLRf4="),
  ])
  func isTwilios(_ url: String, _ signature: String) throws {
    let form = try #require(Self.form)
    #expect(WebhookSignature.make(token: "12345", url: url, form: form) == signature)
    #expect(WebhookSignature.make(token: "12345", url: url + "#rc=2", form: form) == signature)
  }

  @Test func ordersAndThinsRepeatedNames() throws {
    let many = try #require(FormFields(parsing: Array("b=2&a=1&b=1&b=2".utf8)))
    let few = try #require(FormFields(parsing: Array("a=1&b=1&b=2".utf8)))
    let url = "http://a.example/"
    #expect(
      WebhookSignature.make(token: "t", url: url, form: many)
        == WebhookSignature.make(token: "t", url: url, form: few))
  }
}

@Suite struct WebhookAddressTests {
  @Test func readsWishes() throws {
    let address = try #require(
      WebhookAddress("https://user:p%40ss@a.example:8443/x?y=1#rc=9&rp=5xx,rt&rt=300&tt=50"))
    #expect(address.url == "https://a.example:8443/x?y=1")
    #expect(address.authorization == "Basic dXNlcjpwQHNz")
    #expect(address.retryCountMax == 5)
    #expect(address.reasons == [.serverError, .read])
    #expect(address.timeoutMilliseconds == 100)
    #expect(address.retries(.answered(status: 503, contentType: nil, body: [])))
    #expect(!address.retries(.answered(status: 404, contentType: nil, body: [])))
    #expect(!address.retries(.failed(.connect)))
  }

  @Test func hasDefaults() throws {
    let address = try #require(WebhookAddress("http://127.0.0.1:8080/x"))
    #expect(address.retryCountMax == 1)
    #expect(address.reasons == [.connect])
    #expect(address.authorization == nil)
  }

  @Test(arguments: ["", "x", "ftp://a/", "http://", "http://:80/", "http:///x", "http://a b/"])
  func refuses(_ text: String) {
    #expect(WebhookAddress(text) == nil)
  }
}
