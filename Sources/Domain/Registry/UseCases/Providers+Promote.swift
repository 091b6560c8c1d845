package import Access
internal import Telephony

extension Providers {
  /// Makes the staged credentials the current ones, once the carrier took them on every number
  /// again, and keeps what they replace for the window.
  ///
  /// The work is an operation: written down first, it comes to its end whatever becomes of the
  /// caller. One that goes on is joined. Gives the provider as it is then, and the operation.
  ///
  /// - Parameter waits: return at the end; else once it is written down.
  package func promote(
    _ request: SwitchCredential, waits: Bool = true, by caller: Caller
  ) async throws(RegistryError) -> (Provider, Operation) {
    let id = try request.checked()
    for _ in 0..<RegistryLimits.contentionAttemptsMax {
      let present = try await context.ownProvider(id, tenant: caller.tenant).provider
      try checkEtag(request.etag, present.etag, .provider(id))
      let open = try await reading { () async throws(StoreError) in
        try await context.store(of: caller.tenant).openJournal(of: .credential(id))
      }
      if let open {
        guard waits else { return (present, Operation(open)) }
        return try await ended(open, of: id, caller) {
          () async throws(ProvisioningRunner.Failure) in try await context.runner.join(open)
        }
      }
      guard let staged = present.staged else { throw .credentialNotStaged(id) }
      guard staged.use.state != .refused else { throw .credentialRefused(id) }
      let now = context.time.now()
      let journal = ProvisioningJournal.rotating(
        present, mark: staged.mark, etag: request.etag, by: caller,
        id: OperationID(at: now, random: context.ids), time: now, owner: context.runner.process)
      let write = RegistryWrite(at: now, changes: [.insertJournal(journal)])
      do throws(ProvisioningRunner.Failure) {
        try await context.runner.submit(journal, write)
      } catch .stopped(.store(.versionMismatch(.journal))) {
        continue
      } catch {
        throw RegistryError(error)
      }
      guard waits else { return (present, Operation(journal)) }
      return try await ended(journal, of: id, caller) {
        () async throws(ProvisioningRunner.Failure) in try await context.runner.join(journal)
      }
    }
    throw .contended(.provider(id))
  }

  /// What an operation came to.
  private func ended(
    _ journal: ProvisioningJournal, of id: ProviderID, _ caller: Caller,
    _ end: () async throws(ProvisioningRunner.Failure) -> ProvisioningEnd
  ) async throws(RegistryError) -> (Provider, Operation) {
    let closed: ProvisioningJournal
    do throws(ProvisioningRunner.Failure) {
      closed = try await end().journal
    } catch {
      throw RegistryError(error)
    }
    if let error = RegistryError(rotation: closed) { throw error }
    return (try await context.provider(id, tenant: caller.tenant).provider, Operation(closed))
  }
}

extension RegistryError {
  /// Why a rotation changed nothing; nil when it did, or has not ended.
  package init?(rotation journal: ProvisioningJournal) {
    guard !journal.isOpen, let failure = journal.failure, let record = journal.rotation else {
      return nil
    }
    if failure.cause == .cancelled {
      self = .operationCancelled(journal.id)
    } else if let refusal = record.refusal {
      self = refusal.error
    } else {
      self = .numbersUnreachable(
        record.rows.prefix(RegistryLimits.unreachableNumbersMax).map {
          UnreachableNumber(id: $0.numberID, e164: $0.e164, carrierCode: $0.carrierCode)
        }, total: record.rowCount, of: journal.id)
    }
  }
}
