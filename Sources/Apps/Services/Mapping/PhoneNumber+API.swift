internal import API
internal import Registry
internal import Telephony
internal import WellKnown

extension Trunkline.V1.PhoneNumber {
  init(_ number: Registry.PhoneNumber) {
    self.init()
    id = number.id.description
    label = number.label
    address = .e164(number.e164.text)
    providerID = number.providerID.description
    pendingProviderID = number.pendingProviderID?.description ?? ""
    region = Trunkline.V1.Region(number.region)
    carrierSID =
      number.isAwaited || number.ingress == .sip ? "" : number.carrierSID.description
    ingress = Ingress(number.ingress)
    gatewayProviderID = number.gatewayProviderID?.description ?? ""
    supportsInbound = number.supportsInbound
    supportsOutbound = number.supportsOutbound
    inbound = Inbound(unassigned: .init(number.unassignedPolicy))
    assignee = number.agentID.map { Assignee($0) }
    state = State(number.state)
    conditions = number.conditions.map { Trunkline.V1.Condition($0) }
    leftovers = number.leftovers.map { Leftover($0) }
    former = number.former.map { FormerSettings($0) }
    resources = number.resources.map { Resource($0) }
    provisioned = number.purchase != nil
    labels = number.labels
    etag = number.etag
    createTime = Google.Protobuf.Timestamp(number.revision.createTime)
    updateTime = Google.Protobuf.Timestamp(number.revision.updateTime)
  }
}

extension Trunkline.V1.PhoneNumber.Assignee {
  fileprivate init(_ id: AgentID) {
    switch id.kind {
    case .agent: self = .agentID(id.description)
    case .softphone: self = .softphoneID(id.description)
    }
  }
}

extension Trunkline.V1.PhoneNumber.State {
  init(_ state: PhoneNumberState) {
    switch state {
    case .provisioning: self = .provisioning
    case .active: self = .active
    case .degraded: self = .degraded
    case .deleting: self = .deleting
    case .corrupted: self = .corrupted
    }
  }

  /// What a filter means.
  var choice: Choice<PhoneNumberState> {
    switch self {
    case .unspecified: .unset
    case .provisioning: .value(.provisioning)
    case .active: .value(.active)
    case .degraded: .value(.degraded)
    case .deleting: .value(.deleting)
    case .corrupted: .value(.corrupted)
    case .unrecognized: .unknown
    }
  }
}

extension Trunkline.V1.PhoneNumber.Ingress {
  /// What an import means.
  var choice: Choice<Registry.Ingress> {
    switch self {
    case .unspecified: .unset
    case .webhook: .value(.webhook)
    case .trunk: .value(.trunk)
    case .sip: .value(.sip)
    case .unrecognized: .unknown
    }
  }

  fileprivate init(_ ingress: Registry.Ingress) {
    switch ingress {
    case .webhook: self = .webhook
    case .trunk: self = .trunk
    case .sip: self = .sip
    }
  }
}

extension Trunkline.V1.PhoneNumber.Inbound.Unassigned {
  fileprivate init(_ policy: UnassignedPolicy) {
    switch policy {
    case .reject: self = .reject
    case .formerURL: self = .former
    }
  }

  /// What an update means.
  var choice: Choice<UnassignedPolicy> {
    switch self {
    case .unspecified: .unset
    case .reject: .value(.reject)
    case .former: .value(.formerURL)
    case .unrecognized: .unknown
    }
  }
}

extension Trunkline.V1.PhoneNumber.Leftover {
  fileprivate init(_ leftover: Registry.Leftover) {
    self.init()
    type = Type_(leftover.kind)
    region = Trunkline.V1.Region(leftover.region)
    carrierCode = leftover.carrierCode.map { Int32(clamping: $0) }
    name = leftover.resource?.name ?? ""
    resourceID = leftover.resource?.externalID ?? ""
  }
}

extension Trunkline.V1.PhoneNumber.Leftover.Type_ {
  fileprivate init(_ kind: StepKind) {
    switch kind {
    case .trunk: self = .trunk
    case .credentialList: self = .credentialList
    case .credential: self = .credential
    case .trunkCredentialList: self = .trunkCredentialList
    case .originationURL: self = .originationURL
    case .gatewayInboundTrunk: self = .gatewayInboundTrunk
    case .gatewayOutboundTrunk: self = .gatewayOutboundTrunk
    case .dispatchRule: self = .dispatchRule
    case .trunkNumber: self = .trunkNumber
    case .webhook: self = .webhook
    case .processingRegion: self = .processingRegion
    case .purchase: self = .purchase
    case .propagation, .readBack, .release: self = .unspecified
    }
  }
}

extension Trunkline.V1.PhoneNumber.Resource {
  fileprivate init(_ resource: ExternalResource) {
    self.init()
    type = Trunkline.V1.PhoneNumber.Leftover.Type_(resource.kind)
    region = Trunkline.V1.Region(resource.region)
    providerID = resource.providerID.description
    name = resource.name
    externalID = resource.externalID
  }
}

extension Trunkline.V1.PhoneNumber.FormerSettings {
  fileprivate init(_ former: Registry.FormerSettings) {
    self.init()
    voiceURL = former.voice.voiceURL
    voiceMethod = former.voice.voiceMethod.rawValue
    voiceFallbackURL = former.voice.fallbackURL
    voiceFallbackMethod = former.voice.fallbackMethod.rawValue
    statusCallback = former.voice.statusCallbackURL
    statusCallbackMethod = former.voice.statusCallbackMethod.rawValue
    voiceApplicationSID = former.voice.applicationSID
    trunkSID = former.voice.trunkSID
    voiceRegion = former.processingRegion.map { Trunkline.V1.Region($0) } ?? .unspecified
  }
}

extension Trunkline.V1.PhoneNumberUsage {
  init(_ usage: Registry.PhoneNumberUsage) {
    self.init()
    phoneNumberID = usage.number.id.description
    users = usage.agent.map { [User($0)] } ?? []
    deletable = usage.isDeletable
  }
}

extension Trunkline.V1.PhoneNumberUsage.User {
  fileprivate init(_ agent: Registry.Agent) {
    self.init()
    user =
      switch agent.id.kind {
      case .agent: .agentID(agent.id.description)
      case .softphone: .softphoneID(agent.id.description)
      }
    displayName = agent.displayName
  }
}

extension Trunkline.V1.ProviderNumber {
  init(_ listed: Registry.ProviderNumber) {
    self.init()
    e164 = listed.number.e164.text
    carrierSID = listed.number.sid.description
    friendlyName = listed.number.friendlyName
    supportsVoice = listed.number.hasVoice
    phoneNumberID = listed.importedAs?.description ?? ""
  }
}

extension Trunkline.V1.PhoneNumber {
  /// What `validate_only` would have made has no id, etag or times: it is not there.
  mutating func forgetIdentity() {
    id = ""
    etag = ""
    createTime = nil
    updateTime = nil
  }
}
