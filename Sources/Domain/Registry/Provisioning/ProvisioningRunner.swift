internal import Synchronization
package import Telephony

/// Runs journal entries in the background, one run for each entry, and lets callers wait for the
/// end.
///
/// A caller that is cancelled stops waiting; the work goes on. Where several registries share a
/// store, an entry is run by the one that has its lease; the others follow it for their callers,
/// and take it up when it was left alone (`LeaseHold`, `LeaseWatch`). Callable from any executor.
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
    /// How those of them are told that their entry was changed.
    var interruptions: [OperationID: Interruption] = [:]
    /// Those of them that nobody asked for but `takeUp`.
    var takenUp: Set<OperationID> = []
    /// What `takeUp` has seen of others' entries.
    var watch = LeaseWatch()
    /// Entries whose run stopped by itself, and until when they are left alone.
    var stopped: [OperationID: Duration] = [:]

    /// Whether `takeUp` is to run an entry that it has read.
    mutating func takes(
      _ journal: ProvisioningJournal, isAsleep: Bool, by process: RegistryProcessID?,
      at now: Duration
    ) -> Bool {
      let verdict = watch.saw(journal, by: process, at: now)
      guard verdict == .free, running[journal.id] == nil, !isAsleep,
        takenUp.count < RegistryLimits.resumeConcurrencyMax,
        now >= stopped[journal.id] ?? .zero
      else { return false }
      running[journal.id] = [:]
      takenUp.insert(journal.id)
      return true
    }
  }

  /// What a caller who wants to wait has to do.
  private enum Admission {
    case begin
    case wait
    case leave(Failure)
  }

  private let work: ProvisioningWork
  private let background: BackgroundTasks
  private let shares = TenantShares()
  private let state = Mutex(State())

  /// - Parameter process: this process, where other registries may work on the same store; nil when
  ///   the store is its alone.
  package init(
    store: any RegistryStore, carrier: any Carrier, market: any NumberMarket,
    outside: OutsidePorts, platform: ProviderID? = nil, sealer: any SecretSealer,
    time: any TimeSource, ids: any IDSource, feed: RouteFeed, process: RegistryProcessID?,
    background: BackgroundTasks
  ) {
    self.work = ProvisioningWork(
      store: store, carrier: carrier, market: market, outside: outside, platform: platform,
      sealer: sealer, time: time, ids: ids, feed: feed, process: process)
    self.background = background
  }

  /// Whose entries are that begin here; nil when the store is this process's alone.
  package var process: RegistryProcessID? { work.process }

  /// Commits `write`, which begins `journal`, and runs it; returns at its end.
  ///
  /// The commit is a part of the work, so that a caller who goes away leaves nothing half begun.
  /// When the store refuses it, that is the failure and nothing was begun.
  package func begin(
    _ journal: ProvisioningJournal, _ write: RegistryWrite
  ) async throws(Failure) -> ProvisioningEnd {
    let running = state.withLock { Set($0.running.keys) }
    guard shares.enter(journal.id, journal.tenant, running: running) else { throw .full }
    defer { shares.callerLeft(journal.id) }
    let work = work
    return try await run(journal) { () async throws(ProvisioningStop) in
      do throws(ProvisioningStop) {
        let lease = try await work.begin(journal, write)
        return try await work.run(journal, lease, isResumed: false)
      } catch .superseded {
        return try await work.follow(journal)
      }
    }
  }

  /// Commits `write`, which begins `journal`, and returns when it is stored; the work goes on.
  ///
  /// When the store refuses it, that is the failure and nothing was begun.
  package func submit(
    _ journal: ProvisioningJournal, _ write: RegistryWrite
  ) async throws(Failure) {
    let running = state.withLock { Set($0.running.keys) }
    guard shares.enter(journal.id, journal.tenant, running: running) else { throw .full }
    defer { shares.callerLeft(journal.id) }
    let work = work
    let lease: HeldLease?
    do throws(ProvisioningStop) {
      lease = try await work.begin(journal, write)
    } catch {
      // Another goes on with it already.
      if error == .superseded { return }
      throw error == .stopping ? .draining : .stopped(error)
    }
    let isFirst = state.withLock { state in
      guard state.running[journal.id] == nil else { return false }
      state.running[journal.id] = [:]
      return true
    }
    guard isFirst else { return }
    // One that can't be run now stays open, and is taken up later.
    begin(journal) { () async throws(ProvisioningStop) in
      do throws(ProvisioningStop) {
        return try await work.run(journal, lease, isResumed: false)
      } catch .superseded {
        return try await work.follow(journal)
      }
    }
  }

  /// Lets `drive` perform the works of a kind. Before the first of them begins.
  func drive(_ kind: ProvisioningKind, _ drive: @escaping JournalDrivers.Drive) {
    work.drivers.set(kind, drive)
  }

  /// For the end: what drives works holds the runner, which holds it.
  func forgetDrivers() { work.drivers.removeAll() }

  /// Goes on with an open entry where nothing runs it here, and does not wait for it.
  func goOn(_ journal: ProvisioningJournal) {
    let isFirst = state.withLock { state in
      guard state.running[journal.id] == nil else { return false }
      state.running[journal.id] = [:]
      return true
    }
    guard isFirst else { return }
    let work = work
    begin(journal) { () async throws(ProvisioningStop) in try await work.follow(journal) }
  }

  /// The entry was changed: what runs it here stops where it stands, and reads it anew. What runs
  /// it elsewhere finds out by its revision. One that sleeps is woken.
  func interrupt(_ journal: ProvisioningJournal) {
    let interruption = state.withLock { $0.interruptions[journal.id] }
    interruption?.raise()
    goOn(journal)
  }

  /// Waits for the end of an open entry, and goes on with it where nothing runs it, here or in
  /// another registry.
  package func join(
    _ journal: ProvisioningJournal
  ) async throws(Failure) -> ProvisioningEnd {
    let work = work
    while true {
      do throws(Failure) {
        return try await run(journal) { () async throws(ProvisioningStop) in
          try await work.follow(journal)
        }
      } catch {
        guard error == .stopped(.asleep) else { throw error }
        try await sleep(with: journal)
      }
    }
  }

  /// Returns when a work that sleeps may go on. It is the caller who waits: a work that sleeps
  /// takes no place from others.
  private func sleep(with journal: ProvisioningJournal) async throws(Failure) {
    do throws(ProvisioningStop) {
      while let present = try await work.present(journal), let rest = work.rest(of: present) {
        try await work.pause(min(rest, RegistryLimits.leaseCheckInterval))
      }
    } catch {
      throw error == .stopping ? .cancelled : .stopped(error)
    }
  }

  /// Goes on with every open entry, `RegistryLimits.resumeConcurrencyMax` at once, and returns when
  /// each was closed or stopped. For the start, where the store is this process's alone.
  package func resume() async throws(StoreError) {
    var last: OperationID?
    while true {
      let page = try await work.store.openJournals(
        after: last, limit: RegistryLimits.resumePageSize)
      guard let end = page.last, !Task.isCancelled else { return }
      last = end.id
      await withTaskGroup(of: Void.self) { group in
        let awake = page.filter { work.rest(of: $0) == nil }
        for (index, journal) in awake.enumerated() {
          if index >= RegistryLimits.resumeConcurrencyMax { await group.next() }
          group.addTask { _ = try? await self.join(journal) }
        }
      }
    }
  }

  /// Begins to go on with the entries that nobody works on any more, a bounded number at once, and
  /// returns without waiting for them. To be called every `RegistryLimits.leaseCheckInterval`; what
  /// another registry works on is only looked at.
  package func takeUp() async throws(StoreError) {
    var open: Set<OperationID> = []
    var last: OperationID?
    while true {
      let page = try await work.store.openJournals(
        after: last, limit: RegistryLimits.resumePageSize)
      let now = work.time.uptime()
      for journal in page {
        open.insert(journal.id)
        let isAsleep = work.rest(of: journal) != nil
        let watch: LeaseWatch? = state.withLock { state in
          state.takes(journal, isAsleep: isAsleep, by: process, at: now) ? state.watch : nil
        }
        guard let watch else { continue }
        let work = work
        begin(journal) { () async throws(ProvisioningStop) in
          try await work.follow(journal, watch)
        }
      }
      guard page.count == RegistryLimits.resumePageSize, let end = page.last else { break }
      last = end.id
    }
    state.withLock { state in
      state.watch.keep(open)
      state.stopped = state.stopped.filter { open.contains($0.key) }
    }
  }

  /// Gives back what this process has and does not run, so that another need not wait for it. For
  /// the end, once the works have stopped; what can't be given back lapses.
  package func release() async {
    guard let process else { return }
    var last: OperationID?
    do {
      while true {
        let page = try await work.store.openJournals(
          after: last, limit: RegistryLimits.resumePageSize)
        for journal in page where journal.owner == process { try await work.release(journal) }
        guard page.count == RegistryLimits.resumePageSize, let end = page.last else { return }
        last = end.id
      }
    } catch {
      return
    }
  }

  // MARK: -

  private func run(
    _ journal: ProvisioningJournal,
    _ body: @escaping @Sendable () async throws(ProvisioningStop) -> ProvisioningEnd
  ) async throws(Failure) -> ProvisioningEnd {
    let id = journal.id
    let number = state.withLock { state in
      state.next += 1
      return state.next
    }
    let answer = await withTaskCancellationHandler {
      await withCheckedContinuation { (waiter: Waiter) in
        switch admit(id, number, waiter) {
        case .wait: break
        case .leave(let failure): waiter.resume(returning: .failure(failure))
        case .begin: begin(journal, body)
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
    _ journal: ProvisioningJournal,
    _ body: @escaping @Sendable () async throws(ProvisioningStop) -> ProvisioningEnd
  ) {
    let id = journal.id
    do {
      try background.start {
        do throws(ProvisioningStop) {
          self.ended(id, .success(try await self.interruptible(journal, body)))
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

  /// Runs `body`, and goes on with the entry as it is stored whenever it is interrupted.
  private func interruptible(
    _ journal: ProvisioningJournal,
    _ body: @escaping @Sendable () async throws(ProvisioningStop) -> ProvisioningEnd
  ) async throws(ProvisioningStop) -> ProvisioningEnd {
    let work = work
    var next = body
    while true {
      let interruption = Interruption()
      state.withLock { $0.interruptions[journal.id] = interruption }
      let ended = await interruption.end(of: next)
      state.withLock { $0.interruptions[journal.id] = nil }
      guard case .failure(.stopping) = ended, interruption.isRaised, !Task.isCancelled else {
        return try ended.get()
      }
      next = { () async throws(ProvisioningStop) in try await work.follow(journal) }
    }
  }

  private func ended(_ id: OperationID, _ answer: Answer) {
    let waiters = state.withLock { state in
      state.takenUp.remove(id)
      switch answer {
      case .failure(.stopped(.store(.unavailable))), .failure(.stopped(.asleep)):
        // It goes on when the store can be read again, or when it is time.
        break
      case .failure(.stopped):
        state.stopped[id] = work.time.uptime() + RegistryLimits.stoppedWorkDelay
      default: break
      }
      return state.running.removeValue(forKey: id) ?? [:]
    }
    for waiter in waiters.values { waiter.resume(returning: answer) }
  }
}
