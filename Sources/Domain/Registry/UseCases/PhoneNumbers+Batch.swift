package import Access
internal import Telephony

extension PhoneNumbers {
  /// Imports many numbers of one provider, `RegistryLimits.batchConcurrencyMax` at once, and
  /// reports each as it ends; the last report has no result.
  ///
  /// Each is imported under a request id of its own, which is made of the batch's: sent again, the
  /// batch goes on where it was cut. The next numbers begin when `report` has returned. Once it
  /// gives false, which says that nobody listens, or the task is cancelled, none begins any more;
  /// what had begun goes on by itself.
  package func batchImport(
    _ request: BatchImportPhoneNumbers, by caller: Caller,
    _ report: (BatchImportStep) async -> Bool
  ) async throws(RegistryError) {
    let batch = try BatchDraft(request, context.numberPlan)
    _ = try await context.provider(batch.providerID, tenant: caller.tenant)
    try await note(batch, caller)
    let stop = await run(batch, caller, report)
    if let stop { throw stop }
  }

  /// Binds the batch's id to its list, before anything begins.
  private func note(_ batch: BatchDraft, _ caller: Caller) async throws(RegistryError) {
    let earlier = try await context.earlier(batch.requestID, batch.body, tenant: caller.tenant)
    guard earlier == nil else { return }
    let record = try context.request(
      batch.requestID, batch.body, resource: batch.providerID.description, tenant: caller.tenant)
    let write = RegistryWrite(at: context.time.now(), request: record, changes: [])
    do {
      try await context.store(of: caller.tenant).commit(write)
    } catch .requestRepeated(let earlier) {
      try context.checkSame(earlier, batch.body)
    } catch {
      throw RegistryError(error)
    }
  }

  /// Gives why the batch ended before its end; nil when it did not.
  private func run(
    _ batch: BatchDraft, _ caller: Caller, _ report: (BatchImportStep) async -> Bool
  ) async -> RegistryError? {
    await withTaskGroup(of: BatchImportResult.self) { group in
      var step = BatchImportStep(
        doneCount: 0, failedCount: 0, totalCount: batch.numbers.count)
      var next = 0
      while true {
        let beginsMax = step.doneCount + RegistryLimits.batchConcurrencyMax
        while next < min(beginsMax, batch.numbers.count) {
          let index = next
          group.addTask { await importEntry(index, of: batch, caller) }
          next += 1
        }
        guard let result = await group.next() else { break }
        if let stop = result.stop {
          group.cancelAll()
          return stop
        }
        step.doneCount += 1
        if case .failure = result.outcome { step.failedCount += 1 }
        step.result = result
        guard await report(step), !Task.isCancelled else {
          group.cancelAll()
          return .cancelled
        }
      }
      step.result = nil
      return await report(step) ? nil : .cancelled
    }
  }

  /// Imports one number, again while there is only no room for it.
  private func importEntry(
    _ index: Int, of batch: BatchDraft, _ caller: Caller
  ) async -> BatchImportResult {
    let backOff = BackOff(
      first: RegistryLimits.batchDelayFirst, longest: RegistryLimits.batchDelayMax)
    var failures = 0
    while true {
      let failure: RegistryError
      do throws(RegistryError) {
        let number = try await importNumber(
          batch.numbers[index], requestID: batch.requestID(of: index), validateOnly: false,
          by: caller)
        return BatchImportResult(index: index, outcome: .success(number))
      } catch {
        failure = error
      }
      failures += 1
      guard let wait = failure.wait(afterFailures: failures, backOff) else {
        return BatchImportResult(index: index, outcome: .failure(failure))
      }
      do {
        try await context.time.sleep(for: wait)
      } catch {
        return BatchImportResult(index: index, outcome: .failure(.cancelled))
      }
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
}

extension BatchImportResult {
  /// Why the whole batch can't go on: a repetition will tell what became of the number.
  fileprivate var stop: RegistryError? {
    guard case .failure(let error) = outcome else { return nil }
    switch error {
    case .cancelled, .shuttingDown, .storeUnavailable, .storeDamaged: return error
    default: return nil
    }
  }
}

/// A batch that was found good.
struct BatchDraft: Sendable {
  let providerID: ProviderID
  let numbers: [ImportDraft]
  let requestID: String
  let body: RequestBody

  init(_ request: BatchImportPhoneNumbers, _ plan: any NumberPlan) throws(RegistryError) {
    var validator = Validator()
    validator.requestID(request.requestID)
    if request.requestID.isEmpty {
      validator.refuse(
        "request_id", .required, "A batch needs a request id, so that it can be resumed.")
    }
    let providerID = validator.id("provider_id", request.providerID, as: ProviderID.self)
    if request.numbers.isEmpty {
      validator.refuse("numbers", .required, "The batch has no number: give at least one.")
    }
    guard request.numbers.count <= RegistryLimits.batchCountMax else {
      validator.refuse(
        "numbers", .tooMany,
        "There are \(request.numbers.count) numbers; the limit is "
          + "\(RegistryLimits.batchCountMax). Send several batches.")
      throw .invalidArgument(validator.violations)
    }
    let numbers = Self.read(request, providerID, plan, &validator)
    try validator.finish()
    guard let providerID else { throw .internalError("A field was neither read nor refused.") }
    var body = RequestBody("BatchImportPhoneNumbers")
    body.add(request.providerID)
    for number in numbers { body.add(number.body) }
    self.providerID = providerID
    self.numbers = numbers
    self.requestID = request.requestID
    self.body = body
  }

  private static func read(
    _ request: BatchImportPhoneNumbers, _ providerID: ProviderID?, _ plan: any NumberPlan,
    _ validator: inout Validator
  ) -> [ImportDraft] {
    let source = providerID.map { ImportDraft.Source.stored($0) }
    var numbers: [ImportDraft] = []
    var places: [String: Int] = [:]
    for (index, entry) in request.numbers.enumerated() {
      var entry = entry
      entry.providerID = request.providerID
      let prefix = "numbers[\(index)]."
      if let number = ImportDraft(entry, from: source, prefix, plan, &validator) {
        numbers.append(number)
      }
      guard !entry.e164.isEmpty else { continue }
      if let first = places[entry.e164] {
        validator.refuse(
          "\(prefix)e164", .duplicate, "The number stands in numbers[\(first)] already.")
      } else {
        places[entry.e164] = index
      }
      // A list of a thousand bad entries is told by its first ones.
      if validator.violations.count >= RegistryLimits.batchViolationsMax { break }
    }
    return numbers
  }

  /// The id under which one number is imported: no caller can send such a one.
  func requestID(of index: Int) -> String { "\(requestID)#\(index)" }
}
