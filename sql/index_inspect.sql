-- Looking into an index: vecdot_index_check, vecdot_index_info, vecdot_index_recall. The tests of damaged
-- indexes are in test/t/110_damage.pl.
\set VERBOSITY terse

CREATE FUNCTION noises(seed integer, d integer, length double precision DEFAULT 1) RETURNS vector LANGUAGE sql IMMUTABLE AS
	$$ SELECT array_agg((sin(seed * i::float8 * 0.7 + i) * length)::real)::vector FROM generate_series(1, d) i $$;
CREATE TABLE inspected (id serial, v vector(12)) WITH (autovacuum_enabled = off);
CREATE INDEX inspected_cosine ON inspected USING vecdot (v);
CREATE INDEX inspected_l2 ON inspected USING vecdot (v vector_l2_ops);
CREATE INDEX inspected_ip ON inspected USING vecdot (v vector_ip_ops);

-- Empty.
SELECT vecdot_index_check('inspected_cosine', true), vecdot_index_check('inspected_l2', true), vecdot_index_check('inspected_ip', true);
SELECT metric, dimensions, padded_dimensions, rows, dead_rows, loose_rows, undefined_rows, null_rows, cells, largest_cell, calibration_queries
  FROM pg_index, vecdot_index_info(indexrelid) WHERE indrelid = 'inspected'::regclass ORDER BY indexrelid;
SELECT * FROM vecdot_index_recall('inspected_cosine');

-- Filled by inserts.
INSERT INTO inspected (v) SELECT noises(i, 12, 1 + i % 4) FROM generate_series(1, 900) i;
INSERT INTO inspected (v) VALUES (NULL), (NULL), ('[0,0,0,0,0,0,0,0,0,0,0,0]'), ('[3e38,3e38,3e38,3e38,3e38,3e38,3e38,3e38,3e38,3e38,3e38,3e38]');
SELECT vecdot_index_check('inspected_cosine', true), vecdot_index_check('inspected_l2', true), vecdot_index_check('inspected_ip', true);
SELECT metric, rows, dead_rows, loose_rows, undefined_rows, null_rows, cells > 1 AS more_cells,
       smallest_cell <= median_cell AND median_cell <= p95_cell AND p95_cell <= largest_cell AND mean_cell BETWEEN smallest_cell AND largest_cell AS ordered,
       sign_bytes + refinement_bytes + key_bytes + address_bytes + centroid_bytes + directory_bytes + free_bytes = total_bytes AS complete,
       total_bytes >= pg_relation_size(indexrelid) AS file
  FROM pg_index, vecdot_index_info(indexrelid) WHERE indrelid = 'inspected'::regclass ORDER BY indexrelid;

-- Deleted rows, until VACUUM has been there, are not counted as dead.
DELETE FROM inspected WHERE id % 3 = 0;
SELECT rows, dead_rows FROM vecdot_index_info('inspected_l2');
VACUUM inspected;
SELECT rows, null_rows FROM vecdot_index_info('inspected_l2');
SELECT vecdot_index_check('inspected_cosine', true), vecdot_index_check('inspected_l2', true), vecdot_index_check('inspected_ip', true);

-- Built over rows; partial, over an expression.
DELETE FROM inspected WHERE id = 904;
-- A build puts rows into the index that some transaction, even of another database, might still see.
VACUUM inspected;
REINDEX TABLE inspected;
CREATE INDEX inspected_part ON inspected USING vecdot ((v::vector(12)) vector_l2_ops) WHERE id % 2 = 0;
SELECT vecdot_index_check('inspected_cosine', true), vecdot_index_check('inspected_l2', true),
       vecdot_index_check('inspected_ip', true), vecdot_index_check('inspected_part', true);
SELECT rows = (SELECT count(*) FROM inspected WHERE id % 2 = 0) AS part, dimensions FROM vecdot_index_info('inspected_part');
UPDATE inspected SET id = id WHERE id % 5 = 0;
SELECT vecdot_index_check('inspected_part', true);

-- Recall: 1 is exact, whatever k.
SET vecdot.recall = 1;
SELECT i, setting, queries_used, recall, lowest_recall, fetched_rows > 10 AS fetched
  FROM unnest('{inspected_cosine,inspected_l2,inspected_ip,inspected_part}'::regclass[]) i, vecdot_index_recall(i);
SELECT queries_used, recall, lowest_recall FROM vecdot_index_recall('inspected_l2', 1, 30);
SELECT queries_used, recall, lowest_recall FROM vecdot_index_recall('inspected_l2', 1000, 7);
SET vecdot.recall = 0.9;
SELECT i, setting, queries_used, recall >= 0.9 AS kept, cells > 0 AS cells, scored_rows > 0 AS scored, refined_rows > 0 AS refined, milliseconds > 0 AS time
  FROM unnest('{inspected_cosine,inspected_l2,inspected_ip,inspected_part}'::regclass[]) i, vecdot_index_recall(i, 10, 200);
-- A mean of so many tenths has three decimals, whatever the sum's rounding.
SELECT s, (SELECT bool_and(length(recall::text) <= 6) FROM unnest('{inspected_cosine,inspected_l2,inspected_ip}'::regclass[]) i, vecdot_index_recall(i, 10, 200)) AS no_noise
  FROM (SELECT s, set_config('vecdot.recall', s, true) FROM unnest('{0.5,0.7,0.8,0.9}'::text[]) s OFFSET 0) t;
-- The sample is the same each time.
SELECT (SELECT recall FROM vecdot_index_recall('inspected_l2')) = (SELECT recall FROM vecdot_index_recall('inspected_l2')) AS repeats;
-- More queries than rows.
CREATE TABLE few (v vector(2));
INSERT INTO few VALUES ('[1,2]'), ('[3,4]'), (NULL), ('[1,2]');
CREATE INDEX few_index ON few USING vecdot (v vector_l2_ops);
SELECT queries_used, recall FROM vecdot_index_recall('few_index');
DELETE FROM few WHERE v = '[1,2]';
SELECT queries_used, recall FROM vecdot_index_recall('few_index');
RESET vecdot.recall;

-- NULL arguments.
SELECT vecdot_index_check(NULL) IS NULL AS check, (vecdot_index_info(NULL)) IS NULL AS info, (vecdot_index_recall('few_index', NULL)) IS NULL AS recall;

-- What is no index of ours.
SELECT vecdot_index_check('inspected');
SELECT vecdot_index_info('inspected');
SELECT vecdot_index_recall('inspected');
SELECT vecdot_index_check('pg_class_oid_index');
SELECT vecdot_index_info('inspected_id_seq');
SELECT vecdot_index_check(4);
SELECT vecdot_index_check('no_such_index');
CREATE TABLE parts (k integer, v vector(3)) PARTITION BY LIST (k);
CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN (1);
CREATE INDEX parts_index ON parts USING vecdot (v);
SELECT vecdot_index_check('parts_index');
SELECT vecdot_index_check(relid, true) FROM pg_partition_tree('parts_index') WHERE isleaf;
-- An index that a failed CREATE INDEX CONCURRENTLY has left.
CREATE FUNCTION fails(v vector) RETURNS vector(2) LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'no vector for %', v; END $$;
CREATE INDEX CONCURRENTLY invalid_index ON few USING vecdot ((fails(v)::vector(2)));
SELECT vecdot_index_check('invalid_index');
SELECT vecdot_index_info('invalid_index');
SELECT vecdot_index_recall('invalid_index');
DROP INDEX invalid_index;

-- Arguments out of range.
DO $$
DECLARE
	call text;
	state text;
	message text;
BEGIN
	FOREACH call IN ARRAY '{"''few_index'', 0","''few_index'', -1","''few_index'', 10001","''few_index'', 10, 0","''few_index'', 10, 10001","''few'', 10"}'::text[] LOOP
		BEGIN
			EXECUTE format('SELECT vecdot_index_recall(%s)', call);
			RAISE NOTICE '%: no error', call;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
			RAISE NOTICE '%: % %', call, state, message;
		END;
	END LOOP;
END $$;
SET maintenance_work_mem = '1MB';
SELECT vecdot_index_recall('few_index', 1000, 1000);
RESET maintenance_work_mem;

-- Who may.
CREATE ROLE regress_vecdot_owner;
CREATE ROLE regress_vecdot_reader;
CREATE ROLE regress_vecdot_nobody;
ALTER TABLE inspected OWNER TO regress_vecdot_owner;
GRANT SELECT ON inspected TO regress_vecdot_reader;
SET ROLE regress_vecdot_owner;
SELECT vecdot_index_check('inspected_l2', true), (vecdot_index_info('inspected_l2')).rows, (vecdot_index_recall('inspected_l2', 1, 5)).queries_used;
SET ROLE regress_vecdot_reader;
SELECT vecdot_index_check('inspected_l2');
SELECT (vecdot_index_info('inspected_l2')).rows, (vecdot_index_recall('inspected_l2', 1, 5)).queries_used;
SET ROLE regress_vecdot_nobody;
SELECT vecdot_index_check('inspected_l2');
SELECT vecdot_index_info('inspected_l2');
SELECT vecdot_index_recall('inspected_l2');
RESET ROLE;
GRANT pg_stat_scan_tables TO regress_vecdot_nobody;
SET ROLE regress_vecdot_nobody;
SELECT rows FROM vecdot_index_info('inspected_l2');
RESET ROLE;
-- Row-level security.
ALTER TABLE inspected ENABLE ROW LEVEL SECURITY;
CREATE POLICY half ON inspected USING (id % 2 = 0);
SET ROLE regress_vecdot_reader;
SELECT vecdot_index_recall('inspected_l2');
SET ROLE regress_vecdot_owner;
SELECT (vecdot_index_recall('inspected_l2', 1, 5)).queries_used;
RESET ROLE;
-- The function of an index runs as the table's owner.
CREATE FUNCTION who(v vector) RETURNS vector LANGUAGE plpgsql IMMUTABLE AS
	$$ BEGIN RAISE NOTICE 'as %', CASE current_user WHEN session_user THEN 'the session''s role' ELSE current_user END; RETURN v; END $$;
CREATE TABLE owned (v vector(2));
INSERT INTO owned VALUES ('[1,2]');
CREATE INDEX owned_index ON owned USING vecdot ((who(v)::vector(2)));
ALTER TABLE owned OWNER TO regress_vecdot_owner;
SELECT vecdot_index_check('owned_index', true);
SELECT queries_used FROM vecdot_index_recall('owned_index');

-- An expression that adds rows while the check computes it: what the check has still to read stays.
CREATE TABLE swelling (id int, v vector(4));
CREATE FUNCTION swell() RETURNS void LANGUAGE sql AS
	$$ INSERT INTO public.swelling SELECT n, ARRAY[sin(n), cos(n * 1.7), sin(n * 2.3), cos(n * 0.3)]::real[]::public.vector FROM generate_series(1, 6000) n $$;
CREATE FUNCTION swells(v vector) RETURNS vector LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF current_setting('test.swells', true) = 'on' THEN
		PERFORM set_config('test.swells', 'off', false);
		PERFORM public.swell();
	END IF;
	RETURN v;
END $$;
CREATE INDEX swelling_index ON swelling USING vecdot ((swells(v)::vector(4)) vector_l2_ops);
INSERT INTO swelling SELECT n, ARRAY[sin(n), cos(n * 1.7), sin(n * 2.3), cos(n * 0.3)]::real[]::vector FROM generate_series(-2000, -1) n;
SET test.swells = on;
SELECT vecdot_index_check('swelling_index', true);
SELECT vecdot_index_check('swelling_index', true), count(*) FROM swelling;
RESET test.swells;
DROP TABLE swelling;
DROP FUNCTION swells, swell;

-- Temporary and unlogged tables.
CREATE TEMPORARY TABLE short_lived (v vector(2));
INSERT INTO short_lived VALUES ('[1,2]'), (NULL);
CREATE INDEX short_lived_index ON short_lived USING vecdot (v);
INSERT INTO short_lived VALUES ('[0,0]'), ('[3,4]');
SELECT vecdot_index_check('short_lived_index', true), (vecdot_index_info('short_lived_index')).rows;
CREATE UNLOGGED TABLE unlogged (v vector(2));
CREATE INDEX unlogged_index ON unlogged USING vecdot (v);
INSERT INTO unlogged VALUES ('[0,0]'), ('[3,4]');
SELECT vecdot_index_check('unlogged_index', true), (vecdot_index_info('unlogged_index')).rows;

DROP TABLE inspected, owned, few, parts, unlogged;
DROP ROLE regress_vecdot_owner, regress_vecdot_reader, regress_vecdot_nobody;
DROP FUNCTION noises;
