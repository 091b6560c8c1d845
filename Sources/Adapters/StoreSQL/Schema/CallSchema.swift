/// The dispatch's tables, as all engines have them; the rules are those of ``RegistrySchema``.
///
/// The region stands first in a call's key and the tenant is no part of it: a carrier's webhook
/// names a call and no tenant.
package enum CallSchema {
  /// `order_key` is the id's bits, then the region: it sorts as `CallID` does.
  package static let calls = """
    CREATE TABLE calls (
      region TEXT NOT NULL,
      id TEXT NOT NULL,
      order_key TEXT NOT NULL,
      tenant TEXT NOT NULL,
      account_sid TEXT NOT NULL,
      carrier_call_sid TEXT,
      number_id TEXT NOT NULL,
      agent_id TEXT,
      provider_id TEXT NOT NULL,
      direction TEXT NOT NULL,
      state TEXT NOT NULL,
      is_live INT NOT NULL,
      unresolved_from TEXT,
      unresolved_to TEXT,
      is_sending INT NOT NULL,
      work_due INT,
      version INT NOT NULL,
      change INT NOT NULL,
      document BYTES NOT NULL,
      PRIMARY KEY (region, id)
    );
    CREATE INDEX calls_time ON calls (tenant, order_key);
    CREATE INDEX calls_number ON calls (tenant, number_id, order_key);
    CREATE INDEX calls_change ON calls (tenant, change);
    CREATE UNIQUE INDEX calls_carrier_call ON calls (region, account_sid, carrier_call_sid)
      WHERE carrier_call_sid IS NOT NULL;
    CREATE UNIQUE INDEX calls_one_unresolved
      ON calls (region, account_sid, unresolved_from, unresolved_to)
      WHERE unresolved_to IS NOT NULL;
    CREATE INDEX calls_are_sending ON calls (order_key) WHERE is_sending = 1;
    CREATE INDEX calls_work_due ON calls (work_due) WHERE work_due IS NOT NULL;
    """

  /// The second version: live calls are found without the past ones.
  package static let liveIndexes = """
    CREATE INDEX calls_live_time ON calls (tenant, order_key) WHERE is_live = 1;
    CREATE INDEX calls_live_change ON calls (tenant, change) WHERE is_live = 1;
    """

  /// The third version: what the audit log is to be told of calls, until the registry has it. An
  /// entry's id begins with its time.
  package static let audit = """
    CREATE TABLE call_audit (
      region TEXT NOT NULL,
      id TEXT NOT NULL,
      document BYTES NOT NULL,
      PRIMARY KEY (region, id)
    );
    """

  /// The fourth version: a counter of changes for each region, so that no region waits for another,
  /// in place of one for all. What the one had counted, each goes on from.
  package static let sequences = """
    CREATE TABLE call_sequences (
      region TEXT NOT NULL,
      latest INT NOT NULL,
      pruned_through INT NOT NULL,
      PRIMARY KEY (region)
    );
    """
  /// With it: changes are read by region.
  package static let sequenceIndexes = """
    DROP INDEX calls_change;
    DROP INDEX calls_live_change;
    CREATE INDEX calls_change ON calls (tenant, region, change);
    CREATE INDEX calls_live_change ON calls (tenant, region, change) WHERE is_live = 1;
    """
  /// With it: the counters' rows.
  package static let countOn =
    ["us1", "ie1", "au1"].map { region in
      """
      INSERT INTO call_sequences (region, latest, pruned_through)
      SELECT '\(region)', latest, 0 FROM call_changes
      """
    } + ["DROP TABLE call_changes"]

  /// Every table's text.
  package static let tables = calls + audit + sequences + requests

  /// The counter of the first three versions.
  package static let changes = """
    CREATE TABLE call_changes (
      one INT NOT NULL,
      latest INT NOT NULL,
      PRIMARY KEY (one)
    );
    """

  /// The request ids, which a file of the first version has already.
  package static let requests = """
    CREATE TABLE dispatch_requests (
      tenant TEXT NOT NULL,
      request_id TEXT NOT NULL,
      fingerprint TEXT NOT NULL,
      outcomes TEXT NOT NULL,
      create_time INT NOT NULL,
      PRIMARY KEY (tenant, request_id)
    );
    CREATE INDEX dispatch_requests_time ON dispatch_requests (create_time);
    """
}
