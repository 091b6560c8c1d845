internal import Telephony

/// Users and passwords that calls over a trunk may show.
struct CredentialList: Sendable, Hashable {
  struct Credential: Sendable, Hashable {
    let sid: String
    let username: String
    var password: String
    let created: Timestamp
    var updated: Timestamp
  }

  let sid: String
  let account: String
  let region: Region
  var friendlyName: String
  var credentials = Table<Credential>()
  let created: Timestamp
  var updated: Timestamp
}

/// Addresses that calls over a trunk may come from.
struct AccessList: Sendable, Hashable {
  struct Address: Sendable, Hashable {
    let sid: String
    var friendlyName: String
    var address: String
    var prefixLength: Int
    let created: Timestamp
    var updated: Timestamp
  }

  let sid: String
  let account: String
  let region: Region
  var friendlyName: String
  var addresses = Table<Address>()
  let created: Timestamp
  var updated: Timestamp
}

/// A SIP domain: TwiML for calls from SIP endpoints.
struct SIPDomain: Sendable, Hashable {
  let sid: String
  let account: String
  let region: Region
  var domainName: String
  var friendlyName = ""
  var voice = VoiceTarget()
  var statusCallback = ""
  var isSecure = false
  var takesRegistrations = false
  let created: Timestamp
  var updated: Timestamp

  /// The end of each domain's name.
  static let suffix = ".sip.twilio.com"
}
