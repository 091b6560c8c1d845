internal import API
internal import Registry
internal import Telephony
internal import WellKnown

extension Trunkline.V1.Provider {
  /// A provider as its owner reads it: no secret, the key's SID masked.
  init(_ provider: Registry.Provider) {
    self.init()
    id = provider.id.description
    displayName = provider.displayName
    region = Trunkline.V1.Region(provider.region)
    switch provider.configuration {
    // Of the operator's account its users see nothing.
    case _ where provider.isPlatform: config = .platform(Platform())
    case .twilio(let twilio): config = .twilio(Twilio(twilio))
    case .sipTrunk(let trunk): config = .sipTrunk(SipTrunk(trunk))
    case .liveKit(let gateway): config = .livekit(LiveKit(gateway))
    }
    switch provider.state {
    case .active: state = .active
    }
    conditions = provider.conditions.map { Trunkline.V1.Condition($0) }
    labels = provider.labels
    etag = provider.etag
    createTime = Google.Protobuf.Timestamp(provider.revision.createTime)
    updateTime = Google.Protobuf.Timestamp(provider.revision.updateTime)
    stagedCredential = provider.staged.map { .init($0) }
    previousCredential = provider.previous.map { .init($0) }
  }
}

extension Trunkline.V1.StagedCredential {
  fileprivate init(_ staged: Registry.StagedCredential) {
    self.init()
    apiKeySID = staged.apiKey?.sid.masked ?? ""
    hasApiKeySecret = staged.apiKey != nil
    hasAuthToken = staged.authToken != nil
    state =
      switch staged.use.state {
      case .unproven: .unproven
      case .proven: .proven
      case .refused: .refused
      }
    stageTime = Google.Protobuf.Timestamp(staged.stageTime)
    firstSuccessTime = staged.use.firstSuccessTime.map { .init($0) }
    lastSuccessTime = staged.use.lastSuccessTime.map { .init($0) }
    lastRefusalTime = staged.use.lastRefusalTime.map { .init($0) }
    webhookCount = Int64(clamping: staged.use.webhookCount)
    requestCount = Int64(clamping: staged.use.requestCount)
    refusalCount = Int64(clamping: staged.use.refusalCount)
  }
}

extension Trunkline.V1.PreviousCredential {
  fileprivate init(_ previous: Registry.PreviousCredential) {
    self.init()
    apiKeySID = previous.apiKey?.sid.masked ?? ""
    hasApiKeySecret = previous.apiKey != nil
    hasAuthToken = previous.authToken != nil
    replaceTime = Google.Protobuf.Timestamp(previous.replaceTime)
    expireTime = Google.Protobuf.Timestamp(previous.expireTime)
  }
}

extension Trunkline.V1.Provider.Twilio {
  fileprivate init(_ twilio: TwilioConfiguration) {
    self.init()
    accountSID = twilio.accountSID.description
    apiKeySID = twilio.apiKey?.sid.masked ?? ""
    hasApiKeySecret = twilio.apiKey != nil
    hasAuthToken = twilio.authToken != nil
  }
}

extension Trunkline.V1.Provider {
  /// What `validate_only` would have made has no id, etag or times: it is not there.
  mutating func forgetIdentity() {
    id = ""
    etag = ""
    createTime = nil
    updateTime = nil
  }
}
