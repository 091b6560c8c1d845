package import Access

/// The registry can't take audit entries now: they are told again later.
package enum AuditSinkError: Error, Sendable, Hashable {
  case unavailable
}

/// Where audit entries of calls go: the registry's audit log, in this process or over its stream.
package protocol AuditSink: Sendable {
  /// Hands over at most `Limits.auditBatchMax` entries; returns the ids of those that the log has
  /// for good, of which it may have had some before. Those it does not name are told again.
  func record(_ entries: [AuditEntry]) async throws(AuditSinkError) -> [AuditEntryID]
}
