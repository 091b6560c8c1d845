internal import Access
internal import Telephony

// What is stored of a work.
extension ProvisioningWork {
  /// Commits the write that begins `journal`, again while the store can't be reached. Gives its
  /// lease, where it has an owner.
  func begin(
    _ journal: ProvisioningJournal, _ write: RegistryWrite
  ) async throws(ProvisioningStop) -> HeldLease? {
    let lease = journal.owner.map { _ in HeldLease(time) }
    do {
      let (receipt, begun) = try await stored { () async throws(StoreError) in
        let begun = time.uptime()
        return (try await store.tenant(journal.tenant).commit(write), begun)
      }
      lease?.written(begun: begun)
      feed.published(receipt.routeSequence)
    } catch .store(let refusal) {
      // A first attempt whose answer was lost makes the second one fail.
      guard let present = try await present(journal) else { throw .store(refusal) }
      guard present == journal else { throw .superseded }
    }
    return lease
  }

  /// The entry as it is stored now.
  func present(
    _ journal: ProvisioningJournal
  ) async throws(ProvisioningStop) -> ProvisioningJournal? {
    try await stored { () async throws(StoreError) in
      try await store.tenant(journal.tenant).journal(journal.id)
    }
  }

  /// What a closed entry says to somebody who comes late.
  func end(of journal: ProvisioningJournal) async throws(ProvisioningStop) -> ProvisioningEnd {
    ProvisioningEnd(journal: journal, number: try await number(of: journal))
  }

  /// The number that the entry works on, as it is now; nil when it is gone.
  func number(
    of journal: ProvisioningJournal
  ) async throws(ProvisioningStop) -> PhoneNumber? {
    guard let id = journal.subject.numberID else { return nil }
    return try await stored { () async throws(StoreError) in
      try await store.tenant(journal.tenant).number(id)
    }
  }

  /// Stores `journal` in place of `stored` and gives it with its new revision.
  func persist(
    _ journal: ProvisioningJournal, from stored: ProvisioningJournal, _ lease: HeldLease?
  ) async throws(ProvisioningStop) -> ProvisioningJournal {
    let next = following(journal, from: stored)
    let begun = try await commit(next, from: stored, changes: [])
    lease?.written(begun: begun)
    return next
  }

  /// `journal` with the revision and the time of the next write.
  func following(
    _ journal: ProvisioningJournal, from stored: ProvisioningJournal
  ) -> ProvisioningJournal {
    var next = journal
    next.revision = stored.revision + 1
    next.updateTime = max(time.now(), stored.updateTime)
    return next
  }

  /// Stores the end together with the number's new state.
  func close(
    _ journal: ProvisioningJournal, _ outcome: ProvisioningOutcome,
    from stored: ProvisioningJournal
  ) async throws(ProvisioningStop) -> ProvisioningEnd {
    let next = following(journal, from: stored)
    for _ in 0..<RegistryLimits.contentionAttemptsMax {
      guard let number = try await self.number(of: journal) else {
        // The end was stored by an attempt whose answer was lost, and the number went with it.
        try await commit(next, from: stored, changes: [])
        return ProvisioningEnd(journal: next, number: nil)
      }
      let (changed, changes, draft) = Self.ending(of: number, next, outcome)
      do {
        try await commit(next, from: stored, changes: changes, audit: draft)
        return ProvisioningEnd(journal: next, number: changed)
      } catch {
        // Somebody renamed or assigned the number meanwhile: read it again.
        guard error == .store(.versionMismatch(.number)) else { throw error }
      }
    }
    throw .store(.versionMismatch(.number))
  }

  /// Writes the entry with `changes`, again while the store can't be reached. Gives the time before
  /// the attempt that was stored.
  @discardableResult
  func commit(
    _ next: ProvisioningJournal, from stored: ProvisioningJournal, changes: [RegistryChange],
    audit draft: AuditDraft? = nil
  ) async throws(ProvisioningStop) -> Duration {
    let first = time.uptime()
    let entry = draft?.entry(by: .system(for: next.tenant), at: next.updateTime, ids)
    let write = RegistryWrite(
      at: next.updateTime,
      changes: [.updateJournal(next, from: stored.revision)] + changes,
      audit: entry.map { [$0] } ?? [])
    do {
      let (receipt, begun) = try await self.stored { () async throws(StoreError) in
        let begun = time.uptime()
        return (try await store.tenant(next.tenant).commit(write), begun)
      }
      feed.published(receipt.routeSequence)
      return begun
    } catch .store(.versionMismatch(.journal)) {
      // Either an attempt of ours was stored though its answer was lost, or somebody else goes on.
      guard try await present(next) == next else { throw .superseded }
      return first
    }
  }

  /// Repeats while the store can't be reached, up to a bound.
  func stored<Result: Sendable>(
    _ body: () async throws(StoreError) -> Result
  ) async throws(ProvisioningStop) -> Result {
    var failures = 0
    while true {
      do {
        return try await body()
      } catch {
        failures += 1
        guard case .unavailable = error, failures < RegistryLimits.journalAttemptsMax else {
          throw .store(error)
        }
        if Task.isCancelled { throw .stopping }
        try await pause(BackOff.steps.delay(afterFailures: failures))
      }
    }
  }
}

extension BackOff {
  /// Before a step is tried again.
  static let steps = BackOff(
    first: RegistryLimits.stepDelayFirst, longest: RegistryLimits.stepDelayMax)
}
