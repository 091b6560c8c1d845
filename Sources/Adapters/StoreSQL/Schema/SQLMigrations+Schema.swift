extension SQLDialect {
  /// PostgreSQL, and what speaks as it does.
  package static let postgres = SQLDialect(
    integer: "BIGINT", text: "TEXT", blob: "BYTEA", tableOptions: "")
}

extension SQLMigrations {
  /// The registry's schema on a server.
  package static let registry = SQLMigrations(
    component: "registry",
    steps: [
      Step("make the registry's tables") {
        SQLDialect.postgres.statements(RegistrySchema.tables)
          + SQLDialect.postgres.statements(RegistrySchema.accessTables) + [firstFeed()]
      },
      Step("make indexes for lists with several filters") {
        SQLDialect.postgres.statements(RegistrySchema.filterIndexes)
      },
      Step("index the audit log by action and kind") {
        SQLDialect.postgres.statements(RegistrySchema.auditIndexes)
      },
      Step("list journal entries as operations") {
        SQLDialect.postgres.statements(RegistrySchema.operationColumns) + [journalColumns]
          + SQLDialect.postgres.statements(RegistrySchema.operationIndexes)
      },
      Step("index the audit log by age") {
        SQLDialect.postgres.statements(RegistrySchema.auditTimeIndex)
      },
      Step("make an index for each set of filters") {
        SQLDialect.postgres.statements(RegistrySchema.everyFilterIndexes)
      },
      Step("tell kinds of providers, and who names which as its gateway") {
        SQLDialect.postgres.statements(RegistrySchema.gatewayColumns)
          + SQLDialect.postgres.statements(RegistrySchema.gatewayIndexes)
      },
    ])

  /// Fills in what the documents of earlier entries say.
  private static let journalColumns = """
    UPDATE provisioning_journal SET
      create_time = CAST(CAST(convert_from(document, 'UTF8') AS JSON) ->> 'createTime' AS BIGINT),
      state = CASE
        WHEN is_open = 1 THEN 'running'
        WHEN CAST(convert_from(document, 'UTF8') AS JSON) ->> 'outcome' = 'done' THEN 'succeeded'
        ELSE 'failed' END
    """

  /// The dispatch's schema on a server.
  package static let calls = SQLMigrations(
    component: "calls",
    steps: [
      Step("make the calls' tables") {
        SQLDialect.postgres.statements(CallSchema.calls)
          + SQLDialect.postgres.statements(CallSchema.changes)
          + SQLDialect.postgres.statements(CallSchema.requests)
          + ["INSERT INTO call_changes (one, latest) VALUES (1, 0)"]
      },
      Step("index live calls") { SQLDialect.postgres.statements(CallSchema.liveIndexes) },
      Step("keep what the audit log is to be told of calls") {
        SQLDialect.postgres.statements(CallSchema.audit)
      },
      Step("count each region's changes by themselves") {
        SQLDialect.postgres.statements(CallSchema.sequences) + CallSchema.countOn
          + SQLDialect.postgres.statements(CallSchema.sequenceIndexes)
      },
    ])

  /// The feed's row, with the name of a new history.
  private static func firstFeed() -> String {
    let epoch = (0..<2).map { _ in
      let hex = String(UInt64.random(in: .min ... .max), radix: 16)
      return String(repeating: "0", count: 16 - hex.utf8.count) + hex
    }.joined()
    return """
      INSERT INTO change_feed
        (one, latest, routes_pruned_through, events_pruned_through, epoch)
      VALUES (1, 0, 0, 0, '\(epoch)')
      """
  }
}
