import Testing

@testable import CarrierSim

@Suite struct TwiMLDocumentTests {
  private func code(_ verbs: String, contentType: String? = "text/xml") -> Int? {
    do throws(TwiMLProblem) {
      let text = "<Response>\(verbs)</Response>"
      _ = try TwiMLDocument(body: Array(text.utf8), contentType: contentType)
      return nil
    } catch {
      return error.code
    }
  }

  @Test(arguments: [
    "", "<Hangup/>", "<Reject reason='busy'/>", "<Say voice='alice'>Hi <break/></Say>",
    "<Connect><Stream url='wss://a.example/s'><Parameter name='n' value='v'/></Stream></Connect>",
    "<Dial answerOnBridge='true' timeout='9'><Sip username='u' password='p'>sip:a@b.c</Sip></Dial>",
    "<Dial>+15005550006</Dial>", "<Pause length='2'/>", "<Redirect>http://a.example/</Redirect>",
    "<Dial><Conference startConferenceOnEnter='true'>room</Conference></Dial>",
    "<Gather input='dtmf'><Say>Press</Say></Gather>", "<Play digits='1w2'/>",
    "<Start><Stream url='wss://a.example/s' track='both_tracks'/></Start>",
  ])
  func takes(_ verbs: String) {
    #expect(code(verbs) == nil)
  }

  @Test(arguments: [
    ("<Conect/>", 12200), ("<Say loud='yes'>x</Say>", 12200), ("<Hangup>x</Hangup>", 12200),
    ("<Connect/>", 12200), ("<Connect><Say>x</Say></Connect>", 12200),
    ("<Stream url='wss://a.example/'/>", 12200), ("<Reject reason='no'/>", 12200),
    ("<Connect><Stream/></Connect>", 12200),
    ("<Connect><Stream url='ws://a.example/'/></Connect>", 12200),
    ("<Connect><Stream url='wss://a.example/?x=1'/></Connect>", 12200),
    ("<Connect><Stream url='wss://a.example/' track='both_tracks'/></Connect>", 31941),
    ("<Dial/>", 13201), ("<Dial><Sip>http://a.example</Sip></Dial>", 13223),
    ("<Dial timeout='0'>+15005550006</Dial>", 12200), ("<Redirect/>", 12200),
    ("<Pause length='long'/>", 12200), ("<Say>x", 12100), ("text", 12200),
    ("<Connect><Stream url='wss://a.example/s'><Parameter name='n'/></Stream></Connect>", 12200),
  ])
  func refuses(_ verbs: String, _ expected: Int) {
    #expect(code(verbs) == expected)
  }

  @Test func boundsParameters() {
    let long = String(repeating: "x", count: TwiMLDocument.parameterLengthMax)
    let parameter = "<Parameter name='n' value='\(long)'/>"
    let stream = "<Stream url='wss://a.example/s'>\(parameter)</Stream>"
    #expect(code("<Connect>\(stream)</Connect>") == 12200)
  }

  @Test func looksAtTheMediaTypeAndTheSize() {
    #expect(code("", contentType: "application/xml; charset=utf-8") == nil)
    #expect(code("", contentType: "text/html") == nil)
    #expect(code("", contentType: "application/json") == 12300)
    #expect(code("", contentType: nil) == 12300)
    #expect(code("<!--" + String(repeating: "x", count: 65536) + "-->") == 11750)
    let spoken = try? TwiMLDocument(body: Array("Hello".utf8), contentType: "text/plain")
    #expect(spoken?.verbs.first?.name == "Say")
  }

  @Test func refusesAnotherRoot() {
    let problem = TwiMLProblem.schema("The root element is html and not Response.")
    #expect(throws: problem) {
      try TwiMLDocument(xml: Array("<html/>".utf8))
    }
  }
}

@Suite struct WildcardTests {
  @Test(arguments: [
    ("/a/Calls.json", "*/Calls.json", true), ("/a/Calls.json", "*", true), ("", "*", true),
    ("abc", "a*c", true), ("abcbc", "a*bc", true), ("abd", "a*c", false), ("ab", "abc", false),
    ("+1500", "*500*", true), ("", "", true), ("x", "", false),
  ])
  func matches(_ text: String, _ pattern: String, _ expected: Bool) {
    #expect(Wildcard.matches(text, pattern: pattern) == expected)
  }
}
