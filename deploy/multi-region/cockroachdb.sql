-- CockroachDB. Not tried; see README.md. Run once, after `trunklined migrate`.
-- Replace: us-east-1, eu-west-1 and ap-southeast-2 by your clusters' regions, trunkline by the database.

ALTER DATABASE trunkline SET PRIMARY REGION "us-east-1";
ALTER DATABASE trunkline ADD REGION "eu-west-1";
ALTER DATABASE trunkline ADD REGION "ap-southeast-2";

-- The carrier's region says where a row lives.
ALTER TABLE providers ADD COLUMN home crdb_internal_region NOT NULL AS (
  CASE region WHEN 'ie1' THEN 'eu-west-1' WHEN 'au1' THEN 'ap-southeast-2' ELSE 'us-east-1' END
) STORED;
ALTER TABLE providers SET LOCALITY REGIONAL BY ROW AS home;
ALTER TABLE phone_numbers ADD COLUMN home crdb_internal_region NOT NULL AS (
  CASE region WHEN 'ie1' THEN 'eu-west-1' WHEN 'au1' THEN 'ap-southeast-2' ELSE 'us-east-1' END
) STORED;
ALTER TABLE phone_numbers SET LOCALITY REGIONAL BY ROW AS home;
ALTER TABLE calls ADD COLUMN home crdb_internal_region NOT NULL AS (
  CASE region WHEN 'ie1' THEN 'eu-west-1' WHEN 'au1' THEN 'ap-southeast-2' ELSE 'us-east-1' END
) STORED;
ALTER TABLE calls SET LOCALITY REGIONAL BY ROW AS home;
ALTER TABLE call_audit ADD COLUMN home crdb_internal_region NOT NULL AS (
  CASE region WHEN 'ie1' THEN 'eu-west-1' WHEN 'au1' THEN 'ap-southeast-2' ELSE 'us-east-1' END
) STORED;
ALTER TABLE call_audit SET LOCALITY REGIONAL BY ROW AS home;
ALTER TABLE call_sequences ADD COLUMN home crdb_internal_region NOT NULL AS (
  CASE region WHEN 'ie1' THEN 'eu-west-1' WHEN 'au1' THEN 'ap-southeast-2' ELSE 'us-east-1' END
) STORED;
ALTER TABLE call_sequences SET LOCALITY REGIONAL BY ROW AS home;

-- Read everywhere, written seldom.
ALTER TABLE agents SET LOCALITY GLOBAL;
ALTER TABLE tenants SET LOCALITY GLOBAL;
ALTER TABLE api_tokens SET LOCALITY GLOBAL;
ALTER TABLE number_claims SET LOCALITY GLOBAL;
ALTER TABLE number_directory SET LOCALITY GLOBAL;

-- Written with every commit: at home in the primary region.
ALTER TABLE change_feed SET LOCALITY REGIONAL BY TABLE IN PRIMARY REGION;
ALTER TABLE routes SET LOCALITY REGIONAL BY TABLE IN PRIMARY REGION;
ALTER TABLE events SET LOCALITY REGIONAL BY TABLE IN PRIMARY REGION;
ALTER TABLE audit_events SET LOCALITY REGIONAL BY TABLE IN PRIMARY REGION;
ALTER TABLE tenant_counts SET LOCALITY REGIONAL BY TABLE IN PRIMARY REGION;
ALTER TABLE registry_requests SET LOCALITY REGIONAL BY TABLE IN PRIMARY REGION;
ALTER TABLE provisioning_journal SET LOCALITY REGIONAL BY TABLE IN PRIMARY REGION;
ALTER TABLE dispatch_requests SET LOCALITY REGIONAL BY TABLE IN PRIMARY REGION;
