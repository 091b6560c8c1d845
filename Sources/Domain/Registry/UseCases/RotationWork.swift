internal import Access
internal import Telephony

/// Puts staged credentials in the place of the current ones: tries them on every number, and
/// switches in the one write that also ends the entry. Before that write nothing is changed, so
/// that a run that was cut begins anew.
struct RotationWork: Sendable {
  let context: RegistryContext

  /// What a trial came to.
  private typealias Trial = Result<UnreachableNumbers, RegistryError>

  func drive(
    _ journal: ProvisioningJournal, _ lease: HeldLease?, _ work: ProvisioningWork
  ) async throws(ProvisioningStop) -> ProvisioningEnd {
    guard let record = journal.rotation, case .credential(let id) = journal.subject else {
      throw .damaged("An open rotation names no provider.")
    }
    if journal.isCancelRequested {
      return try await work.close(
        journal, from: journal, failure: ProvisioningFailure(cause: .cancelled))
    }
    let count = TrialCount()
    var stored = journal
    for _ in 0..<RegistryLimits.keyTrialRoundsMax {
      let found = try await work.stored { () async throws(StoreError) in
        try await context.store(of: journal.tenant).provider(id)
      }
      let (trial, present) = try await work.keeping(
        stored, lease, { count.tell(&$0) }, { await tried(found, id, record, count) })
      stored = present
      switch trial {
      case .failure(let error):
        if let stop = error.stop { throw stop }
        return try await refused(error, present, count, work)
      case .success(let unreachable) where unreachable.total > 0:
        return try await unreached(unreachable, present, count, work)
      case .success:
        guard let found else { throw .damaged("A provider was tried that is not there.") }
        if let end = try await switched(found, record, present, count, work) { return end }
      }
    }
    return try await refused(.contended(.provider(id)), stored, count, work)
  }

  /// Tries each way to authenticate, and every number.
  private func tried(
    _ found: StoredProvider?, _ id: ProviderID, _ record: RotationRecord, _ count: TrialCount
  ) async -> Trial {
    do throws(RegistryError) {
      guard let present = found?.provider else { throw .notFound(.provider(id)) }
      try checkEtag(record.etag, present.etag, .provider(id))
      guard let staged = present.staged, staged.mark == record.mark else {
        throw .credentialNotStaged(id)
      }
      guard staged.use.state != .refused else { throw .credentialRefused(id) }
      let credentials = try context.opened(staged, of: present)
      return .success(
        try await Providers(context).unreachable(by: credentials, of: present, count))
    } catch {
      return .failure(error)
    }
  }

  /// The switch and the end of the entry, in one write; nil when the provider was changed
  /// meanwhile, or numbers came that were not tried.
  private func switched(
    _ found: StoredProvider, _ record: RotationRecord, _ present: ProvisioningJournal,
    _ count: TrialCount, _ work: ProvisioningWork
  ) async throws(ProvisioningStop) -> ProvisioningEnd? {
    let provider = found.provider
    let next: Provider
    do throws(RegistryError) {
      next = try context.promoting(provider)
    } catch {
      throw .damaged("A provider's credentials can't be opened.")
    }
    let caller = record.asker.caller(of: provider.tenant)
    let draft = AuditDraft(.rotate, from: provider, to: next)
    var closed = present
    count.tell(&closed)
    do throws(ProvisioningStop) {
      let end = try await work.close(
        closed, from: present, failure: nil,
        [
          .updateProvider(
            next, from: provider.revision.version, numbersRevision: found.numbersRevision)
        ], audit: [draft.entry(by: caller, at: context.time.now(), context.ids)])
      context.windows.note(next)
      return end
    } catch .store(.versionMismatch(.provider)), .store(.notFound(.provider)) {
      return nil
    }
  }

  private func unreached(
    _ unreachable: UnreachableNumbers, _ present: ProvisioningJournal, _ count: TrialCount,
    _ work: ProvisioningWork
  ) async throws(ProvisioningStop) -> ProvisioningEnd {
    var closed = present
    count.tell(&closed)
    closed.rotation?.rows = unreachable.numbers.map {
      RotationRecord.Row(numberID: $0.id, e164: $0.e164, carrierCode: $0.carrierCode)
    }
    closed.rotation?.rowCount = unreachable.total
    return try await work.close(
      closed, from: present, failure: ProvisioningFailure(cause: .refused))
  }

  private func refused(
    _ error: RegistryError, _ present: ProvisioningJournal, _ count: TrialCount,
    _ work: ProvisioningWork
  ) async throws(ProvisioningStop) -> ProvisioningEnd {
    var closed = present
    count.tell(&closed)
    closed.rotation?.refusal = StoredRefusal(error)
    var failure = ProvisioningFailure(cause: .refused)
    if case .carrier(let cause) = error { failure = ProvisioningFailure(cause) }
    return try await work.close(closed, from: present, failure: failure)
  }
}
