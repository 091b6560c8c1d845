internal import Synchronization
package import Telephony

/// Runs journal entries in the background, one run for each entry, and lets callers wait for the
/// end.
///
/// A caller that is cancelled stops waiting; the work goes on. Callable from any executor.
package final class ProvisioningRunner: Sendable {
  /// Why a caller has no end to tell.
  package enum Failure: Error, Sendable, Hashable {
    case stopped(ProvisioningStop)
    /// Too many works, or too many callers that wait for this one. Nothing was begun.
    case full
    /// The registry is stopping.
    case draining
    /// The calling task was cancelled.
    case cancelled
  }

  private typealias Answer = Result<ProvisioningEnd, Failure>
  private typealias Waiter = CheckedContinuation<Answer, Never>

  private struct State {
    var next = 0
    /// Entries that run, with those who wait for them.
    var running: [OperationID: [Int: Waiter]] = [:]
  }

  /// What a caller who wants to wait has to do.
  private enum Admission {
    case begin
    case wait
    case leave(Failure)
  }

  private let work: ProvisioningWork
  private let background: BackgroundTasks
  private let state = Mutex(State())

  package init(
    store: any RegistryStore, carrier: any Carrier, sealer: any SecretSealer,
    time: any TimeSource, ids: any IDSource, feed: RouteFeed, background: BackgroundTasks
  ) {
    self.work = ProvisioningWork(
      store: store, carrier: carrier, sealer: sealer, time: time, ids: ids, feed: feed)
    self.background = background
  }

  /// Commits `write`, which begins `journal`, and runs it; returns at its end.
  ///
  /// The commit is a part of the work, so that a caller who goes away leaves nothing half begun.
  /// When the store refuses it, that is the failure and nothing was begun.
  package func begin(
    _ journal: ProvisioningJournal, _ write: RegistryWrite
  ) async throws(Failure) -> ProvisioningEnd {
    let work = work
    return try await run(journal.id) { () async throws(ProvisioningStop) in
      try await work.begin(journal, write)
      return try await work.run(journal, isResumed: false)
    }
  }

  /// Waits for the end of an open entry, and goes on with it where nothing runs it.
  package func join(
    _ journal: ProvisioningJournal
  ) async throws(Failure) -> ProvisioningEnd {
    let work = work
    return try await run(journal.id) { () async throws(ProvisioningStop) in
      // A run that ended a moment ago may have changed or closed it.
      let present = try await work.present(journal)
      guard let present else { throw .damaged("A journal entry is not there.") }
      guard present.isOpen else { return try await work.end(of: present) }
      return try await work.run(present, isResumed: true)
    }
  }

  /// Goes on with every open entry, `RegistryLimits.resumeConcurrencyMax` at once, and returns when
  /// each was closed or stopped. For the start, and now and then for what was stopped.
  package func resume() async throws(StoreError) {
    var last: OperationID?
    while true {
      let page = try await work.store.openJournals(
        after: last, limit: RegistryLimits.resumePageSize)
      guard let end = page.last, !Task.isCancelled else { return }
      last = end.id
      await withTaskGroup(of: Void.self) { group in
        for (index, journal) in page.enumerated() {
          if index >= RegistryLimits.resumeConcurrencyMax { await group.next() }
          group.addTask { _ = try? await self.join(journal) }
        }
      }
    }
  }

  // MARK: -

  private func run(
    _ id: OperationID,
    _ body: @escaping @Sendable () async throws(ProvisioningStop) -> ProvisioningEnd
  ) async throws(Failure) -> ProvisioningEnd {
    let number = state.withLock { state in
      state.next += 1
      return state.next
    }
    let answer = await withTaskCancellationHandler {
      await withCheckedContinuation { (waiter: Waiter) in
        switch admit(id, number, waiter) {
        case .wait: break
        case .leave(let failure): waiter.resume(returning: .failure(failure))
        case .begin: begin(id, body)
        }
      }
    } onCancel: {
      let waiter = state.withLock { $0.running[id]?.removeValue(forKey: number) }
      waiter?.resume(returning: .failure(.cancelled))
    }
    return try answer.get()
  }

  private func admit(_ id: OperationID, _ number: Int, _ waiter: Waiter) -> Admission {
    state.withLock { state in
      if Task.isCancelled { return .leave(.cancelled) }
      guard let waiters = state.running[id] else {
        state.running[id] = [number: waiter]
        return .begin
      }
      guard waiters.count < RegistryLimits.joinersMax else { return .leave(.full) }
      state.running[id, default: [:]][number] = waiter
      return .wait
    }
  }

  private func begin(
    _ id: OperationID,
    _ body: @escaping @Sendable () async throws(ProvisioningStop) -> ProvisioningEnd
  ) {
    do {
      try background.start {
        do throws(ProvisioningStop) {
          self.ended(id, .success(try await body()))
        } catch {
          self.ended(id, .failure(error == .stopping ? .draining : .stopped(error)))
        }
      }
    } catch {
      switch error {
      case .full: ended(id, .failure(.full))
      case .draining: ended(id, .failure(.draining))
      }
    }
  }

  private func ended(_ id: OperationID, _ answer: Answer) {
    let waiters = state.withLock { $0.running.removeValue(forKey: id) ?? [:] }
    for waiter in waiters.values { waiter.resume(returning: answer) }
  }
}
