import CallDispatch
import Telephony
import Testing

@testable import Twilio

@Suite struct TwilioSignatureTests {
  private let token = Secret("12345")
  private let parameters = [
    WebhookParameter(name: "CallSid", value: "CA1234567890ABCDE"),
    WebhookParameter(name: "Caller", value: "+14158675309"),
    WebhookParameter(name: "Digits", value: "1234"),
    WebhookParameter(name: "From", value: "+14158675309"),
    WebhookParameter(name: "To", value: "+18005551212"),
  ]

  private func accepts(_ signature: String, _ url: String) -> Bool {
    TwilioSignature.accepts(signature, url: url, parameters: parameters, token: token)
  }

  // Published by the carrier's own libraries as their test vectors.
  @Test(arguments: [
    ("https://mycompany.com/myapp.php?foo=1&bar=2", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    ("https://mycompany.com:443/myapp.php?foo=1&bar=2", "kvajT1Ptam85bY51eRf/AJRuM3w="),
    ("http://mycompany.com:1234/myapp.php?foo=1&bar=2", "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
    ("http://mycompany.com:80/myapp.php?foo=1&bar=2", "0ZXoZLH/DfblKGATFgpif+LLRf4="),
  ])
  func makesAndAcceptsTheVectors(_ url: String, _ signature: String) {
    #expect(accepts(signature, url))
    let own = TwilioSignature.signature(url: url, parameters: parameters.reversed(), token: token)
    #expect(own == signature)
  }

  @Test func thePortMayBeAddedOrRemoved() {
    let plain = "https://mycompany.com/myapp.php?foo=1&bar=2"
    let port = "https://mycompany.com:443/myapp.php?foo=1&bar=2"
    #expect(accepts("kvajT1Ptam85bY51eRf/AJRuM3w=", plain))
    #expect(accepts("RSOYDt4T1cUTdK1PDd93/VVr8B8=", port))
    #expect(accepts("RSOYDt4T1cUTdK1PDd93/VVr8B8=", plain + "#ct=2000"))
  }

  @Test func everythingElseIsRefused() {
    let url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    let right = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    #expect(!accepts("", url))
    #expect(!accepts("RSOYDt4T1cUTdK1PDd93/VVr8B9=", url))
    #expect(!accepts("RSOYDt4T1cUTdK1PDd93", url))
    #expect(!accepts(right, url + "&x=1"))
    #expect(!accepts(right, "http://mycompany.com/myapp.php?foo=1&bar=2"))
    #expect(!accepts(right, "https://evil.com/myapp.php?foo=1&bar=2"))
    #expect(
      !TwilioSignature.accepts(
        right, url: url, parameters: Array(parameters.dropLast()), token: token))
    #expect(
      !TwilioSignature.accepts(right, url: url, parameters: parameters, token: Secret("12346")))
  }

  @Test func repeatedNamesCountSortedAndOnce() {
    let url = "https://mycompany.com/"
    let field = { (value: String) in WebhookParameter(name: "a", value: value) }
    let one = TwilioSignature.signature(
      url: url, parameters: [field("2"), field("1"), field("2")], token: token)
    let other = TwilioSignature.signature(
      url: url, parameters: [field("1"), field("2")], token: token)
    #expect(one == other)
  }

  /// Unicode holds the two ways to write an "é" for equal, and a signature is over bytes. Computed
  /// with Python's hmac.
  @Test(arguments: [false, true]) func valuesAreEqualByTheirBytes(reverses: Bool) {
    let fields = ["\u{E9}", "e\u{301}"].map { WebhookParameter(name: "a", value: $0) }
    #expect(
      TwilioSignature.accepts(
        "osr8/3Onjmqsg26CxNbL1nYfIJM=", url: "https://mycompany.com/",
        parameters: reverses ? fields.reversed() : fields, token: token))
  }

  @Test func theOlderEncodingOfAQueryCounts() {
    let signed = "https://a.example.com/x?b=c%20d&e='f'"
    let signature = TwilioSignature.signature(url: signed, parameters: [], token: token)
    #expect(
      TwilioSignature.accepts(
        signature, url: "https://a.example.com/x?b=c+d&e=%27f%27", parameters: [], token: token))
  }

  @Test func aJSONBodyIsSignedByItsHash() {
    let body = Array("{\"property\": \"value\", \"boolean\": true}".utf8)
    let hash = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
    let url = "https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256=\(hash)"
    let signature = "a9nBmqA0ju/hNViExpshrM61xv4="
    #expect(TwilioSignature.accepts(signature, url: url, body: body, token: token))
    #expect(!TwilioSignature.accepts(signature, url: url, body: body + [0], token: token))
    #expect(
      !TwilioSignature.accepts(
        "RSOYDt4T1cUTdK1PDd93/VVr8B8=", url: "https://mycompany.com/myapp.php?foo=1&bar=2",
        body: body, token: token))
    let alone = "https://mycompany.com/myapp.php?bodySHA256=\(hash)"
    #expect(
      TwilioSignature.accepts("y77kIzt2vzLz71DgmJGsen2scGs=", url: alone, body: body, token: token))
  }

  @Test func urlsAreCutAroundTheirPort() {
    #expect(
      TwilioSignature.urlForms("https://u:p@[::1]:8443/x")
        == ["https://u:p@[::1]:8443/x", "https://u:p@[::1]/x"])
    #expect(
      TwilioSignature.urlForms("http://a.example.com?x=1")
        == ["http://a.example.com?x=1", "http://a.example.com:80?x=1"])
    #expect(TwilioSignature.urlForms("ftp://a:1/") == ["ftp://a:1/"])
  }
}

@Suite struct TwiMLTests {
  private func body(_ answer: CallAnswer) throws -> String {
    let text = try TwiML.render(answer)
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response>"
    #expect(text.hasPrefix(head) && text.hasSuffix("</Response>\n"))
    return String(text.dropFirst(head.count).dropLast("</Response>\n".count))
  }

  @Test func connectsAMediaStream() throws {
    let plan = ConnectionPlan.mediaStream(
      url: "wss://agent.example.com/stream",
      parameters: [
        StreamParameter(name: "call_id", value: "call_us1_1"),
        StreamParameter(name: "q", value: "a<b>&\"c'\n\u{1}é"),
      ])
    #expect(
      try body(.connect(plan))
        == "<Connect><Stream url=\"wss://agent.example.com/stream\">"
        + "<Parameter name=\"call_id\" value=\"call_us1_1\"/>"
        + "<Parameter name=\"q\" value=\"a&lt;b&gt;&amp;&quot;c&apos;&#10;\u{FFFD}é\"/>"
        + "</Stream></Connect>")
  }

  @Test func dialsASIPAddress() throws {
    let uri = "sip:a@b.example.com;transport=tls?x=1&y=2"
    #expect(
      try body(.connect(.sip(uri: uri, login: nil)))
        == "<Dial answerOnBridge=\"true\">"
        + "<Sip>sip:a@b.example.com;transport=tls?x=1&amp;y=2</Sip></Dial>")
    let open = SIPLogin(username: "u\"", password: nil)
    #expect(
      try body(.connect(.sip(uri: uri, login: open))).contains("<Sip username=\"u&quot;\">"))
    let sealed = SIPLogin(
      username: "u", password: SealedBytes(keyName: "k", bytes: [1], associatedData: []))
    let answer = CallAnswer.connect(.sip(uri: uri, login: sealed))
    #expect(
      try TwiML.render(answer, sipPassword: Secret("p&"))
        .contains("<Sip username=\"u\" password=\"p&amp;\">"))
    #expect(throws: TwiMLError.sipPasswordMissing) { try TwiML.render(answer) }
  }

  @Test func rejectsRedirectsAndHangsUp() throws {
    #expect(try body(.reject(.busy)) == "<Reject reason=\"busy\"/>")
    #expect(try body(.reject(.rejected)) == "<Reject reason=\"rejected\"/>")
    #expect(try body(.hangUp) == "<Hangup/>")
    #expect(
      try body(.redirect(url: "https://old.example.com/v?a=1&b=2", method: .post))
        == "<Redirect method=\"POST\">https://old.example.com/v?a=1&amp;b=2</Redirect>")
  }

  @Test func refusesWhatTwilioWouldRefuse() {
    for url in ["ws://a.example.com/", "https://a", "wss://a/?b=c", "wss://a/#b", "wss://a b/"] {
      #expect(throws: TwiMLError.streamURLNotAllowed) {
        try TwiML.render(.connect(.mediaStream(url: url, parameters: [])))
      }
    }
    #expect(throws: TwiMLError.sipURINotAllowed) {
      try TwiML.render(.connect(.sip(uri: "tel:+12025550123", login: nil)))
    }
    let huge = StreamParameter(name: "a", value: String(repeating: "&", count: 20_000))
    #expect(throws: TwiMLError.tooLarge(limit: TwiML.byteCountMax)) {
      try TwiML.render(.connect(.mediaStream(url: "wss://a.example.com/", parameters: [huge])))
    }
  }
}

@Suite struct WebhookFormTests {
  private func form(_ text: String) throws(WebhookFormError) -> WebhookForm {
    try WebhookForm(decoding: Array(text.utf8))
  }

  @Test func decodesFields() throws {
    let form = try form("a=1&b=x+y%2B%C3%A9&&c&a=2&=d")
    #expect(
      form.parameters == [
        WebhookParameter(name: "a", value: "1"), WebhookParameter(name: "b", value: "x y+é"),
        WebhookParameter(name: "c", value: ""), WebhookParameter(name: "a", value: "2"),
        WebhookParameter(name: "", value: "d"),
      ])
    #expect(form["a"] == "1")
    #expect(try self.form("").parameters.isEmpty)
  }

  @Test(arguments: ["a=%", "a=%2", "a=%zz", "%=1", "a=%FF"])
  func refusesMalformedFields(_ text: String) {
    #expect(throws: WebhookFormError.malformed) { try form(text) }
  }

  @Test func isBounded() {
    #expect(throws: WebhookFormError.tooLarge) {
      try form(String(repeating: "a", count: WebhookForm.byteCountMax + 1))
    }
    #expect(throws: WebhookFormError.tooManyFields) {
      try form(String(repeating: "a&", count: WebhookForm.fieldCountMax + 1))
    }
  }

  @Test func readsTheVoiceWebhook() throws {
    let text = "CallSid=CA\(Sample.hex)&AccountSid=AC\(Sample.hex)&From=%2B12025550123&To=anonymous"
    #expect(
      try form(text).voice
        == VoiceWebhook(
          account: try Sample.account(), carrierCallID: try Sample.call(), from: "+12025550123",
          to: "anonymous"))
    #expect(try form("CallSid=CA1&AccountSid=AC\(Sample.hex)").voice == nil)
    #expect(try form("").voice == nil)
  }

  @Test func readsTheStatusCallback() throws {
    let text =
      "CallSid=CA\(Sample.hex)&AccountSid=AC\(Sample.hex)&CallStatus=completed&SequenceNumber=3"
      + "&Timestamp=Tue%2C+31+Aug+2010+20%3A36%3A28+%2B0000&SipResponseCode=200&CallDuration=14"
    #expect(
      try form(text).status
        == StatusWebhook(
          account: try Sample.account(), carrierCallID: try Sample.call(), status: .completed,
          sequence: 3, time: Timestamp(milliseconds: 1_283_286_988_000), sipCode: 200,
          durationSeconds: 14))
    let odd =
      "CallSid=CA\(Sample.hex)&AccountSid=AC\(Sample.hex)&CallStatus=ringing&SequenceNumber=-1"
    #expect(try form(odd).status?.sequence == nil)
    let forged = text.replacing("CallDuration=14", with: "CallDuration=9223372036854775807")
    #expect(try form(forged).status?.durationSeconds == nil)
    #expect(try form(text.replacing("completed", with: "gone")).status == nil)
  }
}
