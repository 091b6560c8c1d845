internal import Access
internal import Telephony

// Telling the registry's audit log who placed and ended calls.
extension CallDispatcher {
  /// Tells `sink` of every audit entry in the store, and forgets those that it has, until the
  /// calling task is cancelled. While the sink or the store is away the entries wait in the store:
  /// as many as there were calls placed and ended meanwhile. Called once, by the wiring, in a task
  /// of its own.
  package func tellAudit(to sink: any AuditSink) async {
    let backOff = BackOff(first: Limits.auditRetryDelay, longest: Limits.auditRetryDelayMax)
    var failures = 0
    while !Task.isCancelled {
      if await tellAuditOnce(to: sink) {
        failures = 0
        await auditPump.wait(for: Limits.auditPollInterval, time: ports.time)
      } else {
        failures += 1
        let delay = backOff.delay(afterFailures: failures)
        guard (try? await ports.time.sleep(for: delay)) != nil else { return }
      }
    }
  }

  /// Tells what there is; false when the sink or the store was away.
  func tellAuditOnce(to sink: any AuditSink) async -> Bool {
    for region in configuration.regions.sorted() {
      var last: AuditEntryID?
      repeat {
        guard
          let page = try? await ports.store.untoldAudit(
            of: region, after: last, limit: Limits.auditBatchMax)
        else { return false }
        if !page.entries.isEmpty {
          guard let told = try? await sink.record(page.entries),
            (try? await ports.store.forgetAudit(told, of: region)) != nil
          else { return false }
        }
        last = page.end
      } while last != nil && !Task.isCancelled
    }
    return true
  }

  /// What the log is told of each call that one request places.
  func audit(placing calls: [Call], by caller: Caller) -> [AuditEntry] {
    calls.enumerated().map { index, call in
      // A microsecond apart, so that the log keeps the order of the request.
      entry(
        .place, call, by: caller, at: call.createTime.advanced(by: .microseconds(index)),
        call.auditedFields.map { AuditChange($0.name, old: "", new: $0.value) })
    }
  }

  /// What the log is told when a caller ends a call: the state before and after, and beside it what
  /// says which call it was, as it stays.
  func audit(
    hangingUp old: Call, leaving new: Call, by caller: Caller, at time: Timestamp
  ) -> AuditEntry {
    entry(
      .hangUp, new, by: caller, at: time,
      [AuditChange("state", old: old.state.rawValue, new: new.state.rawValue)]
        + new.auditedFields.map { AuditChange($0.name, old: $0.value, new: $0.value) })
  }

  private func entry(
    _ action: AuditAction, _ call: Call, by caller: Caller, at time: Timestamp,
    _ changes: [AuditChange]
  ) -> AuditEntry {
    precondition(caller.tenant == call.tenant, "an audit entry of another tenant than its call")
    return AuditEntry(
      id: AuditEntryID(at: time, random: AnyIDSource(ports.ids)), time: time, caller: caller,
      action: action, resource: AuditResource(.call, call.id.description), changes: changes)
  }
}

extension Call {
  /// What the audit log tells of a call, by the contract's names. Metadata may hold what is nobody
  /// else's business, and is left out.
  fileprivate var auditedFields: [(name: String, value: String)] {
    [
      ("region", region.rawValue), ("from", from.text), ("to", to.text),
      ("phone_number_id", number.description), ("provider_id", provider.description),
      (agent?.kind == .softphone ? "softphone_id" : "agent_id", agent?.description ?? ""),
    ].filter { !$0.value.isEmpty }
  }
}
