internal import Registry
internal import StoreSQL

/// The steps of the registry's file. The first made the file's own tables; the second the tables
/// that all engines share, with everything that was there; what follows all engines share, too.
enum SQLiteRegistryMigrations {
  static let all = SQLiteMigrations(steps: [
    SQLiteMigrations.Step("make the tables", script: first),
    SQLiteMigrations.Step(
      "move to the tables of all engines: regions first, tokens, audit log, events",
      script: second, fill: fillNewColumns),
    SQLiteMigrations.Step(
      "make indexes for lists with several filters",
      script: SQLDialect.sqlite.script(RegistrySchema.filterIndexes)),
    SQLiteMigrations.Step(
      "index the audit log by action and kind",
      script: SQLDialect.sqlite.script(RegistrySchema.auditIndexes)),
    SQLiteMigrations.Step(
      "list journal entries as operations",
      script: SQLDialect.sqlite.script(RegistrySchema.operationColumns) + journalColumns
        + SQLDialect.sqlite.script(RegistrySchema.operationIndexes)),
    SQLiteMigrations.Step(
      "index the audit log by age",
      script: SQLDialect.sqlite.script(RegistrySchema.auditTimeIndex)),
    numberedRows,
    SQLiteMigrations.Step(
      "make an index for each set of filters",
      script: SQLDialect.sqlite.script(RegistrySchema.everyFilterIndexes)),
    SQLiteMigrations.Step(
      "tell kinds of providers, and who names which as its gateway",
      script: SQLDialect.sqlite.script(RegistrySchema.gatewayColumns)
        + SQLDialect.sqlite.script(RegistrySchema.gatewayIndexes)),
  ])

  /// Fills in what the documents of earlier entries say.
  private static let journalColumns = """
    UPDATE provisioning_journal SET
      create_time = json_extract(CAST(document AS TEXT), '$.createTime'),
      state = CASE
        WHEN is_open = 1 THEN 'running'
        WHEN json_extract(CAST(document AS TEXT), '$.outcome') = 'done' THEN 'succeeded'
        ELSE 'failed' END;

    """

  private static let first = """
    CREATE TABLE providers (
      id TEXT PRIMARY KEY,
      tenant TEXT NOT NULL,
      account_sid TEXT NOT NULL,
      region TEXT NOT NULL,
      version INTEGER NOT NULL,
      numbers_revision INTEGER NOT NULL,
      create_time INTEGER NOT NULL,
      document BLOB NOT NULL,
      UNIQUE (tenant, account_sid, region)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX providers_by_time ON providers (tenant, create_time, id);

    CREATE TABLE agents (
      tenant TEXT NOT NULL,
      id TEXT NOT NULL,
      version INTEGER NOT NULL,
      create_time INTEGER NOT NULL,
      document BLOB NOT NULL,
      PRIMARY KEY (tenant, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX agents_by_time ON agents (tenant, create_time, id);

    CREATE TABLE phone_numbers (
      id TEXT PRIMARY KEY,
      tenant TEXT NOT NULL,
      provider_id TEXT NOT NULL REFERENCES providers (id),
      agent_id TEXT,
      region TEXT NOT NULL,
      state TEXT NOT NULL,
      version INTEGER NOT NULL,
      create_time INTEGER NOT NULL,
      document BLOB NOT NULL,
      FOREIGN KEY (tenant, agent_id) REFERENCES agents (tenant, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX phone_numbers_by_time ON phone_numbers (tenant, create_time, id);
    CREATE INDEX phone_numbers_by_provider ON phone_numbers (provider_id, create_time, id);
    CREATE INDEX phone_numbers_by_agent ON phone_numbers (tenant, agent_id, create_time, id)
      WHERE agent_id IS NOT NULL;

    CREATE TABLE number_claims (
      account_sid TEXT NOT NULL,
      carrier_sid TEXT NOT NULL,
      tenant TEXT NOT NULL,
      number_id TEXT NOT NULL UNIQUE,
      region TEXT NOT NULL,
      PRIMARY KEY (account_sid, carrier_sid)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE registry_requests (
      tenant TEXT NOT NULL,
      request_id TEXT NOT NULL,
      fingerprint BLOB NOT NULL,
      resource_id TEXT NOT NULL,
      create_time INTEGER NOT NULL,
      PRIMARY KEY (tenant, request_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX registry_requests_by_time ON registry_requests (create_time);
    CREATE INDEX registry_requests_by_resource ON registry_requests (tenant, resource_id);

    CREATE TABLE provisioning_journal (
      id TEXT PRIMARY KEY,
      number_id TEXT NOT NULL,
      is_open INTEGER NOT NULL,
      revision INTEGER NOT NULL,
      update_time INTEGER NOT NULL,
      document BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX provisioning_journal_open_number ON provisioning_journal (number_id)
      WHERE is_open = 1;
    CREATE INDEX provisioning_journal_open ON provisioning_journal (id) WHERE is_open = 1;
    CREATE INDEX provisioning_journal_closed ON provisioning_journal (update_time)
      WHERE is_open = 0;

    CREATE TABLE routes (
      kind TEXT NOT NULL,
      tenant TEXT NOT NULL,
      id TEXT NOT NULL,
      sequence INTEGER NOT NULL UNIQUE,
      is_removed INTEGER NOT NULL,
      change_time INTEGER NOT NULL,
      PRIMARY KEY (kind, tenant, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX routes_removed ON routes (change_time) WHERE is_removed = 1;

    CREATE TABLE route_feed (
      one INTEGER PRIMARY KEY CHECK (one = 1),
      latest INTEGER NOT NULL,
      pruned_through INTEGER NOT NULL,
      epoch TEXT NOT NULL
    ) STRICT;
    INSERT INTO route_feed VALUES (1, 0, 0, lower(hex(randomblob(16))));
    """

  /// Old tables step aside, are copied and dropped; what only code can fill in follows.
  private static let second =
    """
    ALTER TABLE phone_numbers RENAME TO old_phone_numbers;
    ALTER TABLE providers RENAME TO old_providers;
    ALTER TABLE agents RENAME TO old_agents;
    ALTER TABLE number_claims RENAME TO old_number_claims;
    ALTER TABLE registry_requests RENAME TO old_registry_requests;
    ALTER TABLE provisioning_journal RENAME TO old_provisioning_journal;
    ALTER TABLE routes RENAME TO old_routes;
    DROP INDEX routes_removed;

    """
    + (SQLDialect.sqlite.statements(RegistrySchema.tables)
    + SQLDialect.sqlite.statements(RegistrySchema.accessTables)).map { $0 + ";\n" }.joined()
      + """
      INSERT INTO providers SELECT region, tenant, id, account_sid, version, numbers_revision,
        create_time, '', document FROM old_providers;
      INSERT INTO agents SELECT tenant, id, version, create_time, '', document FROM old_agents;
      INSERT INTO phone_numbers SELECT region, tenant, id, provider_id, agent_id, state, version,
        create_time, document FROM old_phone_numbers;
      INSERT INTO number_directory SELECT id, tenant, region,
        json_extract(CAST(document AS TEXT), '$.e164') FROM old_phone_numbers;
      INSERT INTO number_claims SELECT account_sid, carrier_sid, tenant, number_id, region
        FROM old_number_claims;
      INSERT INTO registry_requests SELECT tenant, request_id, fingerprint, resource_id, create_time
        FROM old_registry_requests;
      INSERT INTO provisioning_journal SELECT id, json_extract(CAST(document AS TEXT), '$.tenant'),
        number_id, is_open, revision, update_time, document FROM old_provisioning_journal;
      INSERT INTO routes SELECT kind, tenant, id, sequence, is_removed, change_time, NULL
        FROM old_routes;
      INSERT INTO change_feed SELECT one, latest, pruned_through, latest, epoch FROM route_feed;
      INSERT INTO tenant_counts SELECT tenant, 'provider', count(*) FROM providers GROUP BY tenant;
      INSERT INTO tenant_counts SELECT tenant, 'number', count(*) FROM phone_numbers
        GROUP BY tenant;
      INSERT INTO tenant_counts SELECT tenant, 'agent', count(*) FROM agents GROUP BY tenant;
      DROP TABLE old_phone_numbers;
      DROP TABLE old_providers;
      DROP TABLE old_agents;
      DROP TABLE old_number_claims;
      DROP TABLE old_registry_requests;
      DROP TABLE old_provisioning_journal;
      DROP TABLE old_routes;
      DROP TABLE route_feed;
      """

  /// Names the keys of sealed secrets, and makes the routes' documents.
  private static func fillNewColumns(
    _ connection: SQLiteConnection
  ) throws(SQLiteMigrations.Failure) {
    try each(connection, "SELECT document, id FROM providers", Provider.self) {
      provider, row throws(SQLiteError) in
      try connection.run(
        "UPDATE providers SET seal_keys = ?1 WHERE id = ?2",
        [.text(provider.seals.text), row.values[1]])
      try put(.provider(ProviderRoute(provider)), "provider", row.values[1], connection)
    }
    try each(connection, "SELECT document, id, tenant FROM agents", Agent.self) {
      agent, row throws(SQLiteError) in
      try connection.run(
        "UPDATE agents SET seal_keys = ?1 WHERE id = ?2 AND tenant = ?3",
        [.text(agent.seals.text), row.values[1], row.values[2]])
      try connection.run(
        "UPDATE routes SET document = ?1 WHERE kind = 'agent' AND id = ?2 AND tenant = ?3",
        [
          .blob(RouteDocument.encode(.agent(AgentRoute(agent)))), row.values[1], row.values[2],
        ])
    }
    try each(connection, "SELECT document, id FROM phone_numbers", PhoneNumber.self) {
      number, row throws(SQLiteError) in
      try put(.number(NumberRoute(number)), "number", row.values[1], connection)
    }
  }

  private static func put(
    _ entry: RouteEntry, _ kind: String, _ id: SQLValue, _ connection: SQLiteConnection
  ) throws(SQLiteError) {
    try connection.run(
      "UPDATE routes SET document = ?1 WHERE kind = ?2 AND id = ?3",
      [.blob(RouteDocument.encode(entry)), .text(kind), id])
  }

  /// Hands over each row of `sql`, whose first column is a document.
  private static func each<Value: Decodable>(
    _ connection: SQLiteConnection, _ sql: String, _ type: Value.Type,
    _ body: (Value, SQLRow) throws(SQLiteError) -> Void
  ) throws(SQLiteMigrations.Failure) {
    do throws(SQLiteError) {
      for row in try connection.run(sql) {
        // A row that can't be read stays as it is: what reads it says so.
        guard let value = try? StoredDocument.decode(type, row.blob(0)) else { continue }
        try body(value, row)
      }
    } catch {
      throw .sqlite(error)
    }
  }
}

extension SQLDialect {
  /// Every table STRICT, and keyed by its own key; ``SQLiteRegistryMigrations/numberedRows`` ends
  /// that for numbers.
  static let sqlite = SQLDialect(
    integer: "INTEGER", text: "TEXT", blob: "BLOB", tableOptions: " STRICT, WITHOUT ROWID")

  /// A schema's text as one script.
  func script(_ schema: String) -> String {
    statements(schema).map { $0 + ";\n" }.joined()
  }
}
