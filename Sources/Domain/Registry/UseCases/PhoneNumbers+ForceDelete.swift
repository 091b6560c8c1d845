package import Access
internal import Telephony

extension PhoneNumbers {
  /// Removes a corrupted number and gives up what is left at the carrier; the audit log keeps what
  /// that was. Nothing is asked of the carrier.
  ///
  /// Gives the number as it last was, with its leftovers.
  package func forceDelete(
    _ id: String, etag: String = "", by caller: Caller
  ) async throws(RegistryError) -> PhoneNumber {
    var validator = Validator()
    let id = validator.id("id", id, as: PhoneNumberID.self)
    validator.etag("etag", etag)
    try validator.finish()
    guard let id else { throw .internalError("An id was neither read nor refused.") }
    for _ in 0..<RegistryLimits.contentionAttemptsMax {
      let present = try await context.number(id, tenant: caller.tenant)
      try checkEtag(etag, present.etag, .number(id))
      guard present.state == .corrupted else {
        throw .numberNotCorrupted(id, present.state)
      }
      if present.purchase == .platform { throw .platformNumber(id) }
      if let agent = present.agentID { throw .numberAssigned(id, agent) }
      do {
        try await context.commit(
          by: caller, [.deleteNumber(id, from: present.revision.version)],
          audit: AuditDraft(.forceDelete, from: present, to: nil))
        return present
      } catch .versionMismatch, .notFound {
        continue
      } catch {
        throw RegistryError(error)
      }
    }
    throw .contended(.number(id))
  }
}
