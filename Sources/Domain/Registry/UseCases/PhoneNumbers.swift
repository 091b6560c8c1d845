package import Access
internal import Telephony

/// Phone numbers: reading them, and the changes that don't touch the carrier.
package struct PhoneNumbers: Sendable {
  let context: RegistryContext

  package init(_ context: RegistryContext) {
    self.context = context
  }

  package func get(_ id: String, by caller: Caller) async throws(RegistryError) -> PhoneNumber {
    try await context.number(try Self.parse(id), tenant: caller.tenant)
  }

  /// Newest first.
  package func list(
    _ request: ListPhoneNumbers, by caller: Caller
  ) async throws(RegistryError) -> Page<PhoneNumber> {
    var validator = Validator()
    var filter = PhoneNumberFilter(
      kind: validator.optional("type", request.kind),
      agentID: validator.assigneeFilter(
        agent: request.agentID, softphone: request.softphoneID),
      providerID: validator.optionalID(
        "provider_id", request.providerID, as: ProviderID.self),
      region: validator.optional("region", request.region),
      state: validator.optional("state", request.state))
    let plan = PagePlan(request.page, query: "phone numbers \(filter)", &validator)
    try validator.finish()
    guard try await hasNumbers(&filter, caller) else { return Page(elements: [], nextToken: "") }
    let read = try await reading { [filter] () async throws(StoreError) in
      try await context.store(of: caller.tenant).numbersOfKind(
        filter, after: plan.cursor, limit: plan.size + 1)
    }
    return plan.page(read) {
      PageCursor(createTime: $0.revision.createTime, id: $0.id.description)
    }
  }

  /// A provider's numbers are all of its region. So of both filters one is enough, or there are
  /// none, which must not be found out by reading all that the provider has.
  private func hasNumbers(
    _ filter: inout PhoneNumberFilter, _ caller: Caller
  ) async throws(RegistryError) -> Bool {
    guard let id = filter.providerID, let region = filter.region else { return true }
    let found = try await reading { () async throws(StoreError) in
      try await context.store(of: caller.tenant).provider(id)
    }
    filter.region = nil
    return found?.provider.region == region
  }

  /// Changes label, labels, whether calls may be placed from the number, and what a call to it gets
  /// while it is not assigned.
  package func update(
    _ request: UpdatePhoneNumber, by caller: Caller
  ) async throws(RegistryError) -> PhoneNumber {
    var validator = Validator()
    guard let input = request.number else {
      throw .invalidArgument([
        FieldViolation("phone_number", .required, "The phone number is missing.")
      ])
    }
    let id = validator.id("phone_number.id", input.id, as: PhoneNumberID.self)
    validator.etag("phone_number.etag", input.etag)
    var populated: Set<PhoneNumberField> = []
    if !input.label.isEmpty { populated.insert(.label) }
    if !input.labels.isEmpty { populated.insert(.labels) }
    if input.supportsOutbound { populated.insert(.supportsOutbound) }
    if input.unassigned != .unset { populated.insert(.unassigned) }
    let fields = UpdateMask(request.mask, populated: populated, &validator).fields
    if fields.contains(.label) {
      validator.text(
        "phone_number.label", input.label, lengthMax: RegistryLimits.labelLengthMax)
    }
    if fields.contains(.labels) { validator.labels("phone_number.labels", input.labels) }
    let unassigned = validator.optional("phone_number.inbound.unassigned", input.unassigned)
    try validator.finish()
    guard let id else { throw .internalError("An id was neither read nor refused.") }
    return try await modify(id, etag: input.etag, .update, caller) {
      (number: inout PhoneNumber) throws(RegistryError) in
      if fields.contains(.label) { number.label = input.label }
      if fields.contains(.labels) { number.labels = input.labels }
      if fields.contains(.supportsOutbound), number.supportsOutbound != input.supportsOutbound {
        // What was made for it is for the directions that it had.
        guard number.ingress == .webhook else { throw .numberOnTrunk(number.id) }
        number.supportsOutbound = input.supportsOutbound
      }
      if fields.contains(.unassigned) { number.unassignedPolicy = unassigned ?? .reject }
      guard number.supportsInbound || number.supportsOutbound else {
        throw .invalidArgument([Self.neitherDirection("phone_number.supports_outbound")])
      }
    }
  }

  /// Gives the number to an agent or a softphone, in place of the one that has it.
  package func assign(
    _ id: String, to assignee: AssigneeChoice, etag: String = "", by caller: Caller
  ) async throws(RegistryError) -> PhoneNumber {
    var validator = Validator()
    let id = validator.id("id", id, as: PhoneNumberID.self)
    let agentID = validator.assignee(assignee)
    validator.etag("etag", etag)
    try validator.finish()
    guard let id, let agentID else {
      throw .internalError("An id was neither read nor refused.")
    }
    return try await modify(id, etag: etag, .assign, caller) {
      (number: inout PhoneNumber) throws(RegistryError) in
      switch number.state {
      case .provisioning, .active, .degraded: number.agentID = agentID
      case .deleting, .corrupted: throw .numberBusy(number.id, number.state)
      }
    }
  }

  /// Takes the number from its agent or softphone; nothing happens when it has none.
  package func unassign(
    _ id: String, etag: String = "", by caller: Caller
  ) async throws(RegistryError) -> PhoneNumber {
    var validator = Validator()
    let id = validator.id("id", id, as: PhoneNumberID.self)
    validator.etag("etag", etag)
    try validator.finish()
    guard let id else { throw .internalError("An id was neither read nor refused.") }
    return try await modify(id, etag: etag, .unassign, caller) {
      (number: inout PhoneNumber) throws(RegistryError) in number.agentID = nil
    }
  }

  /// What uses the number.
  package func usage(
    _ id: String, by caller: Caller
  ) async throws(RegistryError) -> PhoneNumberUsage {
    let number = try await get(id, by: caller)
    var agent: Agent?
    if let agentID = number.agentID {
      agent = try await reading { () async throws(StoreError) in
        try await context.store(of: caller.tenant).agent(agentID)
      }
    }
    let isSettled =
      switch number.state {
      case .active, .degraded, .corrupted: true
      case .provisioning, .deleting: false
      }
    let isWorkedOn = try await context.work(on: number.id, tenant: caller.tenant) != nil
    return PhoneNumberUsage(
      number: number, agent: agent,
      isDeletable: isSettled && !isWorkedOn && number.agentID == nil)
  }

  // MARK: -

  static func parse(_ text: String) throws(RegistryError) -> PhoneNumberID {
    var validator = Validator()
    let id = validator.id("id", text, as: PhoneNumberID.self)
    try validator.finish()
    guard let id else { throw .internalError("An id was neither read nor refused.") }
    return id
  }

  static func neitherDirection(_ field: String) -> FieldViolation {
    FieldViolation(
      field, .conflicting, "A number supports inbound calls, outbound calls, or both.")
  }

  /// Reads, changes and writes, again while others are faster. Nothing is written when nothing
  /// changed.
  private func modify(
    _ id: PhoneNumberID, etag: String, _ action: AuditAction, _ caller: Caller,
    _ change: (inout PhoneNumber) throws(RegistryError) -> Void
  ) async throws(RegistryError) -> PhoneNumber {
    for _ in 0..<RegistryLimits.contentionAttemptsMax {
      let present = try await context.number(id, tenant: caller.tenant)
      try checkEtag(etag, present.etag, .number(id))
      var next = present
      try change(&next)
      if next == present { return present }
      next.revision = present.revision.next(at: context.time.now())
      do {
        try await context.commit(
          by: caller, [.updateNumber(next, from: present.revision.version)],
          audit: AuditDraft(action, from: present, to: next))
        return next
      } catch .versionMismatch(.number), .notFound(.number) {
        continue
      } catch .notFound(.agent) {
        throw next.agentID.map { .notFound(.agent($0)) } ?? .notFound(.number(id))
      } catch {
        throw RegistryError(error)
      }
    }
    throw .contended(.number(id))
  }
}
