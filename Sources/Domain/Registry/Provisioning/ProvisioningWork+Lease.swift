internal import Synchronization
internal import Telephony

/// The lease of an entry that this process works on. Callable from any executor.
final class HeldLease: Sendable {
  private let time: any TimeSource
  private let hold: Mutex<LeaseHold>

  /// Made before the write that takes the entry is begun.
  init(_ time: any TimeSource) {
    self.time = time
    hold = Mutex(LeaseHold(writeBegun: time.uptime()))
  }

  func written(begun: Duration) { hold.withLock { $0.written(begun: begun) } }

  var advice: LeaseHold.Advice { hold.withLock { $0.advice(at: time.uptime()) } }

  /// Returns when it is over, or on cancellation.
  func waitForEnd() async {
    while advice != .stop {
      let rest = hold.withLock { $0.end } - time.uptime()
      guard (try? await time.sleep(for: rest)) != nil else { return }
    }
  }
}

// Taking an entry, keeping it, and giving it back.
extension ProvisioningWork {
  /// Goes on with an entry as soon as it is nobody else's, and gives its end, whoever reached it.
  ///
  /// - Parameter watch: what was seen of it before.
  func follow(
    _ journal: ProvisioningJournal, _ watch: LeaseWatch = LeaseWatch()
  ) async throws(ProvisioningStop) -> ProvisioningEnd {
    var watch = watch
    while true {
      let present = try await present(journal)
      guard let present else { throw .damaged("A journal entry is not there.") }
      // A run that ended a moment ago may have closed it.
      guard present.isOpen else { return try await end(of: present) }
      guard rest(of: present) == nil else { throw .asleep }
      switch watch.saw(present, by: process, at: time.uptime()) {
      case .wait(let rest): try await pause(min(rest, RegistryLimits.leasePollInterval))
      case .free:
        do throws(ProvisioningStop) {
          let (taken, lease) = try await take(present)
          return try await run(taken, lease, isResumed: true)
        } catch .superseded {
          try await pause(RegistryLimits.leasePollInterval)
        }
      }
    }
  }

  /// How long the entry's work waits yet; nil when it does not.
  func rest(of journal: ProvisioningJournal) -> Duration? {
    guard let wake = journal.wakeTime else { return nil }
    let now = time.now()
    return wake > now ? wake.duration(since: now) : nil
  }

  /// Makes the entry this process's, if it is still at the revision that was read.
  private func take(
    _ journal: ProvisioningJournal
  ) async throws(ProvisioningStop) -> (ProvisioningJournal, HeldLease?) {
    guard let process else { return (journal, nil) }
    let lease = HeldLease(time)
    var taken = journal
    taken.owner = process
    return (try await persist(taken, from: journal, lease), lease)
  }

  /// Gives an entry back that nothing here works on, so that another need not wait.
  func release(_ journal: ProvisioningJournal) async throws(StoreError) {
    var released = following(journal, from: journal)
    released.owner = nil
    try await store.tenant(journal.tenant).commit(
      RegistryWrite(
        at: released.updateTime,
        changes: [.updateJournal(released, from: journal.revision)]))
  }

  /// What one of the tasks beside a step came to.
  private enum Part: Sendable {
    case step(Result<Step, ProvisioningStop>)
    case kept(Keeping)
    case leaseEnded
  }

  /// How the keeping of a lease ended.
  private enum Keeping: Sendable {
    /// The entry as it is stored.
    case held(ProvisioningJournal)
    /// A write was cut off when the step ended.
    case uncertain
    case lost
  }

  /// Performs one step, and keeps the entry meanwhile. Gives the entry as it is stored afterwards.
  func perform(
    _ action: ProvisioningStateMachine.Action, _ stored: ProvisioningJournal,
    _ lease: HeldLease?, mayHaveActed: Bool
  ) async throws(ProvisioningStop) -> (Step, ProvisioningJournal) {
    guard let lease else {
      return (try await perform(action, of: stored, nil, mayHaveActed: mayHaveActed), stored)
    }
    var step = Result<Step, ProvisioningStop>.failure(.stopping)
    var keeping = Keeping.lost
    await withTaskGroup(of: Part.self) { group in
      group.addTask {
        do throws(ProvisioningStop) {
          return .step(
            .success(
              try await self.perform(action, of: stored, lease, mayHaveActed: mayHaveActed)))
        } catch {
          return .step(.failure(error))
        }
      }
      group.addTask { .kept(await self.keep(stored, lease)) }
      // A write that hangs must not keep the step going beyond the lease.
      group.addTask {
        await lease.waitForEnd()
        return .leaseEnded
      }
      for await part in group {
        group.cancelAll()
        switch part {
        case .step(let result): step = result
        case .kept(let result): keeping = result
        case .leaseEnded: break
        }
      }
    }
    return try await ended(step, keeping, stored, lease)
  }

  private func ended(
    _ step: Result<Step, ProvisioningStop>, _ keeping: Keeping, _ stored: ProvisioningJournal,
    _ lease: HeldLease
  ) async throws(ProvisioningStop) -> (Step, ProvisioningJournal) {
    if Task.isCancelled { throw .stopping }
    switch keeping {
    case .lost: throw .superseded
    case .held(let journal):
      // Cut off by the lease's end, a step says that it is stopping.
      if case .failure(.stopping) = step { throw .superseded }
      return (try step.get(), journal)
    case .uncertain:
      let present = try await present(stored)
      guard let present, present.owner == process, present.isSameWork(as: stored) else {
        throw .superseded
      }
      return (try step.get(), present)
    }
  }

  /// Writes to the entry now and then, until its task is cancelled or the entry is lost.
  private func keep(_ stored: ProvisioningJournal, _ lease: HeldLease) async -> Keeping {
    var journal = stored
    while true {
      switch lease.advice {
      case .stop: return .lost
      case .rest(let duration):
        guard (try? await time.sleep(for: duration)) != nil else { return .held(journal) }
      case .renew:
        do throws(ProvisioningStop) {
          journal = try await renew(journal, lease)
        } catch {
          if Task.isCancelled { return .uncertain }
          guard case .store(.unavailable) = error else { return .lost }
          guard (try? await time.sleep(for: RegistryLimits.leasePollInterval)) != nil else {
            return .uncertain
          }
        }
      }
    }
  }

  /// One try.
  private func renew(
    _ journal: ProvisioningJournal, _ lease: HeldLease
  ) async throws(ProvisioningStop) -> ProvisioningJournal {
    let begun = time.uptime()
    let next = following(journal, from: journal)
    do throws(StoreError) {
      try await store.tenant(next.tenant).commit(
        RegistryWrite(
          at: next.updateTime, changes: [.updateJournal(next, from: journal.revision)]))
      lease.written(begun: begun)
      return next
    } catch {
      guard error == .versionMismatch(.journal) else { throw .store(error) }
    }
    // An earlier try may have been stored though its answer was lost.
    let present: ProvisioningJournal?
    do throws(StoreError) {
      present = try await store.tenant(journal.tenant).journal(journal.id)
    } catch {
      throw .store(error)
    }
    guard let present, present.owner == process, present.revision == next.revision,
      present.isSameWork(as: next)
    else {
      throw .superseded
    }
    return present
  }
}
