package import Access
internal import Telephony

extension PhoneNumbers {
  /// Removes a number and puts back what stood at the carrier before, if it is still ours.
  ///
  /// Gives the number as it last was: in `deleting` it is gone; in `corrupted` it is still here
  /// with what could not be put back, and another deletion tries again. A deletion that goes on is
  /// joined.
  package func delete(
    _ id: String, etag: String = "", by caller: Caller
  ) async throws(RegistryError) -> PhoneNumber {
    var validator = Validator()
    let id = validator.id("id", id, as: PhoneNumberID.self)
    validator.etag("etag", etag)
    try validator.finish()
    guard let id else { throw .internalError("An id was neither read nor refused.") }
    for _ in 0..<RegistryLimits.contentionAttemptsMax {
      let present = try await context.number(id, tenant: caller.tenant)
      if present.state == .deleting {
        guard let end = try await joinDeletion(of: present) else { continue }
        return end
      }
      try checkEtag(etag, present.etag, .number(id))
      if let agent = present.agentID { throw .numberAssigned(id, agent) }
      if present.purchase == .platform { throw .platformNumber(id) }
      // Whether it was bought is to be known first.
      if present.isAwaited, present.state == .corrupted { throw .numberBusy(id, .corrupted) }
      if present.state == .provisioning { throw .numberBusy(id, .provisioning) }
      // What a repair is making is in no record of the number yet.
      if !present.hasAnythingOutside,
        let busy = try await context.work(on: id, tenant: caller.tenant)
      {
        throw busy
      }
      switch await remove(present, caller) {
      case .done(let number): return number
      case .failed(let error): throw error
      case .refused(.versionMismatch(.journal)):
        // A repair or a move goes on, unless that ended a moment ago.
        if let busy = try await context.work(on: id, tenant: caller.tenant) { throw busy }
      case .refused(.versionMismatch), .refused(.notFound): continue
      case .refused(let refusal): throw RegistryError(refusal)
      }
    }
    throw .contended(.number(id))
  }

  /// Waits for a deletion that goes on; nil when it ended since the number was read.
  private func joinDeletion(
    of number: PhoneNumber
  ) async throws(RegistryError) -> PhoneNumber? {
    let journal = try await reading { () async throws(StoreError) in
      try await context.store(of: number.tenant).openJournal(of: .number(number.id))
    }
    guard let journal else { return nil }
    do {
      let end = try await context.runner.join(journal)
      return end.number ?? number
    } catch {
      throw RegistryError(error)
    }
  }

  private func remove(
    _ present: PhoneNumber, _ caller: Caller
  ) async -> Attempt<PhoneNumber> {
    let version = present.revision.version
    guard present.hasAnythingOutside else {
      // Nothing of ours is at the carrier.
      do {
        try await context.commit(
          by: caller, [.deleteNumber(present.id, from: version)],
          audit: AuditDraft(.delete, from: present, to: nil))
      } catch {
        return .refused(error)
      }
      var gone = present
      gone.state = .deleting
      return .done(gone)
    }
    let now = context.time.now()
    var deleting = present
    deleting.state = .deleting
    deleting.leftovers = []
    deleting.revision = present.revision.next(at: now)
    let journal = ProvisioningJournal.deleting(
      present, id: OperationID(at: now, random: context.ids), time: now,
      owner: context.runner.process)
    let write = context.write(
      by: caller, at: now, [.updateNumber(deleting, from: version), .insertJournal(journal)],
      audit: AuditDraft(.delete, from: present, to: deleting))
    do {
      let end = try await context.runner.begin(journal, write)
      return .done(end.number ?? deleting)
    } catch {
      if case .stopped(.store(let refusal)) = error { return .refused(refusal) }
      return .failed(RegistryError(error))
    }
  }
}
