/// The registry's statements. A region that is not known is looked for in all three: the key begins
/// with it.
enum RegistryStatements {
  private static let anyRegion = "region IN ('us1', 'ie1', 'au1')"

  // MARK: Requests

  static let insertRequest = SQLStatement(
    "request_insert",
    """
    INSERT INTO registry_requests (tenant, request_id, fingerprint, resource_id, create_time)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
    """)
  static let request = SQLStatement(
    "request_get",
    """
    SELECT fingerprint, resource_id, create_time FROM registry_requests
    WHERE tenant = $1 AND request_id = $2
    """)
  static let forgetRequests = SQLStatement(
    "request_forget", "DELETE FROM registry_requests WHERE tenant = $1 AND resource_id = $2")
  static let pruneRequests = SQLStatement(
    "request_prune",
    """
    DELETE FROM registry_requests WHERE (tenant, request_id) IN (
      SELECT tenant, request_id FROM registry_requests WHERE create_time < $1
      ORDER BY create_time LIMIT $2)
    """)

  // MARK: Providers

  static let insertProvider = SQLStatement(
    "provider_insert",
    """
    INSERT INTO providers (region, tenant, id, account_sid, version, numbers_revision, create_time,
      seal_keys, document, kind, gateway_id)
    VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING
    """)
  /// The column holds every kind's key; it is named by the first.
  static let providerOfKey = SQLStatement(
    "provider_of_key",
    """
    SELECT document, numbers_revision, id FROM providers
    WHERE region = $1 AND tenant = $2 AND account_sid = $3
    """)
  static let provider = SQLStatement(
    "provider_get",
    """
    SELECT document, numbers_revision FROM providers
    WHERE \(anyRegion) AND tenant = $1 AND id = $2
    """)
  static let providerOfAnyTenant = SQLStatement(
    "provider_get_any", "SELECT document FROM providers WHERE id = $1")
  static let updateProvider = SQLStatement(
    "provider_update",
    """
    UPDATE providers SET version = $1, seal_keys = $2, document = $3, account_sid = $8,
      gateway_id = $9
    WHERE region = $4 AND tenant = $5 AND id = $6 AND version = $7
    """)
  static let updateProviderWithNumbers = SQLStatement(
    "provider_update_numbers",
    """
    UPDATE providers SET version = $1, seal_keys = $2, document = $3, account_sid = $8,
      gateway_id = $9
    WHERE region = $4 AND tenant = $5 AND id = $6 AND version = $7 AND numbers_revision = $10
    """)
  /// Takes the row, so that no number comes under the provider meanwhile.
  static let lockProvider = SQLStatement(
    "provider_lock",
    """
    SELECT version, region FROM providers
    WHERE \(anyRegion) AND tenant = $1 AND id = $2 FOR UPDATE
    """)
  /// Takes the row to change what was seen of it.
  static let lockProviderDocument = SQLStatement(
    "provider_lock_document",
    """
    SELECT document, region FROM providers
    WHERE \(anyRegion) AND tenant = $1 AND id = $2 FOR UPDATE
    """)
  static let observeProvider = SQLStatement(
    "provider_observe",
    "UPDATE providers SET document = $1 WHERE region = $2 AND tenant = $3 AND id = $4")
  static let deleteProvider = SQLStatement(
    "provider_delete", "DELETE FROM providers WHERE region = $1 AND tenant = $2 AND id = $3")
  static let countNumbersOfProvider = SQLStatement(
    "provider_numbers",
    "SELECT count(*) FROM phone_numbers WHERE tenant = $1 AND provider_id = $2")
  static let countProvidersOfGateway = SQLStatement(
    "gateway_providers",
    "SELECT count(*) FROM providers WHERE tenant = $1 AND gateway_id = $2")
  static let countNumbersOfGateway = SQLStatement(
    "gateway_numbers",
    "SELECT count(*) FROM phone_numbers WHERE tenant = $1 AND gateway_id = $2")
  static let numberComesUnderProvider = SQLStatement(
    "provider_number_comes",
    """
    UPDATE providers SET numbers_revision = numbers_revision + 1
    WHERE region = $1 AND tenant = $2 AND id = $3 AND version = $4
    """)
  static let numberIsExpected = SQLStatement(
    "provider_number_expected",
    """
    UPDATE providers SET numbers_revision = numbers_revision + 1
    WHERE region = $1 AND tenant = $2 AND id = $3
    """)
  static let providersToReseal = SQLStatement(
    "provider_reseal",
    """
    SELECT document FROM providers WHERE id > $1 AND seal_keys <> '' AND seal_keys <> $2
    ORDER BY id LIMIT $3
    """)

  static let allProviders = SQLStatement(
    "provider_all", "SELECT document, id FROM providers WHERE id > $1 ORDER BY id LIMIT $2")
  static let providersSealed = SQLStatement(
    "provider_sealed", "SELECT document FROM providers WHERE seal_keys = $1 LIMIT $2")
  static let countSealedProviders = SQLStatement(
    "provider_seals",
    "SELECT seal_keys, count(*) FROM providers WHERE seal_keys <> '' GROUP BY seal_keys")

  // MARK: Agents

  static let insertAgent = SQLStatement(
    "agent_insert",
    """
    INSERT INTO agents (tenant, id, version, create_time, seal_keys, document)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
    """)
  static let agent = SQLStatement(
    "agent_get", "SELECT document FROM agents WHERE tenant = $1 AND id = $2")
  static let updateAgent = SQLStatement(
    "agent_update",
    """
    UPDATE agents SET version = $1, seal_keys = $2, document = $3
    WHERE tenant = $4 AND id = $5 AND version = $6 AND create_time = $7
    """)
  /// Takes the row, so that no number is assigned to the agent, and it is not deleted, meanwhile.
  static let lockAgent = SQLStatement(
    "agent_lock",
    "SELECT version, create_time FROM agents WHERE tenant = $1 AND id = $2 FOR UPDATE")
  static let deleteAgent = SQLStatement(
    "agent_delete", "DELETE FROM agents WHERE tenant = $1 AND id = $2")
  static let countNumbersOfAgent = SQLStatement(
    "agent_numbers", "SELECT count(*) FROM phone_numbers WHERE tenant = $1 AND agent_id = $2")
  static let agentsToReseal = SQLStatement(
    "agent_reseal",
    """
    SELECT document FROM agents
    WHERE (tenant, id) > ($1, $2) AND seal_keys <> '' AND seal_keys <> $3
    ORDER BY tenant, id LIMIT $4
    """)

  static let agentsSealed = SQLStatement(
    "agent_sealed", "SELECT document FROM agents WHERE seal_keys = $1 LIMIT $2")
  static let countSealedAgents = SQLStatement(
    "agent_seals",
    "SELECT seal_keys, count(*) FROM agents WHERE seal_keys <> '' GROUP BY seal_keys")

  // MARK: Numbers

  static let insertClaim = SQLStatement(
    "claim_insert",
    """
    INSERT INTO number_claims (account_sid, carrier_sid, tenant, number_id, region)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
    """)
  static let moveClaim = SQLStatement(
    "claim_move", "UPDATE number_claims SET region = $1 WHERE number_id = $2")
  static let deleteClaim = SQLStatement(
    "claim_delete", "DELETE FROM number_claims WHERE number_id = $1")
  static let insertDirectory = SQLStatement(
    "directory_insert",
    "INSERT INTO number_directory (number_id, tenant, region, e164) VALUES ($1, $2, $3, $4)")
  static let directory = SQLStatement(
    "directory_get", "SELECT region FROM number_directory WHERE number_id = $1 AND tenant = $2")
  static let moveDirectory = SQLStatement(
    "directory_move", "UPDATE number_directory SET region = $1 WHERE number_id = $2")
  static let deleteDirectory = SQLStatement(
    "directory_delete", "DELETE FROM number_directory WHERE number_id = $1")
  static let insertNumber = SQLStatement(
    "number_insert",
    """
    INSERT INTO phone_numbers (region, tenant, id, provider_id, agent_id, state, version,
      create_time, document, gateway_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    """)
  static let number = SQLStatement(
    "number_get",
    """
    SELECT n.document FROM number_directory d JOIN phone_numbers n
      ON n.region = d.region AND n.tenant = d.tenant AND n.id = d.number_id
    WHERE d.number_id = $1 AND d.tenant = $2
    """)
  /// The directory's rows come first, whatever the engine thinks of the tenant's numbers: SQLite
  /// would walk a join of both from the numbers on. The plus keeps it from taking their order.
  static let numbersOfE164 = SQLStatement(
    "number_of_e164",
    """
    SELECT document FROM phone_numbers WHERE (region, tenant, id) IN (
      SELECT region, tenant, number_id FROM number_directory WHERE tenant = $1 AND e164 = $2)
    ORDER BY +create_time DESC, id DESC LIMIT $3
    """)
  static let updateNumber = SQLStatement(
    "number_update",
    """
    UPDATE phone_numbers SET provider_id = $1, agent_id = $2, state = $3, version = $4,
      document = $5
    WHERE region = $6 AND tenant = $7 AND id = $8 AND version = $9
    """)
  static let deleteNumber = SQLStatement(
    "number_delete",
    """
    DELETE FROM phone_numbers WHERE \(anyRegion) AND tenant = $1 AND id = $2 AND version = $3
    """)

  // MARK: The journal

  static let insertJournal = SQLStatement(
    "journal_insert",
    """
    INSERT INTO provisioning_journal (id, tenant, number_id, is_open, revision, update_time,
      document, state, create_time)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING
    """)
  static let updateJournal = SQLStatement(
    "journal_update",
    """
    UPDATE provisioning_journal SET is_open = $1, revision = $2, update_time = $3, document = $4,
      state = $5
    WHERE id = $6 AND tenant = $7 AND revision = $8
    """)
  static let journal = SQLStatement(
    "journal_get", "SELECT document FROM provisioning_journal WHERE id = $1 AND tenant = $2")
  static let openJournal = SQLStatement(
    "journal_open_of",
    """
    SELECT document FROM provisioning_journal
    WHERE number_id = $1 AND tenant = $2 AND is_open = 1
    """)
  static let openJournals = SQLStatement(
    "journal_open",
    """
    SELECT document, id FROM provisioning_journal
    WHERE is_open = 1 AND id > $1 ORDER BY id LIMIT $2
    """)
  static let pruneJournals = SQLStatement(
    "journal_prune",
    """
    DELETE FROM provisioning_journal WHERE id IN (
      SELECT id FROM provisioning_journal WHERE is_open = 0 AND update_time < $1
      ORDER BY update_time LIMIT $2)
    """)

  static let all: [SQLStatement] = [
    insertRequest, request, forgetRequests, pruneRequests, insertProvider, providerOfKey,
    provider, providerOfAnyTenant, updateProvider, updateProviderWithNumbers, lockProvider,
    lockProviderDocument, observeProvider,
    deleteProvider, countNumbersOfProvider, countProvidersOfGateway, countNumbersOfGateway,
    numberComesUnderProvider,
    numberIsExpected, providersToReseal,
    allProviders, providersSealed, countSealedProviders, agentsSealed, countSealedAgents,
    insertAgent, agent, updateAgent, lockAgent, deleteAgent, countNumbersOfAgent, agentsToReseal,
    insertClaim, moveClaim, deleteClaim, insertDirectory, directory, moveDirectory,
    deleteDirectory, insertNumber, number, numbersOfE164, updateNumber, deleteNumber,
    insertJournal, updateJournal, journal, openJournal, openJournals, pruneJournals,
  ]
}
