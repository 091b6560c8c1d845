internal import Telephony

/// A call as Twilio keeps it, and as its far end plays it.
struct SimulatedCall: Sendable, Hashable {
  enum Status: String, Sendable, CaseIterable {
    case queued
    /// Dialling; a resource still shows it as queued.
    case initiated
    case ringing
    case inProgress = "in-progress"
    case completed, busy, failed
    case noAnswer = "no-answer"
    case canceled

    var isOver: Bool {
      switch self {
      case .queued, .initiated, .ringing, .inProgress: false
      case .completed, .busy, .failed, .noAnswer, .canceled: true
      }
    }
  }

  /// One voice webhook: what was asked and what came.
  struct WebhookRecord: Sendable, Hashable {
    var url: String
    var method: String
    var attempt: Int
    var token: String
    var status: Int?
    var errorCode: Int?
    var body = ""
  }

  struct CallbackRecord: Sendable, Hashable {
    enum State: String, Sendable { case held, queued, sending, delivered, failed }

    let event: CallEvent
    let sequence: Int
    let form: FormFields
    var state: State
    /// The HTTP status of each delivery, 0 where there was no answer.
    var deliveries: [Int] = []
  }

  struct CallError: Sendable, Hashable {
    var code: Int
    var message: String
  }

  struct StatusTarget: Sendable, Hashable {
    var url: String
    var method: String
    var events: Set<CallEvent>
  }

  /// Whoever waits for something of this call.
  struct WithheldAnswer: Sendable, Hashable {
    var request: RequestID
    var answer: SimulatorAnswer
    var event: CallEvent
  }

  let sid: String
  let account: String
  let region: Region
  let isInbound: Bool
  let to: String
  let from: String
  var phoneNumberSID: String?
  var status: Status
  let created: Timestamp
  var updated: Timestamp
  /// When dialling began; a queued call has none.
  var started: Timestamp?
  var answered: Timestamp?
  var ended: Timestamp?
  /// From here on lists show it.
  let listed: Timestamp
  var queueMilliseconds = 0
  var price: String?
  var sipCode: Int?

  var voice: VoiceTarget
  /// POST Calls' Twiml, in place of a URL.
  var inlineTwiML: String?
  var statusTarget: StatusTarget?
  var extraFields: [FormFields.Field] = []
  var timeout: Duration = .seconds(60)
  var timeLimit: Duration = .seconds(14400)
  var farEnd: FarEnd
  var repeatWebhook = 0

  /// The document at work, and the verb that is next.
  var script: [XMLElement] = []
  var nextVerb = 0
  /// Goes up with each document, so that what an older one waited for is not done.
  var generation = 0
  var redirectCount = 0
  /// What the call came to rest at.
  var disposition: JSON?
  var webhooks: [WebhookRecord] = []
  var callbacks: [CallbackRecord] = []
  /// Callbacks to be sent, by index, one after the other.
  var callbackQueue: [Int] = []
  var isSendingCallback = false
  var errors: [CallError] = []
  var withheld: WithheldAnswer?
  /// Requests to the control API that wait for the call to rest.
  var waiting: [RequestID] = []

  /// As the resource shows it.
  var shownStatus: Status { status == .initiated ? .queued : status }
}
