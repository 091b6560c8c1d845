internal import Telephony

/// An Elastic SIP trunk: of one account, in one region.
struct Trunk: Sendable, Hashable {
  /// Where calls from a number go.
  struct OriginationURL: Sendable, Hashable {
    let sid: String
    var friendlyName: String
    var sipURL: String
    var weight: Int
    var priority: Int
    var isEnabled: Bool
    let created: Timestamp
    var updated: Timestamp
  }

  enum TransferMode: String, Sendable, CaseIterable {
    case disableAll = "disable-all"
    case enableAll = "enable-all"
    case sipOnly = "sip-only"
  }

  enum TransferCallerID: String, Sendable, CaseIterable {
    case transferee = "from-transferee"
    case transferor = "from-transferor"
  }

  enum RecordingMode: String, Sendable, CaseIterable {
    case none = "do-not-record"
    case fromRinging = "record-from-ringing"
    case fromAnswer = "record-from-answer"
    case fromRingingDual = "record-from-ringing-dual"
    case fromAnswerDual = "record-from-answer-dual"
  }

  enum RecordingTrim: String, Sendable, CaseIterable {
    case trim = "trim-silence"
    case none = "do-not-trim"
  }

  let sid: String
  let account: String
  let region: Region
  var friendlyName = ""
  /// Where calls to the carrier come in, `….pstn.twilio.com`; empty for none.
  var domainName = ""
  var disasterRecovery = VoiceTarget()
  var transferMode = TransferMode.disableAll
  var transferCallerID = TransferCallerID.transferee
  var isSecure = false
  var looksUpNames = false
  var recordingMode = RecordingMode.none
  var recordingTrim = RecordingTrim.none
  var originationURLs = Table<OriginationURL>()
  /// SIDs of the account's lists.
  var credentialLists: [String] = []
  var accessLists: [String] = []
  let created: Timestamp
  var updated: Timestamp

  /// The end of each trunk's domain.
  static let domainSuffix = ".pstn.twilio.com"

  func belongs(_ account: String, _ region: Region) -> Bool {
    self.account == account && self.region == region
  }
}
