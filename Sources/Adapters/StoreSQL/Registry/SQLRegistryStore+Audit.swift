package import Access
package import Registry
package import Telephony

extension SQLRegistryStore {
  package func record(_ entries: [AuditEntry]) async throws(StoreError) {
    do throws(SQLFailure) {
      try await reader.engine.transaction { session async throws(SQLFailure) -> SQLEnding<Void> in
        for entry in entries {
          _ = try await session.run(FeedStatements.recordAudit, entry.values)
        }
        return .commit(())
      }
    } catch {
      throw StoreError(error)
    }
  }

  package func pruneAudit(before time: Timestamp, limit: Int) async throws(StoreError) -> Int {
    do throws(SQLFailure) {
      return try await reader.engine.transaction {
        session async throws(SQLFailure) -> SQLEnding<Int> in
        let result = try await session.run(
          FeedStatements.pruneAudit, [SQLValue(time), SQLValue(limit)])
        return .commit(result.changedCount)
      }
    } catch {
      throw StoreError(error)
    }
  }
}

extension AuditEntry {
  /// The columns of the log.
  var values: [SQLValue] {
    [
      SQLValue(tenant), SQLValue(time), SQLValue(id), .text(resource.kind.rawValue),
      .text(resource.id), .text(principal.description), .text(action.rawValue),
      SQLValue(document: self),
    ]
  }
}
