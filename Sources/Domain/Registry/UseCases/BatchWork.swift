internal import Access
internal import Telephony

/// Performs a batch of imports from where its entry stands.
///
/// A number's own import is an entry of its own, under a request id that is made of the batch's:
/// what was begun is joined and what was done is found again, so that of the batch nothing but its
/// list need be known after a crash.
struct BatchWork: Sendable {
  let context: RegistryContext

  func drive(
    _ journal: ProvisioningJournal, _ lease: HeldLease?, _ work: ProvisioningWork
  ) async throws(ProvisioningStop) -> ProvisioningEnd {
    guard let record = journal.batch, case .batch(let providerID, _) = journal.subject else {
      throw .damaged("An open batch has no list.")
    }
    let board = context.batches
    // What failed is there only when the entry was closed since: it is not tried twice in a run.
    board.began(journal.id, journal.tenant, record.rows)
    do throws(ProvisioningStop) {
      let run = BatchRun(
        context: context, record: record, providerID: providerID, operation: journal.id,
        caller: record.asker.caller(of: journal.tenant), isCancelled: journal.isCancelRequested)
      let (stop, present) = try await work.keeping(
        journal, lease, { $0.batch?.rows = board.rows(of: journal.id) ?? [] }, { await run.run() })
      if let stop { throw stop }
      var closed = present
      closed.batch?.rows = board.rows(of: journal.id) ?? record.rows
      let end = try await work.close(
        closed, from: present,
        failure: journal.isCancelRequested ? ProvisioningFailure(cause: .cancelled) : nil)
      board.stopped(journal.id, nil)
      return end
    } catch {
      // Another goes on with it: the store tells how far that is.
      board.stopped(
        journal.id,
        error == .superseded || (error == .stopping && !context.background.isDraining)
          ? nil : RegistryError(error == .stopping ? .draining : .stopped(error)))
      throw error
    }
  }
}

/// The numbers of a batch that have not ended yet.
private struct BatchRun: Sendable {
  let context: RegistryContext
  let record: BatchRecord
  let providerID: ProviderID
  let operation: OperationID
  let caller: Caller
  /// Only what was begun comes to its end.
  let isCancelled: Bool

  /// Gives why it can't go on; nil at its end.
  func run() async -> ProvisioningStop? {
    let ended = Set(record.rows.map(\.index))
    var rest = record.entries.indices.filter { !ended.contains($0) }[...]
    return await withTaskGroup(of: (Int, Result<PhoneNumber?, RegistryError>).self) { group in
      var running = 0
      while true {
        while running < RegistryLimits.batchConcurrencyMax, let index = rest.popFirst() {
          group.addTask { (index, await importEntry(index)) }
          running += 1
        }
        guard let (index, outcome) = await group.next() else { return nil }
        running -= 1
        switch outcome {
        case .success(let number?):
          context.batches.ended(operation, .init(index: index, numberID: number.id, refusal: nil))
        case .success(nil): continue
        case .failure(let error):
          if let stop = error.stop {
            group.cancelAll()
            return stop
          }
          context.batches.ended(
            operation, .init(index: index, numberID: nil, refusal: StoredRefusal(error)))
        }
      }
    }
  }

  /// The id under which one number is imported: no caller can send such a one.
  private func requestID(of index: Int) -> String { "\(record.requestID)#\(index)" }

  /// Imports one number, again while there is only no room for it; nil where it is not begun.
  private func importEntry(_ index: Int) async -> Result<PhoneNumber?, RegistryError> {
    let backOff = BackOff(
      first: RegistryLimits.batchDelayFirst, longest: RegistryLimits.batchDelayMax)
    var failures = 0
    while true {
      let failure: RegistryError
      do throws(RegistryError) {
        if isCancelled, try await barred(index) { return .success(nil) }
        return .success(
          try await PhoneNumbers(context).importNumber(
            try draft(index), requestID: requestID(of: index), validateOnly: false, by: caller))
      } catch {
        failure = error
      }
      failures += 1
      guard let wait = failure.wait(afterFailures: failures, backOff) else {
        return .failure(failure)
      }
      do throws(CancellationError) {
        try await context.time.sleep(for: wait)
      } catch {
        return .failure(.cancelled)
      }
    }
  }

  /// Keeps a number from being begun; false when it is begun.
  ///
  /// An import whose first write is under way while the batch is cancelled would else begin
  /// unseen: the id of its request is taken before it, so that the store refuses that write.
  private func barred(_ index: Int) async throws(RegistryError) -> Bool {
    let bar = BatchRecord.bar(of: operation)
    let now = context.time.now()
    let request = RequestRecord(
      tenant: caller.tenant, requestID: requestID(of: index), fingerprint: [], resourceID: bar,
      createTime: now)
    do throws(StoreError) {
      let write = RegistryWrite(at: now, request: request, changes: [])
      try await context.store(of: caller.tenant).commit(write)
      return true
    } catch .requestRepeated(let earlier) {
      return earlier.resourceID == bar
    } catch {
      throw RegistryError(error)
    }
  }

  private func draft(_ index: Int) throws(RegistryError) -> ImportDraft {
    let entry = record.entries[index]
    var validator = Validator()
    let request = ImportPhoneNumber(
      providerID: providerID.description, e164: entry.e164, label: entry.label,
      supportsInbound: entry.supportsInbound, supportsOutbound: entry.supportsOutbound,
      labels: entry.labels, assignee: AssigneeChoice(entry.assignee))
    let draft = ImportDraft(
      request, from: .stored(providerID), "numbers[\(index)].", context.numberPlan, &validator)
    try validator.finish()
    guard let draft else { throw .internalError("A field was neither read nor refused.") }
    return draft
  }
}

extension AssigneeChoice {
  fileprivate init(_ id: AgentID?) {
    switch id?.kind {
    case .agent?: self = .agent(id?.description ?? "")
    case .softphone?: self = .softphone(id?.description ?? "")
    case nil: self = .unset
    }
  }
}

extension RegistryError {
  /// How long to wait until a number of a batch is tried anew; nil: that would not help.
  fileprivate func wait(afterFailures failures: Int, _ backOff: BackOff) -> Duration? {
    switch self {
    case .tooManyOperations: backOff.delay(afterFailures: failures)
    case .contended where failures < RegistryLimits.batchAttemptsMax:
      backOff.delay(afterFailures: failures)
    case .carrier(let failure)
    where failure.kind == .limited && failures < RegistryLimits.batchAttemptsMax:
      backOff.delay(afterFailures: failures, asked: failure.retryAfter)
    default: nil
    }
  }

  /// Why a work that is more than steps can't go on now: it says nothing of what was asked.
  var stop: ProvisioningStop? {
    switch self {
    case .cancelled, .shuttingDown: .stopping
    case .storeUnavailable(let cause): .store(.unavailable(cause: cause))
    case .storeDamaged(let cause): .store(.damaged(cause: cause))
    default: nil
    }
  }
}
