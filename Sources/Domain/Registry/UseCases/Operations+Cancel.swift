package import Access
internal import Telephony

extension Operations {
  /// Asks an operation to end as if it had not been begun, and gives it as it is then: it goes on
  /// until that is done. Of one that was cancelled nothing is asked.
  ///
  /// A sync stops, and what it marked stays marked; a batch begins no more numbers, and those that
  /// it imported stay; a rotation changes nothing. An import is undone, and a move until the region
  /// of before is touched.
  package func cancel(_ id: String, by caller: Caller) async throws(RegistryError) -> Operation {
    var validator = Validator()
    let id = validator.id("id", id, as: OperationID.self)
    try validator.finish()
    guard let id else { throw .internalError("An id was neither read nor refused.") }
    for _ in 0..<RegistryLimits.contentionAttemptsMax {
      let present = try await journal(id, caller)
      if present.kind.needsProviders, !caller.may(.providersWrite) {
        throw .scopeMissing(.providersWrite)
      }
      if present.isCancelRequested {
        if present.isOpen { context.runner.interrupt(present) }
        return Operation(present)
      }
      guard present.isCancellable else {
        throw .operationNotCancellable(id, present.kind, isOver: !present.isOpen)
      }
      var next = present
      next.isCancelRequested = true
      next.revision += 1
      next.updateTime = max(context.time.now(), present.updateTime)
      let draft = AuditDraft(
        .cancel, AuditResource(of: present.subject),
        [AuditChange("operation_id", old: id.description, new: id.description)])
      let write = RegistryWrite(
        at: next.updateTime, changes: [.updateJournal(next, from: present.revision)],
        audit: [draft.entry(by: caller, at: next.updateTime, context.ids)])
      do throws(StoreError) {
        try await context.commit(write, of: caller.tenant)
      } catch .versionMismatch {
        continue
      } catch {
        throw RegistryError(error)
      }
      context.runner.interrupt(next)
      return Operation(next)
    }
    throw .contended(.operation(id))
  }
}

extension ProvisioningKind {
  /// Who ends it changes a provider.
  fileprivate var needsProviders: Bool {
    switch self {
    case .syncProvider, .rotateCredential: true
    case .importNumber, .deleteNumber, .repairNumber, .moveNumber, .importBatch, .provisionNumber,
      .releaseNumber:
      false
    }
  }
}

extension AuditResource {
  fileprivate init(of subject: OperationSubject) {
    switch subject {
    case .number(let id): self.init(.phoneNumber, id.description)
    case .provider(let id), .credential(let id), .batch(let id, _):
      self.init(.provider, id.description)
    }
  }
}
