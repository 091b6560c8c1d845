/// The registry's tables, as all engines have them.
///
/// A resource is a JSON document beside the columns that keys, filters and order need. Times are
/// microseconds since 1970; flags are 0 or 1. The region stands first in the keys of providers and
/// numbers. Global tables, without a region: `number_claims`, `number_directory` and
/// `registry_requests` (MODEL, section 2), and, beyond the model, `agents`, `tenants`,
/// `tenant_counts`, `api_tokens`, `audit_events`, the journal and the feed: an agent answers in all
/// regions, and the feed has one order for the deployment.
///
/// What PostgreSQL, YugabyteDB and CockroachDB share, and so SQLite, forbids the schema and the
/// statements:
///
/// - sequences, identity columns and `now()`: numbers and times come from us; the feed's number
///   from a row, since a sequence has gaps and is not in the order of commits
/// - triggers, rules, stored functions, `LISTEN` as the only way to learn of a change, advisory
///   locks: YugabyteDB or CockroachDB have them late, partly or not at all
/// - foreign keys: Citus wants them within one shard, a region's tables can't name a global row
///   cheaply, and a number's region is part of its key. Each transaction takes the rows that it
///   relies on with `FOR UPDATE` instead
/// - arrays, JSON operators, `boolean` columns, `FOR SHARE`, `SKIP LOCKED`, data-modifying CTEs,
///   `LATERAL`, `MERGE`: one of the engines lacks each
/// - `SERIALIZABLE` as a need: every commit writes the feed's row, so that it would fail one of any
///   two. READ COMMITTED with row locks, versions and unique keys keeps the same rules; an engine
///   that is serializable always (CockroachDB) keeps them too, with more repeats
/// - DDL with data in one transaction on CockroachDB: run `trunklined migrate` alone there
///
/// Texts are compared in any collation: only ids of one form are ordered. `LC_COLLATE "C"` is the
/// fastest.
///
/// A test holds every statement to an allow-list made of this. Each step of the schema is final
/// once released.
package enum RegistrySchema {
  /// Providers, numbers and agents, and what else the registry keeps.
  package static let tables = """
    CREATE TABLE providers (
      region TEXT NOT NULL,
      tenant TEXT NOT NULL,
      id TEXT NOT NULL,
      account_sid TEXT NOT NULL,
      version INT NOT NULL,
      numbers_revision INT NOT NULL,
      create_time INT NOT NULL,
      seal_keys TEXT NOT NULL,
      document BYTES NOT NULL,
      PRIMARY KEY (region, tenant, id),
      CONSTRAINT providers_account UNIQUE (region, tenant, account_sid)
    );
    CREATE INDEX providers_time ON providers (tenant, create_time, id);
    CREATE INDEX providers_id ON providers (id);

    CREATE TABLE agents (
      tenant TEXT NOT NULL,
      id TEXT NOT NULL,
      version INT NOT NULL,
      create_time INT NOT NULL,
      seal_keys TEXT NOT NULL,
      document BYTES NOT NULL,
      PRIMARY KEY (tenant, id)
    );
    CREATE INDEX agents_time ON agents (tenant, create_time, id);

    CREATE TABLE phone_numbers (
      region TEXT NOT NULL,
      tenant TEXT NOT NULL,
      id TEXT NOT NULL,
      provider_id TEXT NOT NULL,
      agent_id TEXT,
      state TEXT NOT NULL,
      version INT NOT NULL,
      create_time INT NOT NULL,
      document BYTES NOT NULL,
      PRIMARY KEY (region, tenant, id)
    );
    CREATE INDEX phone_numbers_time ON phone_numbers (tenant, create_time, id);
    CREATE INDEX phone_numbers_region ON phone_numbers (tenant, region, create_time, id);
    CREATE INDEX phone_numbers_state ON phone_numbers (tenant, state, create_time, id);
    CREATE INDEX phone_numbers_provider ON phone_numbers (tenant, provider_id, create_time, id);
    CREATE INDEX phone_numbers_agent ON phone_numbers (tenant, agent_id, create_time, id)
      WHERE agent_id IS NOT NULL;

    CREATE TABLE number_directory (
      number_id TEXT NOT NULL,
      tenant TEXT NOT NULL,
      region TEXT NOT NULL,
      e164 TEXT NOT NULL,
      PRIMARY KEY (number_id)
    );
    CREATE INDEX number_directory_e164 ON number_directory (tenant, e164);

    CREATE TABLE number_claims (
      account_sid TEXT NOT NULL,
      carrier_sid TEXT NOT NULL,
      tenant TEXT NOT NULL,
      number_id TEXT NOT NULL,
      region TEXT NOT NULL,
      PRIMARY KEY (account_sid, carrier_sid),
      CONSTRAINT number_claims_number UNIQUE (number_id)
    );

    CREATE TABLE registry_requests (
      tenant TEXT NOT NULL,
      request_id TEXT NOT NULL,
      fingerprint BYTES NOT NULL,
      resource_id TEXT NOT NULL,
      create_time INT NOT NULL,
      PRIMARY KEY (tenant, request_id)
    );
    CREATE INDEX registry_requests_time ON registry_requests (create_time);
    CREATE INDEX registry_requests_resource ON registry_requests (tenant, resource_id);

    CREATE TABLE provisioning_journal (
      id TEXT NOT NULL,
      tenant TEXT NOT NULL,
      number_id TEXT NOT NULL,
      is_open INT NOT NULL,
      revision INT NOT NULL,
      update_time INT NOT NULL,
      document BYTES NOT NULL,
      PRIMARY KEY (id)
    );
    CREATE UNIQUE INDEX journal_open_number ON provisioning_journal (number_id)
      WHERE is_open = 1;
    CREATE INDEX journal_open ON provisioning_journal (id) WHERE is_open = 1;
    CREATE INDEX journal_closed ON provisioning_journal (update_time) WHERE is_open = 0;
    """

  /// The second version: audit entries of one action, or of one kind of resource.
  package static let auditIndexes = """
    CREATE INDEX audit_events_action ON audit_events (tenant, action, entry_time, id);
    CREATE INDEX audit_events_kind ON audit_events (tenant, resource_kind, entry_time, id);
    """

  /// The third version: journal entries are listed as operations.
  package static let operationColumns = """
    ALTER TABLE provisioning_journal ADD COLUMN state TEXT NOT NULL DEFAULT '';
    ALTER TABLE provisioning_journal ADD COLUMN create_time INT NOT NULL DEFAULT 0;
    """

  /// Their indexes, once the columns of earlier rows are filled in.
  package static let operationIndexes = """
    CREATE INDEX journal_time ON provisioning_journal (tenant, create_time, id);
    CREATE INDEX journal_number ON provisioning_journal (tenant, number_id, create_time, id);
    CREATE INDEX journal_state ON provisioning_journal (tenant, state, create_time, id);
    """

  /// Audit entries by their age, whosever they are.
  package static let auditTimeIndex = """
    CREATE INDEX audit_events_time ON audit_events (entry_time);
    """

  /// The seventh step: providers of other kinds than Twilio's, and who names which as its gateway.
  /// A version before leaves the kind to its default: it knows no other.
  package static let gatewayColumns = """
    ALTER TABLE providers ADD COLUMN kind TEXT NOT NULL DEFAULT 'twilio';
    ALTER TABLE providers ADD COLUMN gateway_id TEXT;
    ALTER TABLE phone_numbers ADD COLUMN gateway_id TEXT;
    """

  /// Their indexes.
  package static let gatewayIndexes = """
    CREATE INDEX providers_gateway ON providers (tenant, gateway_id) WHERE gateway_id IS NOT NULL;
    CREATE INDEX phone_numbers_gateway ON phone_numbers (tenant, gateway_id)
      WHERE gateway_id IS NOT NULL;
    """

  /// Tenants and who may call for them, the audit log, and the feed.
  package static let accessTables = """
    CREATE TABLE tenants (
      id TEXT NOT NULL,
      create_time INT NOT NULL,
      document BYTES NOT NULL,
      PRIMARY KEY (id)
    );
    CREATE TABLE tenant_counts (
      tenant TEXT NOT NULL,
      kind TEXT NOT NULL,
      total INT NOT NULL,
      PRIMARY KEY (tenant, kind)
    );
    CREATE TABLE api_tokens (
      id TEXT NOT NULL,
      tenant TEXT NOT NULL,
      create_time INT NOT NULL,
      last_use_time INT,
      revoke_time INT,
      document BYTES NOT NULL,
      PRIMARY KEY (id)
    );
    CREATE INDEX api_tokens_time ON api_tokens (tenant, create_time, id);
    CREATE TABLE audit_events (
      tenant TEXT NOT NULL,
      entry_time INT NOT NULL,
      id TEXT NOT NULL,
      resource_kind TEXT NOT NULL,
      resource_id TEXT NOT NULL,
      principal TEXT NOT NULL,
      action TEXT NOT NULL,
      document BYTES NOT NULL,
      PRIMARY KEY (tenant, entry_time, id)
    );
    CREATE INDEX audit_events_resource ON audit_events (tenant, resource_id, entry_time, id);
    CREATE INDEX audit_events_principal ON audit_events (tenant, principal, entry_time, id);

    CREATE TABLE routes (
      kind TEXT NOT NULL,
      tenant TEXT NOT NULL,
      id TEXT NOT NULL,
      sequence INT NOT NULL,
      is_removed INT NOT NULL,
      change_time INT NOT NULL,
      document BYTES,
      PRIMARY KEY (kind, tenant, id)
    );
    CREATE INDEX routes_sequence ON routes (sequence);
    CREATE INDEX routes_removed ON routes (change_time) WHERE is_removed = 1;
    CREATE TABLE events (
      sequence INT NOT NULL,
      tenant TEXT NOT NULL,
      kind TEXT NOT NULL,
      resource_id TEXT NOT NULL,
      version INT NOT NULL,
      change TEXT NOT NULL,
      change_time INT NOT NULL,
      document BYTES,
      PRIMARY KEY (sequence)
    );
    CREATE INDEX events_tenant ON events (tenant, kind, sequence);
    CREATE TABLE change_feed (
      one INT NOT NULL,
      latest INT NOT NULL,
      routes_pruned_through INT NOT NULL,
      events_pruned_through INT NOT NULL,
      epoch TEXT NOT NULL,
      PRIMARY KEY (one)
    );
    """

  /// The second step: for lists with several filters, of which each fits many numbers and all
  /// together few.
  package static let filterIndexes = """
    DROP INDEX phone_numbers_agent;
    CREATE INDEX phone_numbers_of_agent ON phone_numbers
      (tenant, agent_id, create_time, id, provider_id, state, region)
      WHERE agent_id IS NOT NULL;
    CREATE INDEX phone_numbers_agent_state ON phone_numbers
      (tenant, agent_id, state, create_time, id) WHERE agent_id IS NOT NULL;
    CREATE INDEX phone_numbers_agent_provider ON phone_numbers
      (tenant, agent_id, provider_id, create_time, id) WHERE agent_id IS NOT NULL;
    CREATE INDEX phone_numbers_provider_state ON phone_numbers
      (tenant, provider_id, state, create_time, id);
    CREATE INDEX phone_numbers_region_state ON phone_numbers
      (tenant, region, state, create_time, id);
    """

  /// The sixth step: with it each set of filters has an index that begins with all of them, so that
  /// a page reads its own rows and no others, however few there are, and no engine has to choose
  /// between two indexes that know a part each. A provider's numbers are all of one region: nobody
  /// asks for both.
  package static let everyFilterIndexes = """
    DROP INDEX phone_numbers_of_agent;
    CREATE INDEX phone_numbers_agent ON phone_numbers
      (tenant, agent_id, create_time, id) WHERE agent_id IS NOT NULL;
    CREATE INDEX phone_numbers_agent_region ON phone_numbers
      (tenant, agent_id, region, create_time, id) WHERE agent_id IS NOT NULL;
    CREATE INDEX phone_numbers_agent_region_state ON phone_numbers
      (tenant, agent_id, region, state, create_time, id) WHERE agent_id IS NOT NULL;
    CREATE INDEX phone_numbers_agent_provider_state ON phone_numbers
      (tenant, agent_id, provider_id, state, create_time, id) WHERE agent_id IS NOT NULL;
    """
}
