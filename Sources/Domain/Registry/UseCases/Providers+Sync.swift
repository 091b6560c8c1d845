package import Access
internal import Telephony

extension Providers {
  /// Begins to compare the provider's numbers with the carrier, as a sweep does, and gives the
  /// operation that does it. Where one of the same kind goes on already, that one.
  ///
  /// Nothing changes at the carrier, and of what is here only the states and conditions of numbers,
  /// and of the provider; a dry run changes nothing.
  package func sync(
    _ request: SyncProvider, by caller: Caller
  ) async throws(RegistryError) -> Operation {
    var validator = Validator()
    let id = validator.id("id", request.id, as: ProviderID.self)
    validator.requestID(request.requestID)
    try validator.finish()
    guard let id else { throw .internalError("An id was neither read nor refused.") }
    var body = RequestBody("SyncProvider")
    body.add(request.id)
    body.add(request.isDryRun)
    if let earlier = try await context.earlier(request.requestID, body, tenant: caller.tenant) {
      return try await Operations(context).begun(by: earlier, body, caller)
    }
    for _ in 0..<RegistryLimits.contentionAttemptsMax {
      let provider = try await context.ownProvider(id, tenant: caller.tenant).provider
      _ = try context.account(of: provider)
      let open = try await reading { () async throws(StoreError) in
        try await context.store(of: caller.tenant).openJournal(of: .provider(id))
      }
      if let open {
        guard open.kind == .syncProvider, open.sync?.isDryRun == request.isDryRun else {
          throw .providerBusy(id, open.id)
        }
        return Operation(open)
      }
      let now = context.time.now()
      let journal = ProvisioningJournal.syncing(
        provider, isDryRun: request.isDryRun, id: OperationID(at: now, random: context.ids),
        time: now, owner: context.runner.process)
      let record = try context.request(
        request.requestID, body, resource: journal.id.description, tenant: caller.tenant)
      let write = context.write(
        by: caller, at: now, request: record, [.insertJournal(journal)],
        audit: AuditDraft(
          .sync, AuditResource(.provider, id.description),
          request.isDryRun ? [AuditChange("dry_run", old: "", new: "true")] : []))
      do throws(ProvisioningRunner.Failure) {
        try await context.runner.submit(journal, write)
        return Operation(journal)
      } catch .stopped(.store(.requestRepeated(let earlier))) {
        return try await Operations(context).begun(by: earlier, body, caller)
      } catch .stopped(.store(.versionMismatch)) {
        continue
      } catch {
        throw RegistryError(error)
      }
    }
    throw .contended(.provider(id))
  }
}
