package import Access
package import CallDispatch
package import Telephony

extension SQLCallStore {
  package func untoldAudit(
    of region: Region, after id: AuditEntryID?, limit: Int
  ) async throws(CallStoreError) -> UntoldAudit {
    let rows: [SQLRow]
    do throws(SQLFailure) {
      rows = try await engine.read(
        CallStatements.untoldAudit,
        [SQLValue(region), .text(id?.description ?? ""), SQLValue(limit)]
      ).rows
    } catch {
      throw CallStoreError(error)
    }
    var entries: [AuditEntry] = []
    for row in rows {
      // A newer version's may be none of this one's: it stays for who can read it.
      if let entry = try? StoredDocument.decode(AuditEntry.self, row.blob(1)) {
        entries.append(entry)
      } else if unreadableAudit.isNew(row.text(0)) {
        damaged("audit entry \(row.text(0)) of a call")
      }
    }
    guard rows.count == limit, let last = rows.last else {
      return UntoldAudit(entries: entries, end: nil)
    }
    guard let end = try? AuditEntryID(last.text(0)) else {
      throw .damaged(cause: "the id of a stored audit entry is not one")
    }
    return UntoldAudit(entries: entries, end: end)
  }

  package func forgetAudit(
    _ ids: [AuditEntryID], of region: Region
  ) async throws(CallStoreError) {
    guard let last = ids.last else { return }
    precondition(ids.count <= Limits.auditBatchMax, "\(ids.count) entries to forget at once")
    let padding = [AuditEntryID](repeating: last, count: Limits.auditBatchMax - ids.count)
    let values = [SQLValue(region)] + (ids + padding).map { SQLValue($0) }
    do throws(SQLFailure) {
      try await engine.transaction { session async throws(SQLFailure) -> SQLEnding<Void> in
        _ = try await session.run(CallStatements.forgetAudit, values)
        return .commit(())
      }
    } catch {
      throw CallStoreError(error)
    }
  }
}

extension CallTransaction {
  /// Keeps what the audit log is to be told of a call until the registry has it.
  func insert(_ entry: AuditEntry, of call: Call) async throws(Stop) {
    try await run(
      CallStatements.insertAudit,
      [SQLValue(call.region), SQLValue(entry.id), SQLValue(document: entry)])
  }
}
