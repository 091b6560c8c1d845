-- Citus. Not tried; see README.md. Run once, after `trunklined migrate`, on the coordinator.

-- Keyed by the region first: one shard group for each region, kept together.
SELECT create_distributed_table('providers', 'region', shard_count => 3);
SELECT create_distributed_table('phone_numbers', 'region', colocate_with => 'providers');
SELECT create_distributed_table('calls', 'region', colocate_with => 'providers');
SELECT create_distributed_table('call_audit', 'region', colocate_with => 'providers');
SELECT create_distributed_table('call_sequences', 'region', colocate_with => 'providers');

-- Global tables: a copy on every node, so that joins and checks stay where the region is.
SELECT create_reference_table('number_directory');
SELECT create_reference_table('number_claims');
SELECT create_reference_table('registry_requests');
SELECT create_reference_table('provisioning_journal');
SELECT create_reference_table('agents');
SELECT create_reference_table('tenants');
SELECT create_reference_table('tenant_counts');
SELECT create_reference_table('api_tokens');
SELECT create_reference_table('audit_events');
SELECT create_reference_table('routes');
SELECT create_reference_table('events');
SELECT create_reference_table('change_feed');
SELECT create_reference_table('dispatch_requests');
SELECT create_reference_table('schema_migrations');

-- Put each region's shards onto the node that stands there. Which shard has which region:
--   SELECT get_shard_id_for_distribution_column('providers', 'us1');
-- and then, for each:
--   SELECT citus_move_shard_placement(<shard>, '<from host>', 5432, '<host in that region>', 5432);
