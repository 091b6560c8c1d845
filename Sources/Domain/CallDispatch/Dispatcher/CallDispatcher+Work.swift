internal import Telephony

// The one owner of work that outlives its request: dialling, looking for lost dials, ending calls
// that could not be ended at once, checking unsigned calls, looking after silent ones.
extension CallDispatcher {
  /// Does the calls' work until `beginGracefulShutdown`, then returns when what it had begun is
  /// done; cancellation ends it sooner. Called once, by the wiring, in a task of its own.
  ///
  /// Where the store is this process's alone, it first takes every dial that an earlier process may
  /// have sent for one of unknown outcome. Where dispatches share it, another may be sending it
  /// now: it is looked for when `Limits.workLease` is over.
  package func run() async {
    // Nothing may be dialled before this is done.
    while !configuration.isShared, await !recover() {
      guard !pump.isStopping,
        (try? await ports.time.sleep(for: Limits.workPollInterval)) != nil
      else { return }
    }
    await withTaskGroup(of: Void.self) { group in
      if configuration.isShared { group.addTask { await self.lookForOthers() } }
      await work()
      group.cancelAll()
    }
    // What can't be written now is lost with the process; its callers were answered.
    await saveUnsaved()
  }

  private func work() async {
    await withDiscardingTaskGroup { group in
      var sweepTime = now
      while !pump.isStopping, !Task.isCancelled {
        let time = now
        await saveUnsaved()
        if time >= sweepTime {
          await forgetOldRequests(at: time)
          sweepTime = time.advanced(by: Limits.requestSweepInterval)
        }
        for call in await takeDueCalls(at: time) {
          group.addTask {
            await self.perform(call)
            self.pump.end(call.id)
          }
        }
        await pump.wait(for: await nextWait(after: time), time: ports.time)
      }
    }
  }

  /// Takes no new work. `run` returns when the work in flight is done; the rest stays in the store.
  package func beginGracefulShutdown() {
    pump.stop()
    feed.shutDown()
  }

  /// Tells watchers when others have written to the shared store, until its task is cancelled.
  private func lookForOthers() async {
    var seen: [Region: ChangeCount] = [:]
    while (try? await ports.time.sleep(for: Limits.sharedPollInterval)) != nil {
      guard feed.hasSubscribers, let last = try? await ports.store.changeCounts(), last != seen
      else { continue }
      seen = last
      feed.changedElsewhere()
    }
  }

  /// As many due calls as there is room for. Those in flight are still due in the store and are
  /// skipped.
  private func takeDueCalls(at time: Timestamp) async -> [Call] {
    let room = Limits.workConcurrencyMax - pump.inFlightCount
    guard room > 0,
      let due = try? await ports.store.dueCalls(at: time, limit: 2 * Limits.workConcurrencyMax)
    else { return [] }
    // A loop and not a lazy filter: that may ask `begin` twice for one call, and lose it.
    var taken: [Call] = []
    for call in due where taken.count < room && pump.begin(call.id) { taken.append(call) }
    return taken
  }

  private func nextWait(after time: Timestamp) async -> Duration {
    guard let due = try? await ports.store.nextDue() else { return Limits.workPollInterval }
    let wait = due.duration(since: time)
    return min(max(wait, Limits.workPauseMin), Limits.workPollInterval)
  }

  /// What an earlier process may have sent is never sent again. False when the store was away.
  func recover() async -> Bool {
    do throws(CallStoreError) {
      while true {
        let calls = try await ports.store.sendingCalls(limit: Limits.pageSizeMax)
        for call in calls {
          let time = now
          let attempt = call.dial?.attempt ?? 0
          _ = try await change(call.id) { machine in
            machine.dialLost(attempt: attempt, at: time)
          }
        }
        if calls.count < Limits.pageSizeMax { return true }
      }
    } catch {
      return false
    }
  }

  private func forgetOldRequests(at time: Timestamp) async {
    let limit = time.advanced(by: .zero - Limits.requestIDPeriod)
    _ = try? await ports.store.forgetRequests(
      createdBefore: limit, limit: Limits.requestSweepMax)
  }

  /// One step of one call's work. Whatever could not be written is due again later.
  func perform(_ call: Call) async {
    switch call.work?.kind {
    case nil: return
    case .dial: await dial(call.id)
    case _ where await !take(call): return
    case .reconcile: await reconcile(call.id)
    case .end: await endAtCarrier(call.id)
    case .verify: await verify(call.id)
    case .refresh: await refresh(call.id)
    }
  }

  /// Takes work that several dispatches may find due; false when another was faster. A dial is
  /// taken by the write before its POST.
  private func take(_ call: Call) async -> Bool {
    guard configuration.isShared else { return true }
    var machine = CallStateMachine(call)
    machine.workTaken(at: now)
    return (try? await ports.store.update(machine.call)) != nil
  }

  /// Writes an event's outcome, patiently: what is known of the carrier must not be lost.
  func settle(
    _ id: CallID, _ event: @Sendable (inout CallStateMachine) -> Void
  ) async throws(CallStoreError) {
    let backoff = BackOff(
      first: Limits.carrierRetryDelay, longest: Limits.carrierRetryDelayMax)
    for failures in 1...Limits.carrierRetryMax {
      do throws(CallStoreError) {
        _ = try await change(id, event)
        return
      } catch {
        guard error == .unavailable || error == .conflict, failures < Limits.carrierRetryMax,
          (try? await ports.time.sleep(for: backoff.delay(afterFailures: failures))) != nil
        else { throw error }
      }
    }
  }
}

// For tests: the same work step by step, without a task that runs beside them.
extension CallDispatcher {
  /// Recovers as `run` does, then does what is due until nothing is, at most `rounds` rounds.
  package func runUntilIdle(rounds: Int = 100) async {
    if !configuration.isShared, await !recover() { return }
    await saveUnsaved()
    for _ in 0..<rounds {
      guard let due = try? await ports.store.dueCalls(at: now, limit: Limits.workConcurrencyMax),
        !due.isEmpty
      else { return }
      for call in due { await perform(call) }
    }
  }
}
