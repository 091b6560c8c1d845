internal import API
internal import Registry
internal import Telephony
internal import WellKnown

// What requests ask for, in the domain's words. Nothing is judged here: the use cases do.

extension CreateProvider {
  init(_ request: Trunkline.V1.CreateProviderRequest) {
    self.init(
      provider: request.provider.map { ProviderInput($0) }, requestID: request.requestID,
      validateOnly: request.validateOnly)
  }
}

extension UpdateProvider {
  init(_ request: Trunkline.V1.UpdateProviderRequest) {
    self.init(
      provider: request.provider.map { ProviderInput($0) }, mask: request.updateMask?.paths,
      validateOnly: request.validateOnly)
  }
}

extension ListProviders {
  init(_ request: Trunkline.V1.ListProvidersRequest) {
    self.init(
      page: PageRequest(size: Int(request.pageSize), token: request.pageToken),
      kind: request.type.choice, region: request.region.choice, accountSID: request.accountSID)
  }
}

extension ValidateProvider {
  init(_ request: Trunkline.V1.ValidateProviderRequest) {
    switch request.target {
    case .id(let id): self = .stored(id: id)
    case .provider(let provider): self = .candidate(ProviderInput(provider))
    case nil: self = .unset
    }
  }
}

extension DiagnoseProvider {
  init(_ request: Trunkline.V1.DiagnoseProviderRequest, timeLeft: Duration?) {
    self.init(
      providerID: request.providerID, countries: request.countries,
      numberLimit: Int(request.numberLimit), timeLeft: timeLeft)
  }
}

extension StageCredential {
  init(_ request: Trunkline.V1.StageCredentialRequest) {
    let twilio: TwilioInput? =
      switch request.credential {
      case .twilio(let given): TwilioInput(given)
      case nil: nil
      }
    self.init(
      providerID: request.id, twilio: twilio, etag: request.etag, requestID: request.requestID,
      validateOnly: request.validateOnly)
  }
}

extension TwilioInput {
  fileprivate init(_ twilio: Trunkline.V1.Provider.Twilio) {
    self.init(
      accountSID: twilio.accountSID, apiKeySID: twilio.apiKeySID,
      apiKeySecret: twilio.apiKeySecret.map { Secret($0) },
      authToken: twilio.authToken.map { Secret($0) })
  }
}

extension ProviderInput {
  fileprivate init(_ provider: Trunkline.V1.Provider) {
    self.init(
      id: provider.id, displayName: provider.displayName, region: provider.region.choice,
      labels: provider.labels, etag: provider.etag)
    switch provider.config {
    case .twilio(let config): twilio = TwilioInput(config)
    case .sipTrunk(let config): sipTrunk = SIPTrunkInput(config)
    case .livekit(let config): liveKit = LiveKitInput(config)
    case .platform, nil: break
    }
  }
}

extension ImportPhoneNumber {
  init(_ request: Trunkline.V1.ImportPhoneNumberRequest) {
    self.init(
      providerID: request.providerID, provider: request.provider.map { ProviderInput($0) },
      e164: request.e164, label: request.label,
      supportsInbound: request.supportsInbound, supportsOutbound: request.supportsOutbound,
      labels: request.labels, assignee: AssigneeChoice(request.assignee),
      ingress: request.ingress.choice, gatewayID: request.gatewayProviderID,
      requestID: request.requestID, validateOnly: request.validateOnly)
  }
}

extension AssigneeChoice {
  fileprivate init(_ assignee: Trunkline.V1.ImportPhoneNumberRequest.Assignee?) {
    switch assignee {
    case .agentID(let id): self = .agent(id)
    case .softphoneID(let id): self = .softphone(id)
    case nil: self = .unset
    }
  }

  fileprivate init(_ assignee: Trunkline.V1.BatchImportPhoneNumbersRequest.Entry.Assignee?) {
    switch assignee {
    case .agentID(let id): self = .agent(id)
    case .softphoneID(let id): self = .softphone(id)
    case nil: self = .unset
    }
  }
}

extension BatchImportPhoneNumbers {
  init(_ request: Trunkline.V1.BatchImportPhoneNumbersRequest) {
    self.init(
      providerID: request.providerID,
      numbers: request.numbers.map { entry in
        ImportPhoneNumber(
          providerID: request.providerID, e164: entry.e164, label: entry.label,
          supportsInbound: entry.supportsInbound, supportsOutbound: entry.supportsOutbound,
          labels: entry.labels, assignee: AssigneeChoice(entry.assignee))
      }, requestID: request.requestID)
  }
}

extension RepairPhoneNumber {
  init(_ request: Trunkline.V1.RepairPhoneNumberRequest) {
    self.init(id: request.id, etag: request.etag, requestID: request.requestID)
  }
}

extension MovePhoneNumber {
  init(_ request: Trunkline.V1.MovePhoneNumberRequest) {
    self.init(
      id: request.id, providerID: request.providerID, etag: request.etag,
      requestID: request.requestID, validateOnly: request.validateOnly)
  }
}

extension ListPhoneNumbers {
  init(_ request: Trunkline.V1.ListPhoneNumbersRequest) {
    self.init(
      page: PageRequest(size: Int(request.pageSize), token: request.pageToken),
      kind: request.type.choice, agentID: request.agentID, softphoneID: request.softphoneID,
      providerID: request.providerID, region: request.region.choice, state: request.state.choice)
  }
}

extension UpdatePhoneNumber {
  init(_ request: Trunkline.V1.UpdatePhoneNumberRequest) {
    self.init(
      number: request.phoneNumber.map { PhoneNumberInput($0) }, mask: request.updateMask?.paths)
  }
}

extension PhoneNumberInput {
  fileprivate init(_ number: Trunkline.V1.PhoneNumber) {
    self.init(
      id: number.id, label: number.label, supportsOutbound: number.supportsOutbound,
      unassigned: number.inbound?.unassigned.choice ?? .unset, labels: number.labels,
      etag: number.etag)
  }
}

extension AgentInput {
  init(_ agent: Trunkline.V1.Agent) {
    self.init(
      id: agent.id, displayName: agent.displayName,
      connections: agent.connections.map { AgentConnectionInput($0) }, labels: agent.labels,
      etag: agent.etag)
  }
}

extension AgentInput {
  init(_ softphone: Trunkline.V1.Softphone) {
    let connections: [AgentConnectionInput] =
      switch softphone.endpoint {
      case .sip(let sip):
        [
          AgentConnectionInput(
            target: .sip(
              uri: sip.uri, username: sip.username, password: sip.password.map { Secret($0) }))
        ]
      case nil: []
      }
    self.init(
      id: softphone.id, displayName: softphone.displayName, connections: connections,
      labels: softphone.labels, etag: softphone.etag)
  }
}

extension AgentConnectionInput {
  fileprivate init(_ connection: Trunkline.V1.AgentConnection) {
    let target: Target =
      switch connection.endpoint {
      case .mediaStream(let stream):
        .mediaStream(url: stream.url, parameters: stream.parameters)
      case .sip(let sip):
        .sip(
          uri: sip.uri, username: sip.username, password: sip.password.map { Secret($0) })
      case nil: .unset
      }
    self.init(region: connection.region.choice, target: target)
  }
}
