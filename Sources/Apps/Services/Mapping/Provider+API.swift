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
    case .twilio(let twilio): config = .twilio(Twilio(twilio))
    }
    switch provider.state {
    case .active: state = .active
    }
    conditions = provider.conditions.map { Trunkline.V1.Condition($0) }
    labels = provider.labels
    etag = provider.etag
    createTime = Google.Protobuf.Timestamp(provider.revision.createTime)
    updateTime = Google.Protobuf.Timestamp(provider.revision.updateTime)
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
