package import Telephony

package struct ImportPhoneNumber: Sendable {
  /// Empty where `provider` is given.
  package var providerID: String
  /// Whose provider is found or made; nil where `providerID` is given.
  package var provider: ProviderInput?
  package var e164: String
  package var label: String
  /// nil: yes.
  package var supportsInbound: Bool?
  /// nil: yes.
  package var supportsOutbound: Bool?
  package var labels: [String: String]
  /// What is to answer from the import on.
  package var assignee: AssigneeChoice
  /// Unset: by webhook.
  package var ingress: Choice<Ingress>
  /// The gateway of a number by trunk; else empty.
  package var gatewayID: String
  package var requestID: String
  package var validateOnly: Bool

  package init(
    providerID: String, provider: ProviderInput? = nil, e164: String, label: String = "",
    supportsInbound: Bool? = nil, supportsOutbound: Bool? = nil, labels: [String: String] = [:],
    assignee: AssigneeChoice = .unset, ingress: Choice<Ingress> = .unset, gatewayID: String = "",
    requestID: String = "", validateOnly: Bool = false
  ) {
    self.ingress = ingress
    self.gatewayID = gatewayID
    self.providerID = providerID
    self.provider = provider
    self.e164 = e164
    self.label = label
    self.supportsInbound = supportsInbound
    self.supportsOutbound = supportsOutbound
    self.labels = labels
    self.assignee = assignee
    self.requestID = requestID
    self.validateOnly = validateOnly
  }
}

package struct BatchImportPhoneNumbers: Sendable {
  package var providerID: String
  /// What is to be imported; their providers and request ids are not read.
  package var numbers: [ImportPhoneNumber]
  package var requestID: String

  package init(providerID: String, numbers: [ImportPhoneNumber], requestID: String) {
    self.providerID = providerID
    self.numbers = numbers
    self.requestID = requestID
  }
}

/// One number of a batch ended, or all of them have.
package struct BatchImportStep: Sendable, Hashable {
  package var operationID: OperationID
  /// The entry of the request and what became of it; nil in the last step.
  package var result: BatchImportResult?
  package var doneCount: Int
  package var failedCount: Int
  package var totalCount: Int
}

/// What became of one number of a batch.
package struct BatchImportResult: Sendable, Hashable {
  /// Which entry of the request, from 0.
  package var index: Int
  package var outcome: Result<PhoneNumber, RegistryError>
}

package struct ListPhoneNumbers: Sendable {
  package var page: PageRequest
  package var kind: Choice<ProviderKindFilter>
  package var agentID: String
  package var softphoneID: String
  package var providerID: String
  package var region: Choice<Region>
  package var state: Choice<PhoneNumberState>

  package init(
    page: PageRequest = PageRequest(), kind: Choice<ProviderKindFilter> = .unset,
    agentID: String = "", softphoneID: String = "", providerID: String = "",
    region: Choice<Region> = .unset, state: Choice<PhoneNumberState> = .unset
  ) {
    self.page = page
    self.kind = kind
    self.agentID = agentID
    self.softphoneID = softphoneID
    self.providerID = providerID
    self.region = region
    self.state = state
  }
}

/// A number as an update has it.
package struct PhoneNumberInput: Sendable {
  package var id: String
  package var label: String
  package var supportsOutbound: Bool
  /// What an inbound call gets while the number is not assigned; unset is `reject`.
  package var unassigned: Choice<UnassignedPolicy>
  package var labels: [String: String]
  package var etag: String

  package init(
    id: String, label: String = "", supportsOutbound: Bool = false,
    unassigned: Choice<UnassignedPolicy> = .unset, labels: [String: String] = [:],
    etag: String = ""
  ) {
    self.id = id
    self.label = label
    self.supportsOutbound = supportsOutbound
    self.unassigned = unassigned
    self.labels = labels
    self.etag = etag
  }
}

package struct UpdatePhoneNumber: Sendable {
  package var number: PhoneNumberInput?
  /// nil when the request has none.
  package var mask: [String]?

  package init(number: PhoneNumberInput?, mask: [String]? = nil) {
    self.number = number
    self.mask = mask
  }
}

/// What uses a number.
package struct PhoneNumberUsage: Sendable, Hashable {
  package var number: PhoneNumber
  /// The agent or softphone that answers it.
  package var agent: Agent?
  /// A deletion would begin now.
  package var isDeletable: Bool
}

/// What an update of a number can change, by its path.
enum PhoneNumberField: String, CaseIterable {
  case label
  case labels
  case supportsOutbound = "supports_outbound"
  case unassigned = "inbound.unassigned"
}

/// What a repair takes.
package struct RepairPhoneNumber: Sendable {
  package var id: String
  package var etag: String
  package var requestID: String

  package init(id: String, etag: String = "", requestID: String = "") {
    self.id = id
    self.etag = etag
    self.requestID = requestID
  }
}

/// What a move takes.
package struct MovePhoneNumber: Sendable {
  package var id: String
  package var providerID: String
  package var etag: String
  package var requestID: String
  package var validateOnly: Bool

  package init(
    id: String, providerID: String, etag: String = "", requestID: String = "",
    validateOnly: Bool = false
  ) {
    self.id = id
    self.providerID = providerID
    self.etag = etag
    self.requestID = requestID
    self.validateOnly = validateOnly
  }
}
