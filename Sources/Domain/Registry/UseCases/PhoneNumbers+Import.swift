package import Access
internal import Telephony

extension PhoneNumbers {
  /// Imports a number that the provider's account holds.
  ///
  /// Returns when the carrier sends the number's calls here, or throws when nothing was changed
  /// there. A caller that is cancelled leaves the work going on; the same request id waits for it
  /// again.
  package func importNumber(
    _ request: ImportPhoneNumber, by caller: Caller
  ) async throws(RegistryError) -> PhoneNumber {
    try await importNumber(
      ImportDraft(request, context.numberPlan), requestID: request.requestID,
      validateOnly: request.validateOnly, by: caller)
  }

  /// Imports what was found good; `requestID` may be one of our own.
  func importNumber(
    _ draft: ImportDraft, requestID: String, validateOnly: Bool, by caller: Caller
  ) async throws(RegistryError) -> PhoneNumber {
    if let earlier = try await context.earlier(requestID, draft.body, tenant: caller.tenant) {
      return try await replay(earlier, draft.body, caller)
    }
    for _ in 0..<RegistryLimits.contentionAttemptsMax {
      let holder = try await holder(of: draft, caller)
      let provider = holder.provider
      if let assignee = draft.assignee {
        _ = try await context.agent(assignee, tenant: caller.tenant)
      }
      let found = try await find(draft, holder)
      let claims = try await reading { () async throws(StoreError) in
        try await context.store(of: caller.tenant).claims(
          of: [found.sid], account: found.accountSID)
      }
      if let claim = claims.first {
        // A request of the same id may have taken it a moment ago.
        if let earlier = try await context.earlier(requestID, draft.body, tenant: caller.tenant) {
          return try await replay(earlier, draft.body, caller)
        }
        throw Self.claimed(claim, provider.region, caller)
      }
      let number = try make(draft, found, provider, caller)
      let isNeeded = number.state == .provisioning
      let plan = isNeeded ? try await context.ingressPlan(of: number) : nil
      if validateOnly { return number }
      let record = try context.request(
        requestID, draft.body, resource: number.id.description, tenant: caller.tenant)
      switch await store(number, by: plan, holder, record, caller) {
      case .done(let number): return number
      case .failed(let error): throw error
      case .refused(.requestRepeated(let earlier)):
        return try await replay(earlier, draft.body, caller)
      case .refused(.numberClaimed(let claim)):
        throw Self.claimed(claim, provider.region, caller)
      case .refused(.versionMismatch), .refused(.notFound), .refused(.providerExists): continue
      case .refused(let refusal): throw RegistryError(refusal)
      }
    }
    switch draft.source {
    case .stored(let id): throw .contended(.provider(id))
    case .credentials(let input, let twilio):
      throw .contended(.providerOfAccount(twilio.accountSID, input.region))
    }
  }

  // MARK: -

  /// The provider of an import.
  private struct Holder {
    let provider: Provider
    /// It is to be stored with the number.
    var isNew = false

    /// For errors: one that is not stored has no id.
    var id: ProviderID? { isNew ? nil : provider.id }
  }

  /// The provider that the request names, or that its credentials are of; a new one when there is
  /// none of that account and region.
  private func holder(
    of draft: ImportDraft, _ caller: Caller
  ) async throws(RegistryError) -> Holder {
    switch draft.source {
    case .stored(let id):
      let found = try await context.ownProvider(id, tenant: caller.tenant).provider
      try checkServed(found.region, found.kind, draft)
      return Holder(provider: found)
    case .credentials(let input, let twilio):
      try checkServed(input.region, .twilio, draft)
      let found = try await reading { () async throws(StoreError) in
        try await context.store(of: caller.tenant).provider(
          account: twilio.accountSID, region: input.region)
      }
      guard found != nil || caller.may(.providersWrite) else {
        throw .scopeMissing(.providersWrite)
      }
      try await context.probe(twilio, in: input.region)
      if let found { return Holder(provider: found.provider) }
      return Holder(provider: try Providers(context).make(input, caller), isNew: true)
    }
  }

  private func checkServed(
    _ region: Region, _ kind: ProviderKindFilter, _ draft: ImportDraft
  ) throws(RegistryError) {
    if draft.supportsInbound, draft.ingress == .webhook, kind == .twilio,
      !context.webhooks.regions.contains(region)
    {
      throw .regionNotServed(region)
    }
  }

  private func find(
    _ draft: ImportDraft, _ holder: Holder
  ) async throws(RegistryError) -> CarrierNumber {
    let (provider, e164) = (holder.provider, draft.e164)
    try draft.checkIngress(of: provider)
    if provider.kind == .sipTrunk { return try await unproven(e164, of: provider) }
    let access = try context.access(provider)
    let found: CarrierNumber?
    do {
      found = try await context.carrier.findNumber(e164, access)
    } catch {
      throw RegistryError(error)
    }
    guard let found, found.accountSID == provider.accountSID else {
      throw .numberNotAtCarrier(holder.id)
    }
    guard found.hasVoice else { throw .numberWithoutVoice(holder.id) }
    return found
  }

  private static func claimed(
    _ claim: NumberClaim, _ region: Region, _ caller: Caller
  ) -> RegistryError {
    guard claim.tenant == caller.tenant else { return .numberClaimed }
    return claim.region == region
      ? .numberExists(claim.numberID) : .numberInOtherRegion(claim.numberID, claim.region)
  }

  private func make(
    _ draft: ImportDraft, _ found: CarrierNumber, _ provider: Provider, _ caller: Caller
  ) throws(RegistryError) -> PhoneNumber {
    if case .sipTrunk(let trunk) = provider.configuration {
      return try make(draft, of: provider, trunk)
    }
    let now = context.time.now()
    return PhoneNumber(
      id: PhoneNumberID(at: now, random: context.ids), tenant: caller.tenant, label: draft.label,
      e164: found.e164, provider: provider, carrierSID: found.sid,
      gateway: draft.ingress.gatewayID, supportsInbound: draft.supportsInbound,
      supportsOutbound: draft.supportsOutbound, agentID: draft.assignee,
      state: draft.supportsInbound || draft.ingress != .webhook ? .provisioning : .active,
      labels: draft.labels, revision: Revision(createTime: now))
  }

  /// Stores the number, a new provider with it, and sets up outside what it needs.
  private func store(
    _ number: PhoneNumber, by plan: IngressPlan?, _ holder: Holder, _ record: RequestRecord?,
    _ caller: Caller
  ) async -> Attempt<PhoneNumber> {
    let provider = holder.provider
    var write = context.write(
      by: caller, at: context.time.now(), request: record,
      (holder.isNew ? [.insertProvider(provider)] : [])
        + [.insertNumber(number, providerVersion: provider.revision.version)],
      audit: AuditDraft(.importNumber, from: nil, to: number))
    if holder.isNew {
      let made = AuditDraft(.create, from: nil, to: provider)
      write.audit.insert(made.entry(by: caller, at: write.time, context.ids), at: 0)
    }
    guard let plan else {
      do {
        try await context.commit(write, of: caller.tenant)
        return .done(number)
      } catch {
        return .refused(error)
      }
    }
    let journal = ProvisioningJournal.importing(
      number, by: plan, id: OperationID(at: context.time.now(), random: context.ids),
      time: number.revision.createTime, owner: context.runner.process)
    write.changes.append(.insertJournal(journal))
    do {
      let end = try await context.runner.begin(journal, write)
      switch Self.imported(number.id, end) {
      case .success(let imported): return .done(imported)
      case .failure(let error): return .failed(error)
      }
    } catch {
      if case .stopped(.store(let refusal)) = error { return .refused(refusal) }
      return .failed(RegistryError(error))
    }
  }

  private static func imported(
    _ id: PhoneNumberID, _ end: ProvisioningEnd
  ) -> Result<PhoneNumber, RegistryError> {
    if end.journal.outcome == .done, let number = end.number { return .success(number) }
    let failure = end.journal.failure ?? ProvisioningFailure(cause: .unavailable)
    return .failure(
      .provisioningFailed(id, failure, leftovers: end.journal.leftovers))
  }

  /// The number that an earlier request of the same id imported; waits while that goes on.
  private func replay(
    _ record: RequestRecord, _ body: RequestBody, _ caller: Caller
  ) async throws(RegistryError) -> PhoneNumber {
    try context.checkSame(record, body)
    guard let id = try? PhoneNumberID(record.resourceID) else {
      throw .internalError("A request's resource is no phone number.")
    }
    let number = try await context.number(id, tenant: caller.tenant)
    switch number.state {
    case .active, .degraded, .deleting: return number
    case .corrupted: throw .numberBusy(id, .corrupted)
    case .provisioning: break
    }
    let journal = try await reading { () async throws(StoreError) in
      try await context.store(of: caller.tenant).openJournal(of: .number(id))
    }
    // Without an open entry the import has ended since the number was read.
    guard let journal else { return try await context.number(id, tenant: caller.tenant) }
    let end: ProvisioningEnd
    do {
      end = try await context.runner.join(journal)
    } catch {
      throw RegistryError(error)
    }
    return try Self.imported(id, end).get()
  }
}

extension RegistryError {
  /// What it means that a work on a number has no end to tell.
  init(_ failure: ProvisioningRunner.Failure) {
    switch failure {
    case .stopped(.store(let error)): self = RegistryError(error)
    case .stopped(.superseded):
      self = .storeUnavailable(cause: "another process goes on with the number")
    case .stopped(.stopping), .draining: self = .shuttingDown
    case .stopped(.asleep): self = .internalError("A work that somebody waits for sleeps.")
    case .stopped(.damaged(let cause)): self = .internalError(cause)
    case .full: self = .tooManyOperations
    case .cancelled: self = .cancelled
    }
  }
}

/// An import that was found good.
struct ImportDraft: Sendable {
  /// Where the provider is from.
  enum Source: Sendable {
    case stored(ProviderID)
    case credentials(ProviderDraft, TwilioDraft)
  }

  let source: Source
  let e164: E164
  let label: String
  let supportsInbound: Bool
  let supportsOutbound: Bool
  let ingress: IngressDraft
  /// What the request itself says of them, and that it asks for a webhook.
  let given: (inbound: Bool?, outbound: Bool?, isWebhook: Bool)
  let labels: [String: String]
  /// What is to answer from the import on.
  let assignee: AgentID?
  let body: RequestBody

  init(_ request: ImportPhoneNumber, _ plan: any NumberPlan) throws(RegistryError) {
    var validator = Validator()
    validator.requestID(request.requestID)
    let source = Self.source(of: request, &validator)
    let draft = ImportDraft(request, from: source, "", plan, &validator)
    try validator.finish()
    guard let draft else { throw .internalError("A field was neither read nor refused.") }
    self = draft
  }

  private static func source(
    of request: ImportPhoneNumber, _ validator: inout Validator
  ) -> Source? {
    guard let provider = request.provider else {
      return validator.id("provider_id", request.providerID, as: ProviderID.self)
        .map { .stored($0) }
    }
    do throws(RegistryError) {
      let draft = try ProviderDraft(CreateProvider(provider: provider))
      switch draft.configuration {
      case .twilio(let twilio):
        if request.providerID.isEmpty { return .credentials(draft, twilio) }
      case .sipTrunk, .liveKit:
        validator.refuse(
          "provider.config", .conflicting,
          "Only an account of twilio is linked with its number. Create this provider first, and "
            + "give its provider_id.")
      }
    } catch {
      if case .invalidArgument(let violations) = error {
        for violation in violations {
          validator.refuse(violation.field, violation.reason, violation.description)
        }
      }
    }
    if !request.providerID.isEmpty {
      validator.refuse(
        "provider_id", .conflicting, "Give either provider_id or provider, not both.")
    }
    return nil
  }

  /// Reads what a request says of a number, whose fields begin with `prefix`; nil when something
  /// was refused.
  init?(
    _ request: ImportPhoneNumber, from source: Source?, _ prefix: String,
    _ plan: any NumberPlan, _ validator: inout Validator
  ) {
    let e164 = validator.number("\(prefix)e164", request.e164, plan)
    validator.text(
      "\(prefix)label", request.label, lengthMax: RegistryLimits.labelLengthMax)
    validator.labels("\(prefix)labels", request.labels)
    self.supportsInbound = request.supportsInbound ?? true
    self.supportsOutbound = request.supportsOutbound ?? true
    self.given = (
      request.supportsInbound, request.supportsOutbound, request.ingress == .value(.webhook)
    )
    if !supportsInbound && !supportsOutbound {
      let violation = PhoneNumbers.neitherDirection("\(prefix)supports_inbound")
      validator.refuse(violation.field, violation.reason, violation.description)
    }
    let ingress = IngressDraft(request, prefix, &validator)
    self.assignee = validator.optionalAssignee(request.assignee, prefix)
    guard let source, let e164, let ingress else { return nil }
    self.ingress = ingress
    self.source = source
    self.e164 = e164
    self.label = request.label
    self.labels = request.labels
    var body = RequestBody("ImportPhoneNumber")
    body.add(request.providerID)
    body.add(request.e164)
    body.add(request.label)
    body.add(supportsInbound)
    body.add(supportsOutbound)
    body.add(request.labels)
    body.add(request.validateOnly)
    // A request of before there was a choice has the same body still.
    switch ingress {
    case .webhook: break
    case .trunk(let gateway):
      body.add(Ingress.trunk.rawValue)
      body.add(gateway.description)
    case .sip: body.add(Ingress.sip.rawValue)
    }
    if case .credentials(let draft, _) = source { body.add(draft.body) }
    // Without one it is the body of a version that knew none.
    if let assignee { body.add(assignee.description) }
    self.body = body
  }
}
