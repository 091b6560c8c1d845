/// The registry's tables. Each step of ``migrations`` is final once released.
///
/// A resource is a JSON document beside the columns that keys, filters and order need. Times are
/// microseconds since 1970. Claims, request ids and the route feed are global tables; the others
/// belong to a tenant (MODEL, section 2).
enum RegistrySchema {
  static let migrations = SQLiteMigrations(steps: [first])

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
}
