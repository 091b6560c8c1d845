internal import Telephony

/// A number of an account, with one record of configuration per region.
struct CarrierNumber: Sendable, Hashable {
  struct Configuration: Sendable, Hashable {
    var voice = VoiceTarget()
    var statusCallback = ""
    var statusCallbackMethod = "POST"
    /// Set, it stands before the URLs; empty for none.
    var applicationSID = ""
    /// Set, it stands before all else; empty for none.
    var trunkSID = ""
    var receiveMode = "voice"
    var looksUpCallerID = false
    var updated: Timestamp
  }

  /// Which region takes the inbound calls. A change is read at once and followed late.
  struct Route: Sendable, Hashable {
    let sid: String
    var friendlyName = ""
    var region: Region
    /// Who takes the calls until ``effective``.
    var former: Region
    var effective: Timestamp
    let created: Timestamp
    var updated: Timestamp
  }

  let sid: String
  var account: String
  let phoneNumber: String
  var friendlyName: String
  var hasVoice = true
  var configurations: [Region: Configuration]
  /// Nil while unset, which is us1.
  var route: Route?
  let created: Timestamp

  func configuration(in region: Region) -> Configuration {
    configurations[region] ?? Configuration(updated: created)
  }
}
