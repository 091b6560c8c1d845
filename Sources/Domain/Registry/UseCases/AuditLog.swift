package import Access
internal import Telephony

/// Reading the audit log of the caller's tenant.
package struct AuditLog: Sendable {
  private let context: RegistryContext

  package init(_ context: RegistryContext) { self.context = context }

  /// Writes entries that a dispatch made of its calls, of any tenants: each once, however often it
  /// comes. Those of other things are not a dispatch's to tell, and left out. Returns the ids of
  /// those that the log has.
  package func record(
    _ entries: [AuditEntry]
  ) async throws(RegistryError) -> [AuditEntryID] {
    let ofCalls = entries.filter { entry in
      switch entry.action {
      case .place, .hangUp:
        entry.resource.kind == .call && (try? CallID(entry.resource.id)) != nil
      case .create, .update, .delete, .assign, .unassign, .revoke, .importNumber, .rotate,
        .repair, .forceDelete, .move, .sync, .provision, .release, .cancel:
        false
      }
    }
    guard !ofCalls.isEmpty else { return [] }
    do throws(StoreError) {
      try await context.deployment.record(ofCalls)
    } catch {
      throw RegistryError(error)
    }
    return ofCalls.map(\.id)
  }

  /// Newest first.
  package func list(
    _ request: ListAuditEvents, by caller: Caller
  ) async throws(RegistryError) -> Page<AuditEntry> {
    var validator = Validator()
    var filter = AuditFilter(since: request.since, until: request.until)
    filter.resourceKind = validator.word("resource_type", request.resourceType)
    filter.action = validator.word("action", request.action)
    if !request.principal.isEmpty {
      validator.text(
        "principal", request.principal, lengthMax: AccessLimits.auditPrincipalLengthMax)
      filter.principal = Principal(request.principal)
      if filter.principal == nil {
        validator.refuse(
          "principal", .malformed,
          "A principal is token:tok_…, identity:NAME, anonymous or system.")
      }
    }
    if !request.resourceID.isEmpty {
      validator.text(
        "resource_id", request.resourceID, lengthMax: AccessLimits.auditResourceIDLengthMax)
      filter.resourceID = request.resourceID
    }
    let plan = PagePlan(request.page, query: "audit \(filter)", &validator)
    try validator.finish()
    let wanted = filter
    let read = try await reading { () async throws(StoreError) in
      try await context.store(of: caller.tenant).auditEvents(
        wanted, after: plan.cursor, limit: plan.size + 1)
    }
    return plan.page(read) { PageCursor(createTime: $0.time, id: $0.id.description) }
  }
}

extension Validator {
  /// One of a fixed list of words; nil for an empty text.
  fileprivate mutating func word<Word: RawRepresentable<String> & CaseIterable>(
    _ field: String, _ text: String
  ) -> Word? {
    guard !text.isEmpty else { return nil }
    let word = Word(rawValue: text)
    if word == nil {
      let known = Word.allCases.map(\.rawValue).joined(separator: ", ")
      refuse(field, .unknown, "This word is not known here. Known are \(known).")
    }
    return word
  }
}
