internal import HTTPClient
internal import Registry
internal import Telephony

/// Elastic SIP Trunking, and the lists of SIP credentials. In all regions but us1 a trunk has no
/// numbers of its own: there the number's record names its trunk.
///
/// Source: twilio-oai `twilio_trunking_v1`, `twilio_api_v2010`;
/// twilio.com/docs/global-infrastructure, regional-sip-trunks.
extension TwilioRequests {
  /// A list that is gone through page by page.
  enum TrunkList: Sendable, Hashable {
    case trunks
    case originationURLs(CarrierTrunkSID)
    case credentialLists
    case credentials(CredentialListSID)

    /// The member of the answer that holds the entries.
    var key: String {
      switch self {
      case .trunks: "trunks"
      case .originationURLs: "origination_urls"
      case .credentialLists: "credential_lists"
      case .credentials: "credentials"
      }
    }
  }

  func list(
    _ list: TrunkList, page: TwilioPageToken?, size: Int
  ) throws(TwilioFailure) -> HTTPRequest {
    let query = Self.page(page, size: size)
    return switch list {
    case .trunks: try get(.trunking, "/v1/Trunks", query)
    case .originationURLs(let trunk): try get(.trunking, part(trunk, "OriginationUrls"), query)
    case .credentialLists: try get(.api, credentialLists() + ".json", query)
    case .credentials(let list):
      try get(.api, credentialLists("/\(list)/Credentials.json"), query)
    }
  }

  // MARK: Trunks

  func fetchTrunk(_ sid: CarrierTrunkSID) throws(TwilioFailure) -> HTTPRequest {
    try get(.trunking, "/v1/Trunks/\(sid)")
  }

  func createTrunk(
    named name: String, domain: String, isSecure: Bool
  ) throws(TwilioFailure) -> HTTPRequest {
    try post(
      .trunking, "/v1/Trunks",
      [("FriendlyName", name), ("DomainName", domain), ("Secure", String(isSecure))])
  }

  func deleteTrunk(_ sid: CarrierTrunkSID) throws(TwilioFailure) -> HTTPRequest {
    try delete(.trunking, "/v1/Trunks/\(sid)")
  }

  // MARK: Origination URLs

  func createOriginationURL(
    named name: String, sipURL: String, on trunk: CarrierTrunkSID
  ) throws(TwilioFailure) -> HTTPRequest {
    try post(
      .trunking, part(trunk, "OriginationUrls"),
      [
        ("FriendlyName", name), ("SipUrl", sipURL), ("Priority", "10"), ("Weight", "10"),
        ("Enabled", "true"),
      ])
  }

  func deleteOriginationURL(
    _ sid: OriginationURLSID, on trunk: CarrierTrunkSID
  ) throws(TwilioFailure) -> HTTPRequest {
    try delete(.trunking, part(trunk, "OriginationUrls/\(sid)"))
  }

  // MARK: Credential lists

  func createCredentialList(named name: String) throws(TwilioFailure) -> HTTPRequest {
    try post(.api, credentialLists() + ".json", [("FriendlyName", name)])
  }

  func deleteCredentialList(_ sid: CredentialListSID) throws(TwilioFailure) -> HTTPRequest {
    try delete(.api, credentialLists("/\(sid).json"))
  }

  func createCredential(
    _ username: String, password: Secret, in list: CredentialListSID
  ) throws(TwilioFailure) -> HTTPRequest {
    try post(
      .api, credentialLists("/\(list)/Credentials.json"),
      [
        ("Username", username),
        ("Password", String(decoding: password.revealed, as: UTF8.self)),
      ])
  }

  // MARK: What is attached to a trunk

  func fetchAttached(
    _ list: CredentialListSID, to trunk: CarrierTrunkSID
  ) throws(TwilioFailure) -> HTTPRequest {
    try get(.trunking, part(trunk, "CredentialLists/\(list)"))
  }

  func attach(
    _ list: CredentialListSID, to trunk: CarrierTrunkSID
  ) throws(TwilioFailure) -> HTTPRequest {
    try post(
      .trunking, part(trunk, "CredentialLists"), [("CredentialListSid", list.description)])
  }

  func detach(
    _ list: CredentialListSID, from trunk: CarrierTrunkSID
  ) throws(TwilioFailure) -> HTTPRequest {
    try delete(.trunking, part(trunk, "CredentialLists/\(list)"))
  }

  func attach(
    _ number: CarrierNumberSID, to trunk: CarrierTrunkSID
  ) throws(TwilioFailure) -> HTTPRequest {
    switch access.region {
    case .us1:
      try post(
        .trunking, part(trunk, "PhoneNumbers"), [("PhoneNumberSid", number.description)])
    case .ie1, .au1:
      try post(
        .api, account("IncomingPhoneNumbers/\(number).json"),
        [("TrunkSid", trunk.description)])
    }
  }

  // MARK: Paths

  private func part(_ trunk: CarrierTrunkSID, _ rest: String) -> String {
    "/v1/Trunks/\(trunk)/\(rest)"
  }

  private func credentialLists(_ rest: String = "") -> String {
    account("SIP/CredentialLists" + rest)
  }
}
