-- Indexes with refinement codes of 4 bits a dimension beside ones of 8: the same answers, from fewer bytes.
CREATE SCHEMA index_refine;
SET search_path = index_refine, public;
SET enable_seqscan = off;
\getenv abs_srcdir PG_ABS_SRCDIR
\set noises :abs_srcdir '/sql/include/noises.sql'
\i :noises

-- Around each of ten centres, in as many dimensions as fill pages in different ways: 3 (all of a cell's codes on one
-- page), 130, 500 and 2000 (a row's codes cross pages).
CREATE FUNCTION place(n bigint, dimensions int) RETURNS vector IMMUTABLE LANGUAGE sql
	AS $$ SELECT noises(n % 10, dimensions, 3) + noises(n * 31 + 1000, dimensions) $$;

-- Queries, out of 10, for which an index differs from the table at recall 1 in its first 30 distances.
CREATE FUNCTION differing(name text, operator text, dimensions int) RETURNS bigint LANGUAGE plpgsql
	SET vecdot.recall = 1 AS $$
DECLARE
	by_index float8[];
	by_table float8[];
	wrong bigint := 0;
BEGIN
	FOR n IN 1..10 LOOP
		EXECUTE format('SELECT array_agg(d) FROM (SELECT v %s $1 AS d FROM %I ORDER BY v %1$s $1 LIMIT 30) t', operator, name)
			INTO by_index USING place(-n, dimensions);
		EXECUTE format('SELECT array_agg(d) FROM (SELECT v %s $1 AS d FROM %I ORDER BY (v %1$s $1) + 0 LIMIT 30) t', operator, name)
			INTO by_table USING place(-n, dimensions);
		wrong := wrong + (by_index IS DISTINCT FROM by_table)::int;
	END LOOP;
	RETURN wrong;
END $$;

-- Rows that an index returns at the current recall, and whether each comes once.
CREATE FUNCTION returned(name text, operator text, dimensions int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE format('SELECT count(*) || '' rows, '' || count(DISTINCT id) || '' different'' FROM (SELECT id FROM %I ORDER BY v %s $1) t', name, operator)
		INTO answer USING place(-1, dimensions);
	RETURN answer;
END $$;

-- Built, then filled further so that cells grow and split, thinned out and vacuumed.
CREATE PROCEDURE live(operator text, operator_class text, dimensions int, rows int) LANGUAGE plpgsql AS $$
DECLARE
	name text := format('%s_%s', operator_class, dimensions);
	setting text;
BEGIN
	EXECUTE format('CREATE TABLE %I (id int, v vector(%s)) WITH (autovacuum_enabled = off)', name, dimensions);
	EXECUTE format('INSERT INTO %I SELECT n, place(n, $1) FROM generate_series(1, $2) n', name) USING dimensions, rows;
	EXECUTE format('CREATE INDEX %I ON %I USING vecdot (v %s) WITH (refine_bits = 4)', name || '_v', name, operator_class);
	PERFORM vecdot_index_check(name || '_v', true);
	RAISE NOTICE '% built: % differ', name, differing(name, operator, dimensions);
	EXECUTE format('INSERT INTO %I SELECT n, place(n, $1) FROM generate_series($2 + 1, 3 * $2) n', name) USING dimensions, rows;
	EXECUTE format('INSERT INTO %I VALUES (0, NULL), (0, array_fill(0, ARRAY[$1])::vector), (0, array_fill(3e37, ARRAY[$1])::vector), (0, array_fill(1e-40::real, ARRAY[$1])::vector)', name) USING dimensions;
	PERFORM vecdot_index_check(name || '_v', true);
	RAISE NOTICE '% grown: % differ', name, differing(name, operator, dimensions);
	FOREACH setting IN ARRAY '{0.9,0.99,0.9999,1}'::text[] LOOP
		PERFORM set_config('vecdot.recall', setting, true);
		RAISE NOTICE '% at %: %', name, setting, returned(name, operator, dimensions);
	END LOOP;
	EXECUTE format('DELETE FROM %I WHERE id %% 4 < 3', name);
END $$;

CALL live('<->', 'vector_l2_ops', 3, 700);
CALL live('<->', 'vector_l2_ops', 130, 400);
CALL live('<=>', 'vector_cosine_ops', 500, 200);
CALL live('<#>', 'vector_ip_ops', 500, 200);
CALL live('<#>', 'vector_ip_ops', 2000, 100);
VACUUM vector_l2_ops_3, vector_l2_ops_130, vector_cosine_ops_500, vector_ip_ops_500, vector_ip_ops_2000;
SELECT c.oid::regclass, vecdot_index_check(c.oid, true), (vecdot_index_info(c.oid)).refine_bits,
       differing(t.relname, operator, (vecdot_index_info(c.oid)).dimensions), returned(t.relname, operator, (vecdot_index_info(c.oid)).dimensions)
  FROM pg_index i JOIN pg_class c ON c.oid = indexrelid JOIN pg_class t ON t.oid = indrelid,
       LATERAL (SELECT CASE (vecdot_index_info(c.oid)).metric WHEN 'l2' THEN '<->' WHEN 'cosine' THEN '<=>' ELSE '<#>' END) o(operator)
 WHERE t.relnamespace = 'index_refine'::regnamespace ORDER BY 1;

-- Half of the bytes for the codes, and no other difference: the same cells.
CREATE TABLE compared (id int, v vector(3000));
INSERT INTO compared SELECT n, place(n, 3000) FROM generate_series(1, 400) n;
CREATE INDEX compared_4 ON compared USING vecdot (v) WITH (refine_bits = 4);
CREATE INDEX compared_8 ON compared USING vecdot (v);
SELECT a.refine_bits, b.refine_bits, a.refinement_bytes::float8 / b.refinement_bytes BETWEEN 0.45 AND 0.55 AS half, a.sign_bytes = b.sign_bytes AS signs, a.cells = b.cells AS cells
  FROM vecdot_index_info('compared_4') a, vecdot_index_info('compared_8') b;
DROP INDEX compared_8;
SET vecdot.recall = 1;
SELECT recall FROM vecdot_index_recall('compared_4', 10, 50);
SET vecdot.recall = 0.9;
SELECT recall >= 0.9 AS kept FROM vecdot_index_recall('compared_4', 10, 200);
RESET vecdot.recall;
SELECT recall >= 0.99 AS kept FROM vecdot_index_recall('compared_4', 10, 200);

-- Unlogged, temporary, partitioned, concurrently.
CREATE UNLOGGED TABLE unlogged (v vector(100));
CREATE INDEX unlogged_v ON unlogged USING vecdot (v vector_l2_ops) WITH (refine_bits = 4);
INSERT INTO unlogged SELECT place(n, 100) FROM generate_series(1, 200) n;
CREATE TEMPORARY TABLE temporary (v vector(100));
CREATE INDEX temporary_v ON temporary USING vecdot (v vector_l2_ops) WITH (refine_bits = 4);
INSERT INTO temporary SELECT place(n, 100) FROM generate_series(1, 200) n;
CREATE TABLE parted (id int, v vector(100)) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE INDEX parted_v ON parted USING vecdot (v vector_l2_ops) WITH (refine_bits = 4);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (100) TO (200);
INSERT INTO parted SELECT n, place(n, 100) FROM generate_series(0, 199) n;
CREATE INDEX CONCURRENTLY compared_l2 ON compared USING vecdot (v vector_l2_ops) WITH (refine_bits = 4);
REINDEX INDEX CONCURRENTLY compared_l2;
SELECT c::regclass, vecdot_index_check(c, true), refine_bits, rows FROM unnest('{unlogged_v,temporary_v,parted_1_v_idx,parted_2_v_idx,compared_l2}'::regclass[]) c, vecdot_index_info(c);

SET client_min_messages = warning;
DROP SCHEMA index_refine CASCADE;
