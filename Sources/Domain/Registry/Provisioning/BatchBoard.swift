internal import Synchronization
internal import Telephony

/// What the batches that run in this process have come to, for those who wait for each number.
/// Callable from any executor.
final class BatchBoard: Sendable {
  /// What there is to tell.
  enum Look: Sendable {
    /// More than were known; at least one.
    case rows([BatchRecord.Row])
    /// It does not run here: the store knows more.
    case absent
    /// It stopped here with its entry still open.
    case stopped(RegistryError)
  }

  private struct Batch {
    let tenant: TenantID
    var rows: [BatchRecord.Row]
    var waiters: [Int: CheckedContinuation<Look, Never>] = [:]
  }

  private struct State {
    var next = 0
    var batches: [OperationID: Batch] = [:]
  }

  private let state = Mutex(State())

  init() {}

  /// Whether the tenant may begin another. Two that begin at the same moment may go beyond it.
  func hasRoom(for tenant: TenantID) -> Bool {
    state.withLock { state in
      state.batches.count < RegistryLimits.batchesMax
        && state.batches.values.count { $0.tenant == tenant } < RegistryLimits.batchesTenantMax
    }
  }

  func began(_ id: OperationID, _ tenant: TenantID, _ rows: [BatchRecord.Row]) {
    let waiting = state.withLock { state in
      let before = state.batches[id]?.waiters ?? [:]
      state.batches[id] = Batch(tenant: tenant, rows: rows)
      return before
    }
    for waiter in waiting.values { waiter.resume(returning: .absent) }
  }

  func ended(_ id: OperationID, _ row: BatchRecord.Row) {
    let waiting = state.withLock { state in
      guard state.batches[id] != nil else { return [CheckedContinuation<Look, Never>]() }
      state.batches[id]?.rows.append(row)
      defer { state.batches[id]?.waiters = [:] }
      return Array((state.batches[id]?.waiters ?? [:]).values)
    }
    for waiter in waiting { waiter.resume(returning: .rows([row])) }
  }

  /// It runs here no more.
  ///
  /// - Parameter error: why it stopped before its end; nil: the store tells what came of it.
  func stopped(_ id: OperationID, _ error: RegistryError?) {
    let batch = state.withLock { $0.batches.removeValue(forKey: id) }
    for waiter in (batch?.waiters ?? [:]).values {
      waiter.resume(returning: error.map { .stopped($0) } ?? .absent)
    }
  }

  func rows(of id: OperationID) -> [BatchRecord.Row]? {
    state.withLock { $0.batches[id]?.rows }
  }

  /// What ended after the first `count`; waits for it. Returns `.absent` on cancellation.
  func look(at id: OperationID, after count: Int) async -> Look {
    let number = state.withLock { state in
      state.next += 1
      return state.next
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { waiter in
        let look: Look? = state.withLock { state in
          guard let rows = state.batches[id]?.rows, !Task.isCancelled else { return .absent }
          if rows.count > count { return .rows(Array(rows[count...])) }
          state.batches[id]?.waiters[number] = waiter
          return nil
        }
        if let look { waiter.resume(returning: look) }
      }
    } onCancel: {
      let waiter = state.withLock { $0.batches[id]?.waiters.removeValue(forKey: number) }
      waiter?.resume(returning: .absent)
    }
  }
}
