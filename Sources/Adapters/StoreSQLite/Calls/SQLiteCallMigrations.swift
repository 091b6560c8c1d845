internal import StoreSQL

/// The steps of the calls' file.
///
/// It is a file of its own: a dispatch in its own process keeps its calls in its own data folder,
/// and one beside the registry keeps them apart so that either can move.
enum SQLiteCallMigrations {
  static let all = SQLiteMigrations(steps: [
    SQLiteMigrations.Step("make the tables", script: first),
    SQLiteMigrations.Step("put the region first in a call's key", script: second),
    SQLiteMigrations.Step(
      "index live calls", script: SQLDialect.sqlite.script(CallSchema.liveIndexes)),
    SQLiteMigrations.Step(
      "keep what the audit log is to be told of calls",
      script: SQLDialect.sqlite.script(CallSchema.audit)),
    SQLiteMigrations.Step(
      "count each region's changes by themselves",
      script: SQLDialect.sqlite.script(CallSchema.sequences)
        + CallSchema.countOn.map { $0 + ";\n" }.joined()
        + SQLDialect.sqlite.script(CallSchema.sequenceIndexes)),
  ])

  private static let first = """
    CREATE TABLE calls (
      id TEXT PRIMARY KEY,
      order_key TEXT NOT NULL,
      tenant TEXT NOT NULL,
      region TEXT NOT NULL,
      account_sid TEXT NOT NULL,
      carrier_call_sid TEXT,
      number_id TEXT NOT NULL,
      agent_id TEXT,
      provider_id TEXT NOT NULL,
      direction TEXT NOT NULL,
      state TEXT NOT NULL,
      is_live INTEGER NOT NULL,
      unresolved_from TEXT,
      unresolved_to TEXT,
      is_sending INTEGER NOT NULL,
      work_due INTEGER,
      version INTEGER NOT NULL,
      change INTEGER NOT NULL UNIQUE,
      document BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX calls_by_time ON calls (tenant, order_key);
    CREATE INDEX calls_by_number ON calls (number_id, order_key);
    CREATE UNIQUE INDEX calls_by_carrier_call ON calls (account_sid, carrier_call_sid)
      WHERE carrier_call_sid IS NOT NULL;
    CREATE UNIQUE INDEX calls_unresolved ON calls (account_sid, unresolved_from, unresolved_to)
      WHERE unresolved_to IS NOT NULL;
    CREATE INDEX calls_sending ON calls (order_key) WHERE is_sending = 1;
    CREATE INDEX calls_due ON calls (work_due) WHERE work_due IS NOT NULL;

    CREATE TABLE call_changes (
      one INTEGER PRIMARY KEY CHECK (one = 1),
      latest INTEGER NOT NULL
    ) STRICT;
    INSERT INTO call_changes VALUES (1, 0);

    CREATE TABLE dispatch_requests (
      tenant TEXT NOT NULL,
      request_id TEXT NOT NULL,
      fingerprint TEXT NOT NULL,
      outcomes TEXT NOT NULL,
      create_time INTEGER NOT NULL,
      PRIMARY KEY (tenant, request_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX dispatch_requests_by_time ON dispatch_requests (create_time);
    """

  private static let second =
    "ALTER TABLE calls RENAME TO old_calls;\n"
    + SQLDialect.sqlite.statements(CallSchema.calls).map { $0 + ";\n" }.joined()
      + """
      INSERT INTO calls SELECT region, id, order_key, tenant, account_sid, carrier_call_sid,
        number_id, agent_id, provider_id, direction, state, is_live, unresolved_from, unresolved_to,
        is_sending, work_due, version, change, document FROM old_calls;
      DROP TABLE old_calls;
      """
}
