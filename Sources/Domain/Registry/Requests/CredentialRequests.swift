internal import Telephony

/// A second set of credentials as a request has it.
package struct StageCredential: Sendable {
  package var providerID: String
  /// nil when the request has none. Its account may be empty.
  package var twilio: TwilioInput?
  package var etag: String
  package var requestID: String
  package var validateOnly: Bool

  package init(
    providerID: String, twilio: TwilioInput?, etag: String = "", requestID: String = "",
    validateOnly: Bool = false
  ) {
    self.providerID = providerID
    self.twilio = twilio
    self.etag = etag
    self.requestID = requestID
    self.validateOnly = validateOnly
  }
}

/// Which provider's credentials change places.
package struct SwitchCredential: Sendable {
  package var providerID: String
  package var etag: String

  package init(providerID: String, etag: String = "") {
    self.providerID = providerID
    self.etag = etag
  }

  /// The provider's id, found good with the etag.
  func checked() throws(RegistryError) -> ProviderID {
    var validator = Validator()
    let id = validator.id("id", providerID, as: ProviderID.self)
    validator.etag("etag", etag)
    try validator.finish()
    guard let id else { throw .internalError("An id was neither read nor refused.") }
    return id
  }
}

/// A second set of credentials that was found good, as far as its form goes.
struct CredentialDraft: Sendable {
  let providerID: ProviderID
  /// As the request has it; empty: the provider's.
  let account: String
  let credentials: TwilioCredentials
  let body: RequestBody

  init(_ request: StageCredential) throws(RegistryError) {
    var validator = Validator()
    let id = validator.id("id", request.providerID, as: ProviderID.self)
    validator.etag("etag", request.etag)
    validator.requestID(request.requestID)
    guard let twilio = request.twilio else {
      validator.refuse("credential", .required, "The credentials are missing: give twilio.")
      throw .invalidArgument(validator.violations)
    }
    self.credentials = TwilioCredentials(twilio, "twilio", &validator)
    try validator.finish()
    guard let id else { throw .internalError("An id was neither read nor refused.") }
    self.providerID = id
    self.account = twilio.accountSID
    var body = RequestBody("StageCredential")
    body.add(request.providerID)
    body.add(twilio.accountSID)
    body.add(twilio.apiKeySID)
    body.add(twilio.apiKeySecret)
    body.add(twilio.authToken)
    body.add(request.validateOnly)
    self.body = body
  }

  /// Refuses another account than the provider's.
  func check(_ provider: Provider) throws(RegistryError) {
    guard let own = provider.accountSID else {
      throw .providerUnsuited(provider.id, provider.kind)
    }
    guard !account.isEmpty, account != own.description else { return }
    throw .invalidArgument([
      FieldViolation(
        "twilio.account_sid", .immutable,
        "The account of a provider never changes. Leave it out, or give the provider's own.")
    ])
  }
}
