package import Access
internal import Telephony

extension PhoneNumbers {
  /// Writes our settings of a number to the carrier again, or tries again to put back what a
  /// corrupted number left, which then is removed. What a move left elsewhere goes back too.
  ///
  /// Returns when the work is stored; it goes on by itself.
  package func repair(
    _ request: RepairPhoneNumber, by caller: Caller
  ) async throws(RegistryError) -> Operation {
    var validator = Validator()
    validator.requestID(request.requestID)
    let id = validator.id("id", request.id, as: PhoneNumberID.self)
    validator.etag("etag", request.etag)
    try validator.finish()
    guard let id else { throw .internalError("An id was neither read nor refused.") }
    var body = RequestBody("RepairPhoneNumber")
    body.add(request.id)
    body.add(request.etag)
    return try await operation(request.requestID, body, on: id, caller) {
      (record, operationID) async throws(RegistryError) in
      let present = try await context.number(id, tenant: caller.tenant)
      try checkEtag(request.etag, present.etag, .number(id))
      let repairable = try await withGateway(present)
      return try repair(
        repairable, by: try await context.ingressPlan(of: repairable), record, operationID, caller)
    }
  }

  private func repair(
    _ present: PhoneNumber, by plan: IngressPlan, _ record: RequestRecord?, _ id: OperationID,
    _ caller: Caller
  ) throws(RegistryError) -> (ProvisioningJournal, RegistryWrite) {
    let now = context.time.now()
    var next = present
    switch present.state {
    case .provisioning, .deleting: throw .numberBusy(present.id, present.state)
    case .corrupted where present.isAwaited: return seekAgain(present, record, id, caller)
    case .active where !present.hasAnythingOutside && present.ingress != .sip,
      .degraded
    where !present.hasAnythingOutside && !present.isUnfinished && present.ingress != .sip:
      throw .nothingToRepair(present.id)
    case .active, .degraded:
      guard present.ingress == .webhook else { break }
      guard context.webhooks.regions.contains(present.region) else {
        throw .regionNotServed(present.region)
      }
    case .corrupted:
      // When nothing is left the number goes.
      if let agent = present.agentID { throw .numberAssigned(present.id, agent) }
      next.state = .deleting
    }
    next.revision = present.revision.next(at: now)
    let journal = ProvisioningJournal.repairing(
      present, by: plan, id: id, time: now, owner: context.runner.process)
    let write = context.write(
      by: caller, at: now, request: record,
      [.updateNumber(next, from: present.revision.version), .insertJournal(journal)],
      audit: AuditDraft(.repair, from: present, to: next))
    return (journal, write)
  }

  // MARK: -

  /// Begins the work that `make` makes of the number's present state, again while others change it,
  /// and gives its operation; of a repeated request the operation of the first one.
  func operation(
    _ requestID: String, _ body: RequestBody, on number: PhoneNumberID, _ caller: Caller,
    _ make: (RequestRecord?, OperationID) async throws(RegistryError) -> (
      ProvisioningJournal, RegistryWrite
    )
  ) async throws(RegistryError) -> Operation {
    for _ in 0..<RegistryLimits.contentionAttemptsMax {
      if let earlier = try await context.earlier(requestID, body, tenant: caller.tenant) {
        return try await Operations(context).begun(by: earlier, body, caller)
      }
      let id = OperationID(at: context.time.now(), random: context.ids)
      let record = try context.request(
        requestID, body, resource: id.description, tenant: caller.tenant)
      let (journal, write) = try await make(record, id)
      do throws(ProvisioningRunner.Failure) {
        try await context.runner.submit(journal, write)
        return Operation(journal)
      } catch {
        switch error {
        case .stopped(.store(.versionMismatch(.journal))):
          if let busy = try await context.work(on: number, tenant: caller.tenant) { throw busy }
        case .stopped(.store(.versionMismatch)), .stopped(.store(.requestRepeated)),
          .stopped(.store(.notFound)):
          continue
        default: throw RegistryError(error)
        }
      }
    }
    throw .contended(.number(number))
  }
}

extension RegistryContext {
  /// The work that goes on with a number, as an error; nil when none does.
  func work(
    on number: PhoneNumberID, tenant: TenantID
  ) async throws(RegistryError) -> RegistryError? {
    let open = try await reading { () async throws(StoreError) in
      try await store(of: tenant).openJournal(of: .number(number))
    }
    return open.map { .numberInWork(number, $0.id) }
  }
}
