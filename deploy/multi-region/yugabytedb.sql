-- YugabyteDB (YSQL). Not tried; see README.md. Run once, after `trunklined migrate`, while the tables are empty.
-- Replace: cloud, region and zone names by your cluster's.

CREATE TABLESPACE trunkline_us1 WITH (replica_placement =
  '{"num_replicas": 3, "placement_blocks": [{"cloud": "aws", "region": "us-east-1", "zone": "us-east-1a", "min_num_replicas": 3}]}');
CREATE TABLESPACE trunkline_ie1 WITH (replica_placement =
  '{"num_replicas": 3, "placement_blocks": [{"cloud": "aws", "region": "eu-west-1", "zone": "eu-west-1a", "min_num_replicas": 3}]}');
CREATE TABLESPACE trunkline_au1 WITH (replica_placement =
  '{"num_replicas": 3, "placement_blocks": [{"cloud": "aws", "region": "ap-southeast-2", "zone": "ap-southeast-2a", "min_num_replicas": 3}]}');

-- A partition for each region, in that region's tablespace. The keys begin with the region already, and every unique key
-- holds it, as partitioned tables want. The plain table gives its columns, defaults and indexes, and goes.
CREATE TABLE providers_by_region (LIKE providers INCLUDING ALL) PARTITION BY LIST (region);
DROP TABLE providers;
ALTER TABLE providers_by_region RENAME TO providers;
CREATE TABLE providers_us1 PARTITION OF providers FOR VALUES IN ('us1') TABLESPACE trunkline_us1;
CREATE TABLE providers_ie1 PARTITION OF providers FOR VALUES IN ('ie1') TABLESPACE trunkline_ie1;
CREATE TABLE providers_au1 PARTITION OF providers FOR VALUES IN ('au1') TABLESPACE trunkline_au1;

CREATE TABLE phone_numbers_by_region (LIKE phone_numbers INCLUDING ALL) PARTITION BY LIST (region);
DROP TABLE phone_numbers;
ALTER TABLE phone_numbers_by_region RENAME TO phone_numbers;
CREATE TABLE phone_numbers_us1 PARTITION OF phone_numbers FOR VALUES IN ('us1') TABLESPACE trunkline_us1;
CREATE TABLE phone_numbers_ie1 PARTITION OF phone_numbers FOR VALUES IN ('ie1') TABLESPACE trunkline_ie1;
CREATE TABLE phone_numbers_au1 PARTITION OF phone_numbers FOR VALUES IN ('au1') TABLESPACE trunkline_au1;

CREATE TABLE calls_by_region (LIKE calls INCLUDING ALL) PARTITION BY LIST (region);
DROP TABLE calls;
ALTER TABLE calls_by_region RENAME TO calls;
CREATE TABLE calls_us1 PARTITION OF calls FOR VALUES IN ('us1') TABLESPACE trunkline_us1;
CREATE TABLE calls_ie1 PARTITION OF calls FOR VALUES IN ('ie1') TABLESPACE trunkline_ie1;
CREATE TABLE calls_au1 PARTITION OF calls FOR VALUES IN ('au1') TABLESPACE trunkline_au1;

CREATE TABLE call_audit_by_region (LIKE call_audit INCLUDING ALL) PARTITION BY LIST (region);
DROP TABLE call_audit;
ALTER TABLE call_audit_by_region RENAME TO call_audit;
CREATE TABLE call_audit_us1 PARTITION OF call_audit FOR VALUES IN ('us1') TABLESPACE trunkline_us1;
CREATE TABLE call_audit_ie1 PARTITION OF call_audit FOR VALUES IN ('ie1') TABLESPACE trunkline_ie1;
CREATE TABLE call_audit_au1 PARTITION OF call_audit FOR VALUES IN ('au1') TABLESPACE trunkline_au1;

-- The counters have a row for each region already.
CREATE TABLE call_sequences_by_region (LIKE call_sequences INCLUDING ALL) PARTITION BY LIST (region);
CREATE TABLE call_sequences_us1 PARTITION OF call_sequences_by_region FOR VALUES IN ('us1') TABLESPACE trunkline_us1;
CREATE TABLE call_sequences_ie1 PARTITION OF call_sequences_by_region FOR VALUES IN ('ie1') TABLESPACE trunkline_ie1;
CREATE TABLE call_sequences_au1 PARTITION OF call_sequences_by_region FOR VALUES IN ('au1') TABLESPACE trunkline_au1;
INSERT INTO call_sequences_by_region SELECT * FROM call_sequences;
DROP TABLE call_sequences;
ALTER TABLE call_sequences_by_region RENAME TO call_sequences;
