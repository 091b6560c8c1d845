package import Access
internal import Telephony

extension PhoneNumbers {
  /// Looks for numbers that the provider's carrier sells and that can take voice calls.
  package func search(
    _ request: SearchAvailablePhoneNumbers, by caller: Caller
  ) async throws(RegistryError) -> [MarketNumber] {
    var validator = Validator()
    let id = validator.optionalID("provider_id", request.providerID, as: ProviderID.self)
    let search = validator.search("", request.criteria, limit: request.limit)
    try validator.finish()
    guard let search else { throw .internalError("A field was neither read nor refused.") }
    guard let id else {
      return ofPlatform(try await offers(search, of: try await platformProvider()))
    }
    return try await offers(
      search, of: try await context.ownProvider(id, tenant: caller.tenant).provider)
  }

  /// Buys a number on the provider's account and sets it up as an import does.
  ///
  /// Returns when the work is stored; it goes on by itself. The operation is nil when it was only
  /// to be checked; the number is nil when it is not there any more.
  package func provision(
    _ request: ProvisionPhoneNumber, by caller: Caller
  ) async throws(RegistryError) -> (Operation?, PhoneNumber?) {
    let draft = try PurchaseDraft(request, context.numberPlan)
    if request.validateOnly {
      let provider = try await payer(of: draft, caller, makes: false)
      return (nil, try await check(draft, provider, caller))
    }
    if let earlier = try await context.earlier(
      request.requestID, draft.body, tenant: caller.tenant)
    {
      return try await replay(earlier, draft.body, caller)
    }
    for _ in 0..<RegistryLimits.contentionAttemptsMax {
      let provider = try await payer(of: draft, caller, makes: true)
      let number = try await check(draft, provider, caller)
      let (journal, write) = try begin(number, under: provider, draft, request.requestID, caller)
      do throws(ProvisioningRunner.Failure) {
        try await context.runner.submit(journal, write)
        return (Operation(journal), number)
      } catch {
        switch error {
        case .stopped(.store(.requestRepeated(let earlier))):
          return try await replay(earlier, draft.body, caller)
        // The provider was changed, or the agent is gone: it is looked at again.
        case .stopped(.store(.versionMismatch)), .stopped(.store(.notFound)): continue
        default: throw RegistryError(error)
        }
      }
    }
    throw .contended(.provider(draft.providerID ?? Provider.platformID(of: caller.tenant)))
  }

  /// Gives a number up that was bought here.
  ///
  /// Returns when the work is stored; it goes on by itself.
  package func release(
    _ request: ReleasePhoneNumber, by caller: Caller
  ) async throws(RegistryError) -> Operation {
    var validator = Validator()
    validator.requestID(request.requestID)
    let id = validator.id("id", request.id, as: PhoneNumberID.self)
    validator.etag("etag", request.etag)
    if request.etag.isEmpty, !request.isConfirmed {
      validator.refuse(
        "confirm_release", .required,
        "The number is given up for good: say so with confirm_release, or give its etag.")
    }
    try validator.finish()
    guard let id else { throw .internalError("An id was neither read nor refused.") }
    var body = RequestBody("ReleasePhoneNumber")
    body.add(request.id)
    body.add(request.etag)
    return try await operation(request.requestID, body, on: id, caller) {
      (record, operationID) async throws(RegistryError) in
      let present = try await context.number(id, tenant: caller.tenant)
      try checkEtag(request.etag, present.etag, .number(id))
      guard present.purchase != nil else { throw .numberNotProvisioned(id) }
      if let agent = present.agentID { throw .numberAssigned(id, agent) }
      switch present.state {
      case .active, .degraded: break
      case .provisioning, .deleting, .corrupted: throw .numberBusy(id, present.state)
      }
      return release(present, record, operationID, caller)
    }
  }

  // MARK: -

  private func offers(
    _ search: NumberSearch, of provider: Provider
  ) async throws(RegistryError) -> [MarketNumber] {
    let access = try context.access(provider)
    do throws(CarrierError) {
      return try await context.market.search(search, access)
    } catch {
      throw RegistryError(error)
    }
  }

  /// On whose account it is bought.
  ///
  /// - Parameter makes: a tenant's first platform number gets it a sub-account; else the operator's
  ///   own stands for that.
  private func payer(
    of draft: PurchaseDraft, _ caller: Caller, makes: Bool
  ) async throws(RegistryError) -> Provider {
    if let id = draft.providerID {
      return try await context.ownProvider(id, tenant: caller.tenant).provider
    }
    let slots = try platform().slots(of: caller.tenant)
    try checkPlatform(draft.choice)
    // What has no slot makes no sub-account.
    guard slots > 0 else { throw .quotaExceeded(.platformNumber, countMax: slots) }
    return makes ? try await platformProvider(for: caller) : try await platformProvider()
  }

  /// By the numbering plan: who shares +1 is no reason.
  private func ofPlatform(_ offers: [MarketNumber]) -> [MarketNumber] {
    offers.filter { context.numberPlan.assess($0.e164).country == PlatformAccount.country }
  }

  /// The number that would be bought, as it would be stored.
  private func check(
    _ draft: PurchaseDraft, _ provider: Provider, _ caller: Caller
  ) async throws(RegistryError) -> PhoneNumber {
    if draft.supportsInbound, !context.webhooks.regions.contains(provider.region) {
      throw .regionNotServed(provider.region)
    }
    if let agent = draft.agentID { _ = try await context.agent(agent, tenant: caller.tenant) }
    let e164: E164
    switch draft.choice {
    case .number(let number): e164 = number
    case .any(let search):
      var offers = try await offers(search, of: provider)
      if draft.providerID == nil { offers = ofPlatform(offers) }
      guard let offer = offers.first else { throw .numberNotFound }
      e164 = offer.e164
    }
    try await checkNotOwned(e164, by: provider, caller)
    let now = context.time.now()
    let id = PhoneNumberID(at: now, random: context.ids)
    var number = PhoneNumber(
      id: id, tenant: caller.tenant, label: draft.label, e164: e164, provider: provider,
      carrierSID: .awaited(id), supportsInbound: draft.supportsInbound,
      supportsOutbound: draft.supportsOutbound, agentID: draft.agentID, state: .provisioning,
      labels: draft.labels, revision: Revision(createTime: now))
    number.purchase = draft.providerID == nil ? .platform : .customer
    return number
  }

  /// What the account has already can't be bought, and must not be taken for bought.
  private func checkNotOwned(
    _ e164: E164, by provider: Provider, _ caller: Caller
  ) async throws(RegistryError) {
    let access = try context.access(provider)
    let account = try context.account(of: provider)
    let found: CarrierNumber?
    do throws(CarrierError) {
      found = try await context.carrier.findNumber(e164, access)
    } catch {
      throw RegistryError(error)
    }
    guard let found else { return }
    let claims = try await reading { () async throws(StoreError) in
      try await context.store(of: caller.tenant).claims(
        of: [found.sid], account: account)
    }
    guard let claim = claims.first else { throw .numberOwned(provider.id) }
    throw claim.tenant == caller.tenant ? .numberExists(claim.numberID) : .numberClaimed
  }

  private func begin(
    _ number: PhoneNumber, under provider: Provider, _ draft: PurchaseDraft,
    _ requestID: String, _ caller: Caller
  ) throws(RegistryError) -> (ProvisioningJournal, RegistryWrite) {
    let now = number.revision.createTime
    let id = OperationID(at: now, random: context.ids)
    let record = try context.request(
      requestID, draft.body, resource: id.description, tenant: caller.tenant)
    let journal = ProvisioningJournal.provisioning(
      number, ours: voice(of: number),
      purchase: PurchaseRecord(
        addressSID: draft.addressSID, bundleSID: draft.bundleSID,
        settling: context.purchaseSettling),
      id: id, time: now, owner: context.runner.process)
    var write = context.write(
      by: caller, at: now, request: record,
      [
        .insertNumber(number, providerVersion: provider.revision.version),
        .insertJournal(journal),
      ], audit: AuditDraft(.provision, from: nil, to: number))
    if number.purchase == .platform {
      let slots = try platform().slots(of: caller.tenant)
      write.quotas.append(Quota(.platformNumber, countMax: slots))
    }
    return (journal, write)
  }

  private func voice(of number: PhoneNumber) -> VoiceSettings {
    context.webhooks.voiceSettings(
      of: number.id, region: number.region, generation: number.webhookGeneration)
  }

  private func replay(
    _ record: RequestRecord, _ body: RequestBody, _ caller: Caller
  ) async throws(RegistryError) -> (Operation?, PhoneNumber?) {
    let operation = try await Operations(context).begun(by: record, body, caller)
    guard let id = operation.subject.numberID else { return (operation, nil) }
    let number = try await reading { () async throws(StoreError) in
      try await context.store(of: caller.tenant).number(id)
    }
    return (operation, number)
  }

  private func release(
    _ present: PhoneNumber, _ record: RequestRecord?, _ id: OperationID, _ caller: Caller
  ) -> (ProvisioningJournal, RegistryWrite) {
    let now = context.time.now()
    var next = present
    next.state = .deleting
    next.leftovers = []
    next.revision = present.revision.next(at: now)
    let journal = ProvisioningJournal.releasing(
      present, id: id, time: now, owner: context.runner.process)
    let write = context.write(
      by: caller, at: now, request: record,
      [.updateNumber(next, from: present.revision.version), .insertJournal(journal)],
      audit: AuditDraft(.release, from: present, to: next))
    return (journal, write)
  }

  /// Looks again for a number of which nobody could tell whether it was bought.
  func seekAgain(
    _ present: PhoneNumber, _ record: RequestRecord?, _ id: OperationID, _ caller: Caller
  ) -> (ProvisioningJournal, RegistryWrite) {
    let now = context.time.now()
    var next = present
    next.state = .provisioning
    next.leftovers = []
    next.conditions = []
    next.revision = present.revision.next(at: now)
    let journal = ProvisioningJournal.provisioning(
      next, ours: voice(of: next),
      purchase: PurchaseRecord(settling: context.purchaseSettling), isSought: true, id: id,
      time: now, owner: context.runner.process)
    let write = context.write(
      by: caller, at: now, request: record,
      [.updateNumber(next, from: present.revision.version), .insertJournal(journal)],
      audit: AuditDraft(.repair, from: present, to: next))
    return (journal, write)
  }
}

/// A purchase that was found good.
struct PurchaseDraft: Sendable {
  enum Choice: Sendable {
    case number(E164)
    case any(NumberSearch)
  }

  /// nil: on the operator's account.
  let providerID: ProviderID?
  let choice: Choice
  let label: String
  let supportsInbound: Bool
  let supportsOutbound: Bool
  let labels: [String: String]
  let agentID: AgentID?
  let addressSID: String
  let bundleSID: String
  let body: RequestBody

  init(_ request: ProvisionPhoneNumber, _ plan: any NumberPlan) throws(RegistryError) {
    var validator = Validator()
    Self.checkConsent(request, &validator)
    let providerID = validator.optionalID("provider_id", request.providerID, as: ProviderID.self)
    let choice = Self.choice(of: request, plan, &validator)
    validator.text("label", request.label, lengthMax: RegistryLimits.labelLengthMax)
    validator.labels("labels", request.labels)
    self.agentID = validator.optionalAgentID("agent_id", request.agentID)
    validator.carrierSID("address_sid", request.addressSID, prefix: "AD")
    validator.carrierSID("bundle_sid", request.bundleSID, prefix: "BU")
    self.supportsInbound = request.supportsInbound ?? true
    self.supportsOutbound = request.supportsOutbound ?? true
    if !supportsInbound && !supportsOutbound {
      let violation = PhoneNumbers.neitherDirection("supports_inbound")
      validator.refuse(violation.field, violation.reason, violation.description)
    }
    try validator.finish()
    guard let choice else {
      throw .internalError("A field was neither read nor refused.")
    }
    self.providerID = providerID
    self.choice = choice
    self.label = request.label
    self.labels = request.labels
    self.addressSID = request.addressSID
    self.bundleSID = request.bundleSID
    var body = RequestBody("ProvisionPhoneNumber")
    body.add(request.providerID)
    switch request.choice {
    case .unset: break
    case .number(let text): body.add(text)
    case .any(let criteria):
      for text in [criteria.country, criteria.areaCode, criteria.contains] { body.add(text) }
      if case .any(let search) = choice { body.add(search.kind.rawValue) }
    }
    for text in [request.label, request.agentID, request.addressSID, request.bundleSID] {
      body.add(text)
    }
    body.add(supportsInbound)
    body.add(supportsOutbound)
    body.add(request.labels)
    self.body = body
  }

  /// Nothing is bought by accident, nor twice because an answer was lost.
  private static func checkConsent(
    _ request: ProvisionPhoneNumber, _ validator: inout Validator
  ) {
    validator.requestID(request.requestID)
    guard !request.validateOnly else { return }
    if request.requestID.isEmpty {
      validator.refuse(
        "request_id", .required,
        "A purchase needs a request id, so that sending it again buys nothing again.")
    }
    if !request.isConfirmed {
      validator.refuse(
        "confirm_purchase", .required,
        "The account's owner pays for the number: say with confirm_purchase that this is meant.")
    }
  }

  private static func choice(
    of request: ProvisionPhoneNumber, _ plan: any NumberPlan, _ validator: inout Validator
  ) -> Choice? {
    switch request.choice {
    case .unset:
      validator.refuse("e164", .required, "Give the number as e164, or criteria.")
      return nil
    case .number(let text): return validator.number("e164", text, plan).map { .number($0) }
    case .any(let criteria):
      return validator.search("criteria.", criteria).map { .any($0) }
    }
  }
}
