package import Access
internal import Telephony

extension PhoneNumbers {
  /// Puts a number under another provider of the same account, whose region handles its calls from
  /// then on. Both regions answer for `moveOverlap`; calls keep the provider that they began with.
  ///
  /// Returns when the work is stored; it goes on by itself. nil when it was only to be checked.
  package func move(
    _ request: MovePhoneNumber, by caller: Caller
  ) async throws(RegistryError) -> Operation? {
    var validator = Validator()
    validator.requestID(request.requestID)
    let id = validator.id("id", request.id, as: PhoneNumberID.self)
    let providerID = validator.id("provider_id", request.providerID, as: ProviderID.self)
    validator.etag("etag", request.etag)
    try validator.finish()
    guard let id, let providerID else {
      throw .internalError("An id was neither read nor refused.")
    }
    if request.validateOnly {
      _ = try await checked(id, to: providerID, request.etag, caller)
      return nil
    }
    var body = RequestBody("MovePhoneNumber")
    body.add(request.id)
    body.add(request.providerID)
    body.add(request.etag)
    return try await operation(request.requestID, body, on: id, caller) {
      (record, operationID) async throws(RegistryError) in
      let (number, target) = try await checked(id, to: providerID, request.etag, caller)
      return move(number, to: target, record, operationID, caller)
    }
  }

  /// The number and the provider, when the one can be moved to the other.
  private func checked(
    _ id: PhoneNumberID, to providerID: ProviderID, _ etag: String, _ caller: Caller
  ) async throws(RegistryError) -> (PhoneNumber, Provider) {
    let number = try await context.number(id, tenant: caller.tenant)
    try checkEtag(etag, number.etag, .number(id))
    switch number.state {
    case .active, .degraded: break
    case .provisioning, .deleting, .corrupted: throw .numberBusy(id, number.state)
    }
    // Its trunk, credentials and rule are of one region, and bear one name.
    guard number.ingress == .webhook else { throw .numberOnTrunk(id) }
    if let busy = try await context.work(on: id, tenant: caller.tenant) { throw busy }
    guard number.providerID != providerID else {
      throw .invalidArgument([
        FieldViolation("provider_id", .duplicate, "The number is under this provider already.")
      ])
    }
    let target = try await context.ownProvider(providerID, tenant: caller.tenant).provider
    if number.supportsInbound, !context.webhooks.regions.contains(target.region) {
      throw .regionNotServed(target.region)
    }
    guard try context.account(of: target) == number.accountSID else {
      throw .numberNotAtCarrier(providerID)
    }
    let access = try context.access(target)
    let found: CarrierNumber
    do throws(CarrierError) {
      found = try await context.carrier.fetchNumber(number.carrierSID, access)
    } catch {
      if error.kind == .notFound { throw .numberNotAtCarrier(providerID) }
      throw RegistryError(error)
    }
    guard found.accountSID == target.accountSID, found.e164 == number.e164 else {
      throw .numberNotAtCarrier(providerID)
    }
    guard found.hasVoice else { throw .numberWithoutVoice(providerID) }
    return (number, target)
  }

  private func move(
    _ present: PhoneNumber, to target: Provider, _ record: RequestRecord?, _ id: OperationID,
    _ caller: Caller
  ) -> (ProvisioningJournal, RegistryWrite) {
    let now = context.time.now()
    var next = present
    next.pendingProviderID = target.id
    next.revision = present.revision.next(at: now)
    let journal = ProvisioningJournal.moving(
      present, to: target,
      ours: context.webhooks.voiceSettings(
        of: present.id, region: target.region, generation: present.webhookGeneration + 1),
      settling: context.moveOverlap, id: id, time: now, owner: context.runner.process)
    let write = context.write(
      by: caller, at: now, request: record,
      [
        // New credentials are tried on it, too.
        .expectNumber(target.id, target.region),
        .updateNumber(next, from: present.revision.version), .insertJournal(journal),
      ], audit: AuditDraft(.move, from: present, to: next))
    return (journal, write)
  }
}

extension RegistryContext {
  /// The numbers that are being moved to the provider.
  func numbersOnTheWay(
    to provider: ProviderID, tenant: TenantID
  ) async throws(RegistryError) -> [PhoneNumberID] {
    var cursor: PageCursor?
    var found: [PhoneNumberID] = []
    while true {
      let after = cursor
      let page = try await reading { () async throws(StoreError) in
        try await store(of: tenant).journals(
          OperationFilter(state: .running), after: after, limit: RegistryLimits.resumePageSize)
      }
      for journal in page where journal.kind == .moveNumber {
        let arrives = journal.steps.contains { $0.aim == .confirm && $0.providerID == provider }
        if arrives, let number = journal.subject.numberID { found.append(number) }
      }
      guard page.count == RegistryLimits.resumePageSize, let last = page.last else { return found }
      cursor = PageCursor(createTime: last.createTime, id: last.id.description)
    }
  }
}
