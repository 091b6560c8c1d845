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
      let provider = try await context.provider(draft.providerID, tenant: caller.tenant).provider
      if draft.supportsInbound, !context.webhooks.regions.contains(provider.region) {
        throw .regionNotServed(provider.region)
      }
      let found = try await find(draft.e164, provider)
      let claims = try await reading { () async throws(StoreError) in
        try await context.store(of: caller.tenant).claims(
          of: [found.sid], account: provider.accountSID)
      }
      if let claim = claims.first {
        // A request of the same id may have taken it a moment ago.
        if let earlier = try await context.earlier(requestID, draft.body, tenant: caller.tenant) {
          return try await replay(earlier, draft.body, caller)
        }
        throw Self.claimed(claim, provider.region, caller)
      }
      let number = make(draft, found, provider, caller)
      if validateOnly { return number }
      let record = try context.request(
        requestID, draft.body, resource: number.id.description, tenant: caller.tenant)
      switch await store(number, provider, record, caller) {
      case .done(let number): return number
      case .failed(let error): throw error
      case .refused(.requestRepeated(let earlier)):
        return try await replay(earlier, draft.body, caller)
      case .refused(.numberClaimed(let claim)):
        throw Self.claimed(claim, provider.region, caller)
      case .refused(.versionMismatch), .refused(.notFound): continue
      case .refused(let refusal): throw RegistryError(refusal)
      }
    }
    throw .contended(.provider(draft.providerID))
  }

  // MARK: -

  private func find(
    _ e164: E164, _ provider: Provider
  ) async throws(RegistryError) -> CarrierNumber {
    let access = try context.access(provider)
    let found: CarrierNumber?
    do {
      found = try await context.carrier.findNumber(e164, access)
    } catch {
      throw RegistryError(error)
    }
    guard let found, found.accountSID == provider.accountSID else {
      throw .numberNotAtCarrier(provider.id)
    }
    guard found.hasVoice else { throw .numberWithoutVoice(provider.id) }
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
  ) -> PhoneNumber {
    let now = context.time.now()
    return PhoneNumber(
      id: PhoneNumberID(at: now, random: context.ids), tenant: caller.tenant, label: draft.label,
      e164: found.e164, provider: provider, carrierSID: found.sid,
      supportsInbound: draft.supportsInbound, supportsOutbound: draft.supportsOutbound,
      state: draft.supportsInbound ? .provisioning : .active, labels: draft.labels,
      revision: Revision(createTime: now))
  }

  /// Stores the number, and for inbound sets it up at the carrier.
  private func store(
    _ number: PhoneNumber, _ provider: Provider, _ record: RequestRecord?, _ caller: Caller
  ) async -> Attempt<PhoneNumber> {
    let insertion = RegistryChange.insertNumber(
      number, providerVersion: provider.revision.version)
    let draft = AuditDraft(.importNumber, from: nil, to: number)
    guard number.supportsInbound else {
      do {
        try await context.commit(by: caller, request: record, [insertion], audit: draft)
        return .done(number)
      } catch {
        return .refused(error)
      }
    }
    let ours = context.webhooks.voiceSettings(
      of: number.id, region: number.region, generation: number.webhookGeneration)
    let journal = ProvisioningJournal.importing(
      number, ours: ours, id: OperationID(at: context.time.now(), random: context.ids),
      time: number.revision.createTime, owner: context.runner.process)
    let write = context.write(
      by: caller, at: context.time.now(), request: record,
      [insertion, .insertJournal(journal)], audit: draft)
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
  let providerID: ProviderID
  let e164: E164
  let label: String
  let supportsInbound: Bool
  let supportsOutbound: Bool
  let labels: [String: String]
  let body: RequestBody

  init(_ request: ImportPhoneNumber, _ plan: any NumberPlan) throws(RegistryError) {
    var validator = Validator()
    validator.requestID(request.requestID)
    let providerID = validator.id("provider_id", request.providerID, as: ProviderID.self)
    let draft = ImportDraft(request, of: providerID, "", plan, &validator)
    try validator.finish()
    guard let draft else { throw .internalError("A field was neither read nor refused.") }
    self = draft
  }

  /// Reads what a request says of a number, whose fields begin with `prefix`; nil when something
  /// was refused.
  init?(
    _ request: ImportPhoneNumber, of providerID: ProviderID?, _ prefix: String,
    _ plan: any NumberPlan, _ validator: inout Validator
  ) {
    let e164 = validator.number("\(prefix)e164", request.e164, plan)
    validator.text(
      "\(prefix)label", request.label, lengthMax: RegistryLimits.labelLengthMax)
    validator.labels("\(prefix)labels", request.labels)
    self.supportsInbound = request.supportsInbound ?? true
    self.supportsOutbound = request.supportsOutbound ?? true
    if !supportsInbound && !supportsOutbound {
      let violation = PhoneNumbers.neitherDirection("\(prefix)supports_inbound")
      validator.refuse(violation.field, violation.reason, violation.description)
    }
    guard let providerID, let e164 else { return nil }
    self.providerID = providerID
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
    self.body = body
  }
}
