-- CREATE INDEX and REINDEX in all their forms; what they refuse; memory, progress.
CREATE SCHEMA index_build;
SET search_path = index_build, public;
SET jit = off;
\getenv abs_srcdir PG_ABS_SRCDIR
\set noises :abs_srcdir '/sql/include/noises.sql'
\i :noises

-- Queries, out of 20, for which index and table differ at recall 1 in their first ten distances; an error when the index isn't used.
CREATE FUNCTION differ(relation text, expression text DEFAULT 'v', condition text DEFAULT 'true', dimensions int DEFAULT 24) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	statement text := format('SELECT array_agg(d) FROM (SELECT %s <-> $1 AS d FROM %s WHERE %s ORDER BY %1$s <-> $1 LIMIT 10) t', expression, relation, condition);
	line text;
	scans boolean;
	found float8[];
	truth float8[];
	bad int := 0;
BEGIN
	PERFORM set_config('vecdot.recall', '1', true);
	FOR i IN 1..20 LOOP
		PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'on', true);
		scans := false;
		FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || replace(statement, '$1', quote_literal(noises(-i, dimensions)) || '::vector') LOOP
			scans := scans OR line ~ 'Index Scan using|VecdotSearch';
		END LOOP;
		IF NOT scans THEN
			RAISE EXCEPTION 'no index scan: %', statement;
		END IF;
		EXECUTE statement INTO found USING noises(-i, dimensions);
		PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_indexscan', 'off', true);
		EXECUTE statement INTO truth USING noises(-i, dimensions);
		bad := bad + (found IS DISTINCT FROM truth)::int;
	END LOOP;
	RETURN bad;
END $$;

CREATE TABLE items (id int PRIMARY KEY, class int, v vector(24), a real[]);
INSERT INTO items SELECT i, i % 10, CASE WHEN i % 50 > 0 THEN noises(i, 24) END, ARRAY[noise(i, 1), noise(i, 2), noise(i, 3)] FROM generate_series(1, 3000) i;
CREATE INDEX items_v ON items USING vecdot (v vector_l2_ops);
SELECT differ('items');

-- Builds again, in each way.
REINDEX INDEX items_v;
SELECT differ('items');
REINDEX INDEX CONCURRENTLY items_v;
SELECT differ('items');
REINDEX TABLE CONCURRENTLY items;
SELECT differ('items');
DROP INDEX items_v;
CREATE INDEX CONCURRENTLY items_v ON items USING vecdot (v vector_l2_ops);
SELECT differ('items'), (SELECT indisvalid FROM pg_index WHERE indexrelid = 'items_v'::regclass);
VACUUM FULL items;
SELECT differ('items');
-- The type's length may change; the index follows. It is no clustering order.
ALTER TABLE items ALTER v TYPE vector(12) USING subvector(v, 1, 12);
SELECT differ('items', dimensions => 12);
ALTER TABLE items ALTER v TYPE vector(24) USING (v || v);
SELECT differ('items');
CLUSTER items USING items_v;
-- In a transaction that is rolled back, after a TRUNCATE, in a table made in the same transaction.
BEGIN;
TRUNCATE items;
INSERT INTO items SELECT i, 0, noises(i, 24) FROM generate_series(1, 200) i;
SELECT differ('items');
CREATE TABLE fresh AS SELECT id, v FROM items;
CREATE INDEX ON fresh USING vecdot (v vector_l2_ops);
SELECT differ('fresh');
ROLLBACK;
SELECT differ('items');
DROP INDEX items_v;

-- Expressions, and part of the rows.
CREATE INDEX items_a ON items USING vecdot ((a::vector(3)) vector_l2_ops);
SELECT differ('items', '(a::vector(3))', dimensions => 3);
DROP INDEX items_a;
CREATE INDEX items_part ON items USING vecdot ((subvector(v, 5, 8)::vector(8)) vector_l2_ops) WHERE class = 3;
SELECT differ('items', '(subvector(v, 5, 8)::vector(8))', 'class = 3', 8);
UPDATE items SET class = 3 WHERE class = 4;
SELECT differ('items', '(subvector(v, 5, 8)::vector(8))', 'class = 3', 8);
REINDEX INDEX CONCURRENTLY items_part;
SELECT differ('items', '(subvector(v, 5, 8)::vector(8))', 'class = 3', 8);
DROP INDEX items_part;

-- Unlogged and temporary tables, and from one to the other.
CREATE UNLOGGED TABLE unlogged_items AS SELECT id, v FROM items;
CREATE INDEX ON unlogged_items USING vecdot (v vector_l2_ops);
SELECT differ('unlogged_items');
ALTER TABLE unlogged_items SET LOGGED;
SELECT differ('unlogged_items');
ALTER TABLE unlogged_items SET UNLOGGED;
SELECT differ('unlogged_items');
CREATE TEMP TABLE temporary_items AS SELECT id, v FROM items;
CREATE INDEX ON temporary_items USING vecdot (v vector_l2_ops);
SELECT differ('temporary_items');
INSERT INTO temporary_items SELECT i, noises(i, 24) FROM generate_series(3001, 3100) i;
SELECT differ('temporary_items');

-- Partitions: an index on each, attached or made with them.
CREATE TABLE parts (id int, v vector(24)) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (1000);
CREATE INDEX parts_v ON parts USING vecdot (v vector_l2_ops);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (1000) TO (2000);
INSERT INTO parts SELECT i, noises(i, 24) FROM generate_series(0, 1999) i;
CREATE TABLE parts_3 (id int, v vector(24));
INSERT INTO parts_3 SELECT i, noises(i, 24) FROM generate_series(2000, 2499) i;
CREATE INDEX parts_3_own ON parts_3 USING vecdot (v vector_l2_ops);
ALTER TABLE parts ATTACH PARTITION parts_3 FOR VALUES FROM (2000) TO (3000);
SELECT count(*) FROM pg_inherits WHERE inhparent = 'parts_v'::regclass;
SELECT differ('parts');
REINDEX INDEX parts_v;
SELECT differ('parts');

-- Tablespaces: a name of this database's own, as they are the cluster's.
SET allow_in_place_tablespaces = on;
SELECT 'index_build_' || current_database() AS space \gset
CREATE TABLESPACE :"space" LOCATION '';
CREATE INDEX items_v ON items USING vecdot (v vector_l2_ops) TABLESPACE :"space";
SELECT differ('items');
ALTER INDEX items_v SET TABLESPACE pg_default;
SELECT differ('items');
REINDEX (TABLESPACE :"space", CONCURRENTLY) INDEX items_v;
SELECT differ('items');
DROP INDEX items_v;
SET temp_tablespaces = :"space";
SET maintenance_work_mem = '1MB';
CREATE INDEX items_v ON items USING vecdot (v vector_l2_ops);
SELECT differ('items');
RESET temp_tablespaces;
DROP TABLESPACE :"space";

-- Little memory: fewer cells, the same answers. A sort on disk.
CREATE TABLE wide (v vector(1500));
INSERT INTO wide SELECT noises(i, 1500) FROM generate_series(1, 700) i;
CREATE INDEX ON wide USING vecdot (v vector_l2_ops);
SELECT differ('wide', dimensions => 1500);
CREATE TABLE widest (v vector(16000));
INSERT INTO widest SELECT noises(i, 16000) FROM generate_series(1, 200) i;
CREATE INDEX ON widest USING vecdot (v vector_l2_ops);
SELECT differ('widest', dimensions => 16000);
RESET maintenance_work_mem;

-- The same table and options give the same index: its pages' checksums would tell, its answers in their order do.
CREATE FUNCTION answers() RETURNS text LANGUAGE sql SET enable_seqscan = off SET vecdot.recall = 0.5
	AS $$ SELECT md5(string_agg(id::text, ',')) FROM (SELECT id FROM items ORDER BY v <-> noises(-99, 24)) t $$;
VACUUM items;
REINDEX INDEX items_v;
SELECT answers() AS first \gset
REINDEX INDEX items_v;
SELECT answers() AS second \gset
ANALYZE items;
REINDEX INDEX items_v;
SELECT :'first' = :'second' AND :'second' = answers() AS same;

-- Progress, as a function sees it that the build calls for each row.
CREATE FUNCTION observed(v vector) RETURNS vector IMMUTABLE LANGUAGE plpgsql AS $$
DECLARE
	phase text;
BEGIN
	PERFORM pg_stat_clear_snapshot();
	SELECT p.phase INTO phase FROM pg_stat_progress_create_index p WHERE pid = pg_backend_pid();
	IF phase <> current_setting('index_build.phase') THEN
		RAISE NOTICE '%', phase;
		PERFORM set_config('index_build.phase', phase, false);
	END IF;
	RETURN v;
END $$;
SET index_build.phase = '';
CREATE INDEX items_observed ON items USING vecdot ((observed(v)::vector(24)));
DROP INDEX items_observed;

-- What there is no index for.
\set VERBOSITY terse
CREATE INDEX ON items USING vecdot (v, v);
CREATE INDEX ON items USING vecdot (v) INCLUDE (id);
CREATE UNIQUE INDEX ON items USING vecdot (v);
CREATE INDEX ON items USING vecdot (id);
CREATE INDEX ON items USING vecdot (a);
CREATE INDEX ON items USING vecdot (a vector_l2_ops);
CREATE INDEX ON items USING vecdot (v vector_ops);
DO $$ BEGIN CREATE INDEX ON items USING vecdot (v DESC); EXCEPTION WHEN feature_not_supported THEN RAISE NOTICE '%', SQLERRM; END $$;
DO $$ BEGIN CREATE INDEX ON items USING vecdot (v NULLS FIRST); EXCEPTION WHEN feature_not_supported THEN RAISE NOTICE '%', SQLERRM; END $$;
CREATE INDEX ON items USING vecdot ((a::vector));
\set VERBOSITY default
CREATE TABLE undimensioned (v vector);
CREATE INDEX ON undimensioned USING vecdot (v);
INSERT INTO undimensioned VALUES ('[1,2,3]'), ('[1,2]');
CREATE INDEX ON undimensioned USING vecdot ((v::vector(3)));
DELETE FROM undimensioned WHERE vector_dims(v) = 2;
VACUUM undimensioned;
CREATE INDEX ON undimensioned USING vecdot ((v::vector(3)));
INSERT INTO undimensioned VALUES ('[1,2]');
-- A column that loses its dimensions keeps the index with those it had, until it is to be built again.
CREATE TABLE losing (id int, v vector(3));
INSERT INTO losing SELECT i, noises(i, 3) FROM generate_series(1, 300) i;
CREATE INDEX losing_v ON losing USING vecdot (v vector_l2_ops);
ALTER TABLE losing ALTER v TYPE vector;
INSERT INTO losing VALUES (0, '[1,2,3]');
INSERT INTO losing VALUES (0, '[1,2]');
SELECT differ('losing', dimensions => 3), vecdot_index_check('losing_v', true), (vecdot_index_info('losing_v')).dimensions, (vecdot_index_recall('losing_v')).queries_used;
REINDEX INDEX losing_v;
TRUNCATE losing;
ALTER TABLE losing ALTER v TYPE vector(3);
REINDEX INDEX losing_v;
SELECT differ('losing', dimensions => 3);
-- A domain has those of its base type.
CREATE DOMAIN sound AS vector(3) CHECK (vector_norm(VALUE) < 2);
CREATE DOMAIN song AS sound;
CREATE TABLE domains (id int, v song);
INSERT INTO domains SELECT i, noises(i, 3) FROM generate_series(1, 300) i;
CREATE INDEX domains_v ON domains USING vecdot (v vector_l2_ops);
INSERT INTO domains SELECT i, noises(i, 3) FROM generate_series(301, 400) i;
SELECT differ('domains', dimensions => 3), vecdot_index_check('domains_v', true);
CREATE DOMAIN any_vector AS vector;
CREATE TABLE any_vectors (v any_vector);
CREATE INDEX ON any_vectors USING vecdot (v);

-- A build that fails leaves nothing; the next one works.
CREATE FUNCTION fails(v vector, id int) RETURNS vector IMMUTABLE LANGUAGE plpgsql
	AS $$ BEGIN IF id = current_setting('index_build.fail_at')::int THEN RAISE EXCEPTION 'as asked'; END IF; RETURN v; END $$;
SET index_build.fail_at = 2900;
CREATE INDEX items_fails ON items USING vecdot ((fails(v, id)::vector(24)) vector_l2_ops);
SET index_build.fail_at = 0;
CREATE INDEX items_fails ON items USING vecdot ((fails(v, id)::vector(24)) vector_l2_ops);
SELECT differ('items', '(fails(v, id)::vector(24))');

SET client_min_messages = warning;
DROP SCHEMA index_build CASCADE;
