package import Access
internal import Telephony

extension PhoneNumbers {
  /// Imports many numbers of one provider, `RegistryLimits.batchConcurrencyMax` at once, and
  /// reports each as it ends; the last report has no result, and each has the operation.
  ///
  /// The list is written down first, as an operation: once it is, it comes to its end whatever
  /// becomes of the caller and of this process. Each number is imported under a request id of its
  /// own, which is made of the batch's. Sent again, a batch that goes on is followed, and one that
  /// has ended tells what was done and tries the rest anew. When `report` gives false, which says
  /// that nobody listens, or the task is cancelled, only the reporting ends.
  package func batchImport(
    _ request: BatchImportPhoneNumbers, by caller: Caller,
    _ report: (BatchImportStep) async -> Bool
  ) async throws(RegistryError) {
    let batch = try BatchDraft(request, context.numberPlan)
    _ = try await context.ownProvider(batch.providerID, tenant: caller.tenant)
    let journal = try await beginBatch(batch, caller)
    try await follow(journal, caller, report)
  }

  /// The operation of a batch, which goes on unless it is whole.
  private func beginBatch(
    _ batch: BatchDraft, _ caller: Caller
  ) async throws(RegistryError) -> ProvisioningJournal {
    for _ in 0..<RegistryLimits.contentionAttemptsMax {
      let earlier = try await context.earlier(batch.requestID, batch.body, tenant: caller.tenant)
      if let earlier, let known = try await journal(of: earlier, caller) {
        if let journal = try await goOn(with: known) { return journal }
        continue
      }
      guard context.batches.hasRoom(for: caller.tenant) else { throw .tooManyOperations }
      let now = context.time.now()
      let journal = ProvisioningJournal.importing(
        batch.entries, of: batch.providerID, requestID: batch.requestID, by: caller,
        id: OperationID(at: now, random: context.ids), time: now, owner: context.runner.process)
      // A version before recorded the id without an operation: that record stays.
      let record =
        earlier == nil
        ? try context.request(
          batch.requestID, batch.body, resource: journal.id.description, tenant: caller.tenant)
        : nil
      let write = RegistryWrite(at: now, request: record, changes: [.insertJournal(journal)])
      do throws(ProvisioningRunner.Failure) {
        try await context.runner.submit(journal, write)
        return journal
      } catch .stopped(.store(.requestRepeated(let earlier))) {
        try context.checkSame(earlier, batch.body)
      } catch {
        throw RegistryError(error)
      }
    }
    throw .contended(.provider(batch.providerID))
  }

  private func journal(
    of record: RequestRecord, _ caller: Caller
  ) async throws(RegistryError) -> ProvisioningJournal? {
    guard let id = try? OperationID(record.resourceID) else { return nil }
    return try await reading { () async throws(StoreError) in
      try await context.store(of: caller.tenant).journal(id)
    }
  }

  /// The operation as it goes on; nil when others were faster.
  private func goOn(
    with known: ProvisioningJournal
  ) async throws(RegistryError) -> ProvisioningJournal? {
    guard !known.isOpen else {
      context.runner.goOn(known)
      return known
    }
    guard let record = known.batch, !record.isWhole else { return known }
    guard context.batches.hasRoom(for: known.tenant) else { throw .tooManyOperations }
    let again = known.tryingAgain(at: context.time.now(), owner: context.runner.process)
    let write = RegistryWrite(
      at: again.updateTime,
      changes: [
        .updateJournal(again, from: known.revision),
        .forgetRequests(resourceID: BatchRecord.bar(of: known.id)),
      ])
    do throws(ProvisioningRunner.Failure) {
      try await context.runner.submit(again, write)
    } catch {
      throw RegistryError(error)
    }
    return again
  }

  // MARK: Telling

  /// Reports what ends, from the first on, until all of it is told.
  private func follow(
    _ journal: ProvisioningJournal, _ caller: Caller, _ report: (BatchImportStep) async -> Bool
  ) async throws(RegistryError) {
    var teller = BatchTeller(journal)
    var delay = RegistryLimits.batchPollFirst
    while true {
      let here = await context.batches.look(at: journal.id, after: teller.rowCount)
      if Task.isCancelled { throw .cancelled }
      switch here {
      case .stopped(let error): throw error
      case .rows(let rows):
        teller.rowCount += rows.count
        guard try await tell(rows, &teller, caller, report) else { throw .cancelled }
      case .absent:
        let present = try await reading { () async throws(StoreError) in
          try await context.store(of: journal.tenant).journal(journal.id)
        }
        guard let present, let record = present.batch else {
          throw .notFound(.operation(journal.id))
        }
        guard try await tell(record.rows, &teller, caller, report) else { throw .cancelled }
        guard present.isOpen else {
          if present.failure != nil { throw .operationCancelled(journal.id) }
          guard await report(teller.step(nil)) else { throw .cancelled }
          return
        }
        if context.background.isDraining { throw .shuttingDown }
        // A run that ended a moment ago may have kept the next one from beginning.
        context.runner.goOn(present)
        do throws(CancellationError) {
          try await context.time.sleep(for: delay)
        } catch {
          throw .cancelled
        }
        delay = min(delay * 2, RegistryLimits.leasePollInterval)
      }
    }
  }

  /// Reports those that were not; false when nobody listens.
  private func tell(
    _ rows: [BatchRecord.Row], _ teller: inout BatchTeller, _ caller: Caller,
    _ report: (BatchImportStep) async -> Bool
  ) async throws(RegistryError) -> Bool {
    for row in rows where teller.isNew(row) {
      let outcome: Result<PhoneNumber, RegistryError>
      if let id = row.numberID, row.refusal == nil {
        let number = try await reading { () async throws(StoreError) in
          try await context.store(of: caller.tenant).number(id)
        }
        outcome = number.map { .success($0) } ?? .failure(.notFound(.number(id)))
      } else {
        outcome = .failure(row.refusal?.error ?? .internalError("An import has no end."))
      }
      let result = BatchImportResult(index: row.index, outcome: outcome)
      guard await report(teller.step(result)), !Task.isCancelled else { return false }
    }
    return true
  }
}

/// What one caller was told of a batch.
private struct BatchTeller {
  private let id: OperationID
  private let totalCount: Int
  private var told: Set<Int> = []
  private var failedCount = 0
  /// Rows that were read where the batch runs here.
  var rowCount = 0

  init(_ journal: ProvisioningJournal) {
    self.id = journal.id
    self.totalCount = journal.batch?.entries.count ?? 0
  }

  mutating func isNew(_ row: BatchRecord.Row) -> Bool { told.insert(row.index).inserted }

  mutating func step(_ result: BatchImportResult?) -> BatchImportStep {
    if case .failure? = result?.outcome { failedCount += 1 }
    return BatchImportStep(
      operationID: id, result: result, doneCount: told.count, failedCount: failedCount,
      totalCount: totalCount)
  }
}

/// A batch that was found good.
struct BatchDraft: Sendable {
  let providerID: ProviderID
  let numbers: [ImportDraft]
  let requestID: String
  let body: RequestBody

  /// As the operation keeps them.
  var entries: [BatchRecord.Entry] {
    numbers.map { number in
      BatchRecord.Entry(
        e164: number.e164.text, label: number.label, supportsInbound: number.supportsInbound,
        supportsOutbound: number.supportsOutbound, labels: number.labels,
        assignee: number.assignee)
    }
  }

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
}
