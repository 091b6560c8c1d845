internal import Access
internal import Telephony

// A work that is more than steps at the carrier: what it is, somebody else knows.
extension ProvisioningWork {
  private enum Part<Value: Sendable>: Sendable {
    case done(Value)
    /// The entry is not ours any more, or nobody can tell.
    case lost(ProvisioningStop)
    case other
  }

  /// Does `body` and writes meanwhile what `progress` makes of the entry, now and then, which keeps
  /// its lease; gives what came of it, and the entry as it is stored then.
  ///
  /// Throws `.superseded` when the entry is another's, or was cancelled: whoever takes it up reads
  /// it anew.
  func keeping<Value: Sendable>(
    _ journal: ProvisioningJournal, _ lease: HeldLease?,
    _ progress: @escaping @Sendable (inout ProvisioningJournal) -> Void,
    _ body: @escaping @Sendable () async -> Value
  ) async throws(ProvisioningStop) -> (Value, ProvisioningJournal) {
    var value: Value?
    var loss: ProvisioningStop?
    await withTaskGroup(of: Part<Value>.self) { group in
      group.addTask { .done(await body()) }
      group.addTask {
        do throws(ProvisioningStop) {
          try await self.tell(progress, in: journal, lease)
          return .other
        } catch {
          return Task.isCancelled ? .other : .lost(error)
        }
      }
      if let lease {
        group.addTask {
          await lease.waitForEnd()
          return Task.isCancelled ? .other : .lost(.superseded)
        }
      }
      for await part in group {
        group.cancelAll()
        switch part {
        case .done(let done): value = done
        case .lost(let stop): loss = loss ?? stop
        case .other: break
        }
      }
    }
    if Task.isCancelled { throw .stopping }
    if let loss { throw loss }
    guard let value else { throw .stopping }
    // What the telling wrote last may not have been answered.
    guard let present = try await present(journal), present.isOpen, present.owner == process,
      present.isCancelRequested == journal.isCancelRequested
    else { throw .superseded }
    return (value, present)
  }

  private func tell(
    _ progress: @Sendable (inout ProvisioningJournal) -> Void, in journal: ProvisioningJournal,
    _ lease: HeldLease?
  ) async throws(ProvisioningStop) {
    var stored = journal
    while true {
      try await pause(RegistryLimits.syncProgressInterval)
      var next = stored
      progress(&next)
      guard next != stored || lease?.advice == .renew else { continue }
      stored = try await persist(next, from: stored, lease)
    }
  }

  /// Stores the end of a work that has no number of its own.
  ///
  /// - Parameters:
  ///   - failure: why it was not done; nil: it was.
  ///   - changes: what is stored with the end, and what the audit log is told of it.
  func close(
    _ journal: ProvisioningJournal, from stored: ProvisioningJournal,
    failure: ProvisioningFailure?, _ changes: [RegistryChange] = [], audit: [AuditEntry] = []
  ) async throws(ProvisioningStop) -> ProvisioningEnd {
    var closed = following(journal, from: stored)
    closed.phase = .closed
    closed.failure = failure
    closed.outcome = failure == nil ? .done : .undone
    let write = RegistryWrite(
      at: closed.updateTime,
      changes: [.updateJournal(closed, from: stored.revision)] + changes, audit: audit)
    do {
      let receipt = try await self.stored { () async throws(StoreError) in
        try await store.tenant(closed.tenant).commit(write)
      }
      feed.published(receipt.routeSequence)
    } catch .store(.versionMismatch(.journal)) {
      // Either an attempt of ours was stored though its answer was lost, or somebody else goes on.
      guard try await present(closed) == closed else { throw .superseded }
    }
    return ProvisioningEnd(journal: closed, number: nil)
  }
}
