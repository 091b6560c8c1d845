internal import Access
internal import Synchronization
internal import Telephony

// A sync: no steps at the carrier, so that it begins anew where it was left.
extension ProvisioningWork {
  private enum Part: Sendable {
    case checked(Result<DriftReport, DriftCheck.Stop>)
    /// The entry is not ours any more, or nobody can tell.
    case lost(ProvisioningStop)
    case other
  }

  /// Compares to the end, tells how far it is now and then, and closes the entry with what was
  /// found.
  func sync(
    _ journal: ProvisioningJournal, _ lease: HeldLease?
  ) async throws(ProvisioningStop) -> ProvisioningEnd {
    guard let record = journal.sync, case .provider(let id) = journal.subject else {
      throw .damaged("An open sync names no provider.")
    }
    if journal.isCancelRequested {
      return try await close(journal, lease, ProvisioningFailure(cause: .cancelled), nil)
    }
    let found = try await stored { () async throws(StoreError) in
      try await store.tenant(journal.tenant).provider(id)
    }
    guard let provider = found?.provider else {
      return try await close(journal, lease, ProvisioningFailure(cause: .notFound), nil)
    }
    let caller = Caller.system(for: journal.tenant)
    let ports = DriftPorts(
      store: store, carrier: carrier, outside: outside, sealer: sealer, time: time, ids: ids,
      feed: feed)
    let check = DriftCheck(
      ports: ports, provider: provider, caller: caller, pace: .sync, applies: !record.isDryRun)
    let result = try await compared(check, journal, lease)
    if Task.isCancelled { throw .stopping }
    let refusal: CarrierError?
    switch result {
    case .success: refusal = nil
    case .failure(.carrier(let error)): refusal = error
    case .failure(.store(let error)): throw .store(error)
    case .failure(.sealing): throw .damaged("A provider's credentials can't be opened.")
    case .failure(.cancelled): throw .stopping
    }
    if !record.isDryRun {
      do throws(DriftCheck.Stop) {
        try await ProviderHealth(ports: ports, caller: caller).note(refusal, of: provider)
      } catch .store(let error) {
        throw .store(error)
      } catch {
        throw .stopping
      }
    }
    // What the keeping wrote last may not have been answered.
    guard let present = try await present(journal), present.isOpen, present.owner == process,
      !present.isCancelRequested
    else { throw Task.isCancelled ? .stopping : .superseded }
    return try await close(
      present, lease, refusal.map { ProvisioningFailure($0) }, try? result.get())
  }

  private func compared(
    _ check: DriftCheck, _ journal: ProvisioningJournal, _ lease: HeldLease?
  ) async throws(ProvisioningStop) -> Result<DriftReport, DriftCheck.Stop> {
    let count = Progress()
    var result = Result<DriftReport, DriftCheck.Stop>.failure(.cancelled)
    var loss: ProvisioningStop?
    await withTaskGroup(of: Part.self) { group in
      group.addTask {
        do throws(DriftCheck.Stop) {
          return .checked(.success(try await check.run { count.set($0) }))
        } catch {
          return .checked(.failure(error))
        }
      }
      group.addTask {
        do throws(ProvisioningStop) {
          try await self.tell(count, in: journal, lease)
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
        case .checked(let checked): result = checked
        case .lost(let stop): loss = loss ?? stop
        case .other: break
        }
      }
    }
    // What was compared to the end is good, whoever has the entry: the close finds out.
    if case .failure(.cancelled) = result, let loss { throw loss }
    return result
  }

  /// Writes the count into the entry, and keeps its lease by that, until its task is cancelled.
  private func tell(
    _ count: Progress, in journal: ProvisioningJournal, _ lease: HeldLease?
  ) async throws(ProvisioningStop) {
    var stored = journal
    while true {
      try await pause(RegistryLimits.syncProgressInterval)
      let compared = count.value
      guard compared != stored.sync?.comparedCount || lease?.advice == .renew else { continue }
      var next = stored
      next.sync?.comparedCount = compared
      stored = try await persist(next, from: stored, lease)
    }
  }

  private func close(
    _ journal: ProvisioningJournal, _ lease: HeldLease?, _ failure: ProvisioningFailure?,
    _ report: DriftReport?
  ) async throws(ProvisioningStop) -> ProvisioningEnd {
    var closed = journal
    closed.phase = .closed
    closed.failure = failure
    closed.outcome = failure == nil ? .done : .undone
    if let report { closed.sync?.finish(report, at: time.now()) }
    return ProvisioningEnd(
      journal: try await persist(closed, from: journal, lease), number: nil)
  }

  /// How many were compared.
  private final class Progress: Sendable {
    private let count = Mutex(0)

    var value: Int { count.withLock { $0 } }

    func set(_ value: Int) { count.withLock { $0 = value } }
  }
}
