internal import Access
internal import Telephony

extension AuditDraft {
  /// A provider before and after a change; nil where it is not there.
  init(_ action: AuditAction, from old: Provider?, to new: Provider?) {
    self.init(
      action, AuditResource(.provider, (new ?? old)?.id.description ?? ""),
      AuditedFields.changes(from: old.map { .init($0) }, to: new.map { .init($0) }))
  }

  /// A number before and after a change; nil where it is not there.
  init(_ action: AuditAction, from old: PhoneNumber?, to new: PhoneNumber?) {
    self.init(
      action, AuditResource(.phoneNumber, (new ?? old)?.id.description ?? ""),
      AuditedFields.changes(from: old.map { .init($0) }, to: new.map { .init($0) }))
  }

  /// An agent before and after a change; nil where it is not there.
  init(_ action: AuditAction, from old: Agent?, to new: Agent?) {
    self.init(
      action, AuditResource(of: (new ?? old)?.id),
      AuditedFields.changes(from: old.map { .init($0) }, to: new.map { .init($0) }))
  }

  /// A token before and after a change; nil where it is not there.
  init(_ action: AuditAction, from old: APIToken?, to new: APIToken?) {
    self.init(
      action, AuditResource(.token, (new ?? old)?.id.description ?? ""),
      AuditedFields.changes(from: old.map { .init($0) }, to: new.map { .init($0) }))
  }
}

extension AuditResource {
  fileprivate init(of id: AgentID?) {
    switch id?.kind {
    case .softphone?: self.init(.softphone, id?.description ?? "")
    case .agent?, nil: self.init(.agent, id?.description ?? "")
    }
  }
}

extension AuditedFields {
  fileprivate init(_ provider: Provider) {
    add("display_name", provider.displayName)
    add("region", provider.region.rawValue)
    add("state", provider.state.rawValue)
    add(conditions: provider.conditions)
    switch provider.configuration {
    case .twilio(let twilio):
      add("twilio.account_sid", twilio.accountSID.description)
      add("twilio.api_key_sid", twilio.apiKey?.sid.masked ?? "")
      add(secret: "twilio.api_key_secret", twilio.apiKey?.secret)
      add(secret: "twilio.auth_token", twilio.authToken)
    case .liveKit(let gateway):
      add("livekit.url", gateway.url)
      add("livekit.api_key", gateway.maskedAPIKey)
      add(secret: "livekit.api_secret", gateway.apiSecret)
      add("livekit.sip_host", gateway.sipHost)
    case .sipTrunk(let trunk): add(trunk)
    }
    if let staged = provider.staged {
      add("staged_credential.api_key_sid", staged.apiKey?.sid.masked ?? "")
      add(secret: "staged_credential.api_key_secret", staged.apiKey?.secret)
      add(secret: "staged_credential.auth_token", staged.authToken)
    }
    if let previous = provider.previous {
      add("previous_credential.api_key_sid", previous.apiKey?.sid.masked ?? "")
      add("previous_credential.expire_time", previous.expireTime.rfc3339)
      add(secret: "previous_credential.api_key_secret", previous.apiKey?.secret)
      add(secret: "previous_credential.auth_token", previous.authToken)
    }
    add("labels", provider.labels)
  }

  private mutating func add(_ trunk: SIPTrunkConfiguration) {
    if let outbound = trunk.outbound {
      add("sip_trunk.outbound.address", outbound.address)
      add("sip_trunk.outbound.transport", outbound.transport.rawValue)
      add("sip_trunk.outbound.media_encryption", outbound.encryption.rawValue)
      add("sip_trunk.outbound.headers", outbound.headers)
      add("sip_trunk.outbound.username", outbound.login?.username ?? "")
      add(secret: "sip_trunk.outbound.password", outbound.login?.password)
    }
    if let inbound = trunk.inbound {
      let addresses = inbound.allowedAddresses.joined(separator: " ")
      add("sip_trunk.inbound.allowed_addresses", addresses)
      // Whole numbers are in no text of ours.
      add("sip_trunk.inbound.allowed_numbers", "\(inbound.allowedNumbers.count)")
      add("sip_trunk.inbound.media_encryption", inbound.encryption.rawValue)
      add("sip_trunk.inbound.username", inbound.login?.username ?? "")
      add(secret: "sip_trunk.inbound.password", inbound.login?.password)
    }
    add("sip_trunk.gateway_provider_id", trunk.gatewayID?.description ?? "")
  }

  fileprivate init(_ number: PhoneNumber) {
    add("e164", number.e164.text)
    add("label", number.label)
    add("provider_id", number.providerID.description)
    add("region", number.region.rawValue)
    for kind in AssigneeKind.allCases {
      let id = number.agentID.flatMap { $0.kind == kind ? $0 : nil }
      add(kind.idField, id?.description ?? "")
    }
    add("state", number.state.rawValue)
    add(conditions: number.conditions)
    add("supports_inbound", number.supportsInbound)
    add("supports_outbound", number.supportsOutbound)
    add("inbound.unassigned", number.unassignedPolicy.rawValue)
    add("pending_provider_id", number.pendingProviderID?.description ?? "")
    for (index, leftover) in number.leftovers.enumerated() {
      let made = leftover.resource.map { ": \($0.name) \($0.externalID)" } ?? ""
      add(
        "leftovers[\(index)]",
        "\(leftover.kind.rawValue) in \(leftover.region.rawValue)\(made)")
    }
    add("ingress", number.ingress.rawValue)
    add("gateway_provider_id", number.gatewayProviderID?.description ?? "")
    for resource in number.resources {
      add("resources.\(resource.kind.rawValue)", resource.externalID)
    }
    add("labels", number.labels)
  }

  /// The reasons of those that don't hold.
  private mutating func add(conditions: [Condition]) {
    add("conditions", conditions.filter { !$0.holds }.map(\.reason).joined(separator: " "))
  }

  fileprivate init(_ token: APIToken) {
    add("display_name", token.displayName)
    add("scopes", "\(token.scopes)")
    add("expire_time", token.expireTime?.rfc3339 ?? "")
    add("revoke_time", token.revokeTime?.rfc3339 ?? "")
  }

  fileprivate init(_ agent: Agent) {
    add("display_name", agent.displayName)
    for (index, connection) in agent.connections.enumerated() {
      // A softphone's connection is its endpoint.
      let field = agent.id.kind == .agent ? "connections[\(index)]." : ""
      add("\(field)region", connection.region?.rawValue ?? "")
      switch connection.target {
      case .mediaStream(let url, let parameters):
        add("\(field)media_stream.url", url)
        add("\(field)media_stream.parameters", parameters)
      case .sip(let uri, let login):
        add("\(field)sip.uri", uri)
        add("\(field)sip.username", login?.username ?? "")
        add(secret: "\(field)sip.password", login?.password)
      }
    }
    add("labels", agent.labels)
  }
}
