internal import Telephony

/// A Twilio account or sub-account. It exists in every region; its tokens differ in each.
struct Account: Sendable, Hashable {
  struct Tokens: Sendable, Hashable {
    /// Signs webhooks.
    var primary: String
    /// Opens the door too; nil while there is none.
    var secondary: String?
  }

  enum Status: String, Sendable, CaseIterable { case active, suspended, closed }
  enum Kind: String, Sendable, CaseIterable {
    case trial = "Trial"
    case full = "Full"
  }

  let sid: String
  var friendlyName: String
  /// The account that owns this sub-account.
  var parent: String?
  var status: Status = .active
  var kind: Kind = .full
  var tokens: [Region: Tokens]
  /// Nil: the simulator's setting. 0: no queue.
  var callsPerSecond: Double?
  /// Calls at a time; nil for as many as one likes.
  var concurrencyMax: Int?
  var verifiedCallerIDs: Set<String> = []
  var mayBuy = true
  /// By country; what is not here is the parent's or the simulator's.
  var dialing: [String: DialingPermission] = [:]
  /// Whether a sub-account may call what its parent may.
  var inheritsDialing = true
  let created: Timestamp
}

/// An API key: valid in one region.
struct APIKey: Sendable, Hashable {
  enum Kind: String, Sendable, CaseIterable {
    case standard, main, restricted
    /// A test credential: every real resource refuses it (20008).
    case test
  }

  enum Permission: String, Sendable, CaseIterable {
    case numbers, calls, routes, trunks, sip, voice, pricing
  }

  let sid: String
  let secret: String
  let account: String
  let region: Region
  let kind: Kind
  /// What a restricted key may do.
  let permissions: Set<Permission>
}

/// A TwiML application: where a number can point in place of URLs of its own.
struct Application: Sendable, Hashable {
  let sid: String
  let account: String
  let region: Region
  var voice: VoiceTarget
  var statusCallback: String
}

/// Where TwiML comes from.
struct VoiceTarget: Sendable, Hashable {
  var url = ""
  var method = "POST"
  var fallbackURL = ""
  var fallbackMethod = "POST"
}
