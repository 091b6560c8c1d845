package import Access
internal import Telephony

/// Following the work that goes on at carriers for the caller's tenant.
package struct Operations: Sendable {
  let context: RegistryContext

  package init(_ context: RegistryContext) { self.context = context }

  package func get(_ id: String, by caller: Caller) async throws(RegistryError) -> Operation {
    var validator = Validator()
    let id = validator.id("id", id, as: OperationID.self)
    try validator.finish()
    guard let id else { throw .internalError("An id was neither read nor refused.") }
    return Operation(try await journal(id, caller))
  }

  /// What an earlier request of the same id began, as it is now; refuses one with another body.
  func begun(
    by record: RequestRecord, _ body: RequestBody, _ caller: Caller
  ) async throws(RegistryError) -> Operation {
    try context.checkSame(record, body)
    return try await get(record.resourceID, by: caller)
  }

  /// Newest first.
  package func list(
    _ request: ListOperations, by caller: Caller
  ) async throws(RegistryError) -> Page<Operation> {
    var validator = Validator()
    let number = validator.optionalID(
      "phone_number_id", request.phoneNumberID, as: PhoneNumberID.self)
    let provider = validator.optionalID("provider_id", request.providerID, as: ProviderID.self)
    if number != nil, provider != nil {
      validator.refuse(
        "provider_id", .conflicting,
        "An operation works on a number or on a provider: give one of the two filters.")
    }
    let filter = OperationFilter(
      subject: number.map { .number($0) } ?? provider.map { .provider($0) },
      state: validator.optional("state", request.state))
    let plan = PagePlan(request.page, query: "operations \(filter)", &validator)
    try validator.finish()
    let read = try await reading { () async throws(StoreError) in
      try await context.store(of: caller.tenant).journals(
        filter, after: plan.cursor, limit: plan.size + 1)
    }
    return plan.page(read.map { Operation($0) }) {
      PageCursor(createTime: $0.createTime, id: $0.id.description)
    }
  }

  /// Waits until the operation is over or `timeout` has passed, and gives it as it is then.
  ///
  /// One that nobody works on any more is gone on with meanwhile.
  ///
  /// - Parameter timeout: nil takes `RegistryLimits.operationWaitMax`.
  package func wait(
    for id: String, timeout: Duration?, by caller: Caller
  ) async throws(RegistryError) -> Operation {
    var validator = Validator()
    let id = validator.id("id", id, as: OperationID.self)
    let longest = RegistryLimits.operationWaitMax
    if let timeout, timeout <= .zero || timeout > longest {
      validator.refuse(
        "timeout", .outOfRange,
        "A wait is longer than nothing, and at most \(longest.components.seconds) seconds.")
    }
    try validator.finish()
    guard let id else { throw .internalError("An id was neither read nor refused.") }
    let journal = try await journal(id, caller)
    guard journal.isOpen else { return Operation(journal) }
    if let ended = try await end(of: journal, within: timeout ?? longest) {
      return Operation(ended)
    }
    return Operation(try await self.journal(id, caller))
  }

  func journal(
    _ id: OperationID, _ caller: Caller
  ) async throws(RegistryError) -> ProvisioningJournal {
    let found = try await reading { () async throws(StoreError) in
      try await context.store(of: caller.tenant).journal(id)
    }
    guard let found else { throw .notFound(.operation(id)) }
    return found
  }

  /// The closed entry; nil when the time was over before it was.
  private func end(
    of journal: ProvisioningJournal, within timeout: Duration
  ) async throws(RegistryError) -> ProvisioningJournal? {
    let (runner, time) = (context.runner, context.time)
    typealias Ended = Result<ProvisioningJournal?, RegistryError>
    let ended = await withTaskGroup(of: Ended.self) { group in
      group.addTask {
        do throws(ProvisioningRunner.Failure) {
          return .success(try await runner.join(journal).journal)
        } catch {
          return .failure(RegistryError(error))
        }
      }
      group.addTask {
        do throws(CancellationError) {
          try await time.sleep(for: timeout)
          return .success(nil)
        } catch {
          return .failure(.cancelled)
        }
      }
      let first = await group.next() ?? .success(nil)
      group.cancelAll()
      return first
    }
    return try ended.get()
  }
}
