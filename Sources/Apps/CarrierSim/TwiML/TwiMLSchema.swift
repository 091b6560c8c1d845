/// What one TwiML element may hold. Source: twilio.com/docs/voice/twiml, page by page.
struct TwiMLRule {
  /// What an attribute's value may be.
  enum Value {
    case any
    case oneOf(Set<String>)
    case integer(ClosedRange<Int>)
    case boolean

    func accepts(_ text: String) -> Bool {
      switch self {
      case .any: true
      case .oneOf(let words): words.contains(text)
      case .integer(let range): Int(text).map(range.contains) ?? false
      case .boolean: text == "true" || text == "false"
      }
    }
  }

  /// Whether text stands in it.
  enum Text {
    case none
    case allowed
    case required
  }

  var attributes: [String: Value] = [:]
  /// Attributes that must be there.
  var required: Set<String> = []
  var children: Set<String> = []
  /// How many child elements it must have.
  var childCount: ClosedRange<Int> = 0...1000
  var text: Text = .none
  /// Any attribute is taken, as in SSML.
  var isOpen = false
}

enum TwiMLSchema {
  private static let method: TwiMLRule.Value = .oneOf(["GET", "POST"])
  private static let seconds: TwiMLRule.Value = .integer(0...86400)

  static let verbs: Set<String> = [
    "Connect", "Dial", "Enqueue", "Gather", "Hangup", "Leave", "Pause", "Play", "Record",
    "Redirect", "Refer", "Reject", "Say", "Start", "Stop",
  ]

  /// The rule for an element; nil when TwiML has no such element.
  static func rule(_ name: String) -> TwiMLRule? { rules[name] }

  private static let rules = verbRules.merging(nounRules) { verb, _ in verb }

  private static let verbRules: [String: TwiMLRule] = [
    "Response": TwiMLRule(children: verbs),
    "Connect": TwiMLRule(
      attributes: ["action": .any, "method": method],
      children: ["Stream", "ConversationRelay", "Room", "VirtualAgent"], childCount: 1...1),
    "Dial": TwiMLRule(
      attributes: [
        "action": .any, "method": method, "answerOnBridge": .boolean, "callerId": .any,
        "callReason": .any, "hangupOnStar": .boolean, "record": .any,
        "recordingStatusCallback": .any, "recordingStatusCallbackMethod": method,
        "recordingStatusCallbackEvent": .any, "recordingTrack": .any, "referUrl": .any,
        "referMethod": method, "ringTone": .any, "sequential": .boolean,
        "timeLimit": .integer(1...86400), "timeout": .integer(1...600), "trim": .any,
      ],
      children: ["Number", "Sip", "Client", "Conference", "Queue"], text: .allowed),
    "Enqueue": TwiMLRule(
      attributes: [
        "action": .any, "maxQueueSize": .integer(1...5000), "method": method, "waitUrl": .any,
        "waitUrlMethod": method, "workflowSid": .any,
      ],
      children: ["Task"], text: .allowed),
    "Gather": TwiMLRule(
      attributes: [
        "action": .any, "method": method, "input": .any, "timeout": .any, "numDigits": .any,
        "finishOnKey": .any, "speechTimeout": .any, "language": .any, "hints": .any,
        "actionOnEmptyResult": .boolean, "bargeIn": .boolean, "profanityFilter": .boolean,
        "speechModel": .any, "enhanced": .boolean, "partialResultCallback": .any,
        "partialResultCallbackMethod": method,
      ],
      children: ["Say", "Play", "Pause"]),
    "Hangup": TwiMLRule(),
    "Leave": TwiMLRule(),
    "Pause": TwiMLRule(attributes: ["length": seconds]),
    "Play": TwiMLRule(
      attributes: ["loop": .integer(0...1000), "digits": .any], text: .allowed),
    "Record": TwiMLRule(
      attributes: [
        "action": .any, "method": method, "timeout": seconds, "finishOnKey": .any,
        "maxLength": .integer(1...14400), "playBeep": .boolean, "trim": .any,
        "recordingStatusCallback": .any, "recordingStatusCallbackMethod": method,
        "recordingStatusCallbackEvent": .any, "transcribe": .boolean, "transcribeCallback": .any,
      ]),
    "Redirect": TwiMLRule(attributes: ["method": method], text: .required),
    "Refer": TwiMLRule(
      attributes: ["action": .any, "method": method], children: ["Sip"], childCount: 1...1),
    "Reject": TwiMLRule(attributes: ["reason": .oneOf(["rejected", "busy"])]),
    "Say": TwiMLRule(
      attributes: ["voice": .any, "language": .any, "loop": .integer(0...1000)],
      children: speech, text: .allowed),
    "Start": TwiMLRule(
      attributes: ["action": .any, "method": method],
      children: ["Stream", "Recording", "Siprec", "Transcription"], childCount: 1...1),
    "Stop": TwiMLRule(
      children: ["Stream", "Recording", "Siprec", "Transcription"], childCount: 1...1),
  ]

  private static let speech: Set<String> = [
    "break", "emphasis", "lang", "p", "phoneme", "prosody", "s", "say-as", "sub", "w",
  ]

  private static let callEvents: [String: TwiMLRule.Value] = [
    "url": .any, "method": method, "statusCallback": .any, "statusCallbackMethod": method,
    "statusCallbackEvent": .any, "machineDetection": .any, "machineDetectionTimeout": .any,
    "amdStatusCallback": .any, "amdStatusCallbackMethod": method,
  ]

  private static func dialled(_ more: [String: TwiMLRule.Value]) -> TwiMLRule {
    TwiMLRule(attributes: callEvents.merging(more) { _, new in new }, text: .required)
  }

  private static let nounRules: [String: TwiMLRule] = {
    var rules: [String: TwiMLRule] = [
      "Stream": TwiMLRule(
        attributes: [
          "url": .any, "name": .any, "connectorName": .any, "statusCallback": .any,
          "statusCallbackMethod": method,
          "track": .oneOf(["inbound_track", "outbound_track", "both_tracks"]),
        ],
        children: ["Parameter"]),
      "Parameter": TwiMLRule(
        attributes: ["name": .any, "value": .any], required: ["name", "value"]),
      "ConversationRelay": TwiMLRule(
        required: ["url"], children: ["Language", "Parameter"], isOpen: true),
      "Language": TwiMLRule(required: ["code"], isOpen: true),
      "Room": TwiMLRule(attributes: ["participantIdentity": .any], text: .required),
      "VirtualAgent": TwiMLRule(children: ["Config", "Parameter"], isOpen: true),
      "Config": TwiMLRule(attributes: ["name": .any, "value": .any]),
      "Sip": dialled(["username": .any, "password": .any, "codecs": .any]),
      "Number": dialled(["sendDigits": .any, "byoc": .any]),
      "Queue": dialled(["reservationSid": .any, "postWorkActivitySid": .any]),
      "Client": TwiMLRule(
        attributes: callEvents, children: ["Identity", "Parameter"], text: .allowed),
      "Identity": TwiMLRule(text: .required),
      "Conference": TwiMLRule(text: .required, isOpen: true),
      "Task": TwiMLRule(
        attributes: ["priority": .any, "timeout": .any], text: .required),
      "Recording": TwiMLRule(isOpen: true),
      "Siprec": TwiMLRule(children: ["Parameter"], isOpen: true),
      "Transcription": TwiMLRule(isOpen: true),
    ]
    for name in speech { rules[name] = TwiMLRule(children: speech, text: .allowed, isOpen: true) }
    return rules
  }()
}
