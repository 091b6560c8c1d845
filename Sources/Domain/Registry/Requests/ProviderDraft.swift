internal import Telephony

/// A creation that was found good, its secrets in the clear.
struct ProviderDraft: Sendable {
  let displayName: String
  let region: Region
  let configuration: ConfigurationDraft
  let labels: [String: String]
  let body: RequestBody

  /// - Parameter allowsPlain: a LiveKit server may be spoken to without TLS, whatever its host.
  init(_ request: CreateProvider, allowsPlain: Bool = false) throws(RegistryError) {
    var validator = Validator()
    validator.requestID(request.requestID)
    guard let input = request.provider else {
      validator.refuse("provider", .required, "The provider is missing.")
      throw .invalidArgument(validator.violations)
    }
    validator.text(
      "provider.display_name", input.displayName, lengthMax: RegistryLimits.displayNameLengthMax)
    validator.labels("provider.labels", input.labels)
    let region = validator.region("provider.region", input.region)
    let configuration = ConfigurationDraft(input, allowsPlain: allowsPlain, &validator)
    try validator.finish()
    guard let region, let configuration else {
      throw .internalError("A field was neither read nor refused.")
    }
    self.displayName = input.displayName
    self.region = region
    self.configuration = configuration
    self.labels = input.labels
    var body = RequestBody("CreateProvider")
    body.add(input.displayName)
    body.add(region.rawValue)
    if let twilio = input.twilio {
      body.add(twilio.accountSID)
      body.add(twilio.apiKeySID)
      body.add(twilio.apiKeySecret)
      body.add(twilio.authToken)
    }
    if let trunk = input.sipTrunk { body.add(trunk) }
    if let gateway = input.liveKit { body.add(gateway) }
    body.add(input.labels)
    body.add(request.validateOnly)
    self.body = body
  }

  /// `Provider.key` of what is made; nil: its own id will be in it.
  var key: String? {
    switch configuration {
    case .twilio(let twilio): twilio.accountSID.description
    case .liveKit(let gateway): gateway.key
    case .sipTrunk(let trunk): trunk.outbound?.key
    }
  }

  /// The gateway that it names.
  var gatewayID: ProviderID? {
    guard case .sipTrunk(let trunk) = configuration else { return nil }
    return trunk.gatewayID
  }

  /// Its credentials are tried before they are stored.
  var isTried: Bool {
    switch configuration {
    case .twilio, .liveKit: true
    case .sipTrunk: false
    }
  }
}

/// What a kind of provider needs, found good as far as its form goes.
enum ConfigurationDraft: Sendable {
  case twilio(TwilioDraft)
  case sipTrunk(SIPTrunkDraft)
  case liveKit(LiveKitDraft)

  init?(_ input: ProviderInput, allowsPlain: Bool, _ validator: inout Validator) {
    if let twilio = input.twilio {
      guard let draft = TwilioDraft(twilio, &validator) else { return nil }
      self = .twilio(draft)
    } else if let trunk = input.sipTrunk {
      self = .sipTrunk(SIPTrunkDraft(trunk, &validator))
    } else if let gateway = input.liveKit {
      guard let draft = LiveKitDraft(gateway, allowsPlain: allowsPlain, &validator) else {
        return nil
      }
      self = .liveKit(draft)
    } else {
      validator.refuse(
        "provider.config", .required,
        "The configuration is missing: give twilio, sip_trunk or livekit.")
      return nil
    }
  }
}

/// A Twilio account with its credentials in the clear.
struct TwilioDraft: Sendable {
  let accountSID: AccountSID
  let credentials: TwilioCredentials

  init?(_ input: TwilioInput, _ validator: inout Validator) {
    let account = validator.id(
      "provider.twilio.account_sid", input.accountSID, as: AccountSID.self)
    credentials = TwilioCredentials(input, "provider.twilio", &validator)
    guard let account else { return nil }
    accountSID = account
  }
}

extension SIPTrunkDraft.Outbound {
  /// nil when the login is that which is stored.
  var key: String? {
    switch login {
    case .none: SIPTrunkConfiguration.Outbound.key(address: address, username: "")
    case .given(let username, _):
      SIPTrunkConfiguration.Outbound.key(address: address, username: username)
    case .kept: nil
    }
  }
}
