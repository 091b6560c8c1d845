package import CallDispatch

extension SQLCallStore {
  /// Calls that are read at a time.
  private static let passwordBatchSize = 200

  /// Takes out the sealed passwords that earlier versions kept in calls; answers how many calls had
  /// one. None is needed: a call is answered with its agent's password of the moment. Dispatches
  /// may write meanwhile.
  package func forgetPasswords() async throws(CallStoreError) -> Int {
    var count = 0
    var last: [SQLValue] = [.text(""), .text("")]
    while !Task.isCancelled {
      let rows: [SQLRow]
      do throws(SQLFailure) {
        rows = try await engine.read(
          CallStatements.documents, last + [SQLValue(Self.passwordBatchSize)]
        ).rows
        for row in rows { count += try await forgetPassword(row) ? 1 : 0 }
      } catch {
        throw .unavailable
      }
      guard let end = rows.last, rows.count == Self.passwordBatchSize else { break }
      last = [.text(end.text(1)), .text(end.text(2))]
    }
    return count
  }

  /// False for a call without one, and for one that was written meanwhile: then it has none.
  private func forgetPassword(_ row: SQLRow) async throws(SQLFailure) -> Bool {
    guard var document = try? StoredDocument.decode(CallDocument.self, row.blob(0)),
      document.answer?.password != nil
    else { return false }
    document.answer?.password = nil
    let values: [SQLValue] = [
      SQLValue(document: document), .text(row.text(1)), .text(row.text(2)),
      .integer(row.integer(3)),
    ]
    return try await engine.transaction { session async throws(SQLFailure) -> SQLEnding<Bool> in
      let changed = try await session.run(CallStatements.replaceDocument, values).changedCount
      return .commit(changed == 1)
    }
  }
}
