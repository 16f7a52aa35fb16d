-- When the planner takes the index, a sort, or another index: shapes of plans, no figures.
CREATE SCHEMA index_planner;
SET search_path = index_planner, public;
SET jit = off;
SET max_parallel_workers_per_gather = 0;
\getenv abs_srcdir PG_ABS_SRCDIR
\set noises :abs_srcdir '/sql/include/noises.sql'
\i :noises
-- 768 dimensions by shifting one long list: each row another part of it.
CREATE TABLE source AS SELECT array_agg(noise(7, n) ORDER BY n) a FROM generate_series(1, 4000) n;
CREATE TABLE small (id int PRIMARY KEY, class int, v vector(3));
INSERT INTO small SELECT i, i % 100, ARRAY[noise(i, 1), noise(i, 2), noise(i, 3)]::vector FROM generate_series(1, 1000) i;
CREATE TABLE large (id int PRIMARY KEY, class int, v vector(3));
INSERT INTO large SELECT i, i % 20000, ARRAY[noise(i, 1), noise(i, 2), noise(i, 3)]::vector FROM generate_series(1, 100000) i;
CREATE TABLE wide (id int PRIMARY KEY, class int, v vector(768));
INSERT INTO wide SELECT i, i % 500, a[i:i + 767]::vector FROM source, generate_series(1, 2500) i;
CREATE INDEX ON small (class);
CREATE INDEX ON large (class);
CREATE INDEX ON wide (class);
CREATE INDEX small_v ON small USING vecdot (v vector_l2_ops);
CREATE INDEX large_v ON large USING vecdot (v vector_l2_ops);
CREATE INDEX wide_v ON wide USING vecdot (v vector_l2_ops);
VACUUM ANALYZE small, large, wide;

-- What scans the table: the plan's lines without the queries' vectors.
CREATE FUNCTION plan(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || statement LOOP
		CONTINUE WHEN line ~ 'Sort Key|Order By|Index Cond|Filter|Cond:|InitPlan';
		RETURN NEXT line;
	END LOOP;
END $$;
CREATE FUNCTION probe(dimensions int) RETURNS vector STABLE LANGUAGE plpgsql COST 1
	AS $$ BEGIN RETURN (SELECT a[1:dimensions]::vector FROM index_planner.source); END $$;

-- Nearest rows: the index.
SELECT plan('SELECT id FROM small ORDER BY v <-> ''[1,2,3]'' LIMIT 10');
SELECT plan('SELECT id FROM large ORDER BY v <-> ''[1,2,3]'' LIMIT 10');
SELECT plan('SELECT id FROM wide ORDER BY v <-> probe(768) LIMIT 10');
SELECT plan('SELECT id FROM large ORDER BY v <-> ''[1,2,3]'' LIMIT 1000');
SELECT plan('SELECT id FROM large ORDER BY v <-> ''[1,2,3]'' OFFSET 100 LIMIT 10');
SELECT plan('SELECT id FROM large ORDER BY v <-> (SELECT v FROM small WHERE id = 1) LIMIT 10');
-- At any recall, proven bounds too.
SET vecdot.recall = 1;
SELECT plan('SELECT id FROM large ORDER BY v <-> ''[1,2,3]'' LIMIT 10');
SELECT plan('SELECT id FROM wide ORDER BY v <-> probe(768) LIMIT 10');
SET vecdot.recall = 0.5;
SELECT plan('SELECT id FROM wide ORDER BY v <-> probe(768) LIMIT 10');
RESET vecdot.recall;

-- Nearly all rows, or all: a sort.
SELECT plan('SELECT id FROM small ORDER BY v <-> ''[1,2,3]'' LIMIT 900');
SELECT plan('SELECT id FROM large ORDER BY v <-> ''[1,2,3]'' LIMIT 95000');
SELECT plan('SELECT id FROM wide ORDER BY v <-> probe(768) LIMIT 2400');
SELECT plan('SELECT id FROM large ORDER BY v <-> ''[1,2,3]''');
-- Another operator, another direction; a range, which needs no order.
SELECT plan('SELECT id FROM large ORDER BY v <=> ''[1,2,3]'' LIMIT 10');
SELECT plan('SELECT id FROM large ORDER BY v <-> ''[1,2,3]'' DESC LIMIT 10');
SELECT plan('SELECT id FROM large WHERE v <-> ''[1,2,3]'' < 0.1');
SELECT plan('SELECT count(*) FROM large');

-- A filter that leaves few rows: these, sorted. One that leaves many: the index, and the filter on its rows.
SELECT plan('SELECT id FROM large WHERE id = 77 ORDER BY v <-> ''[1,2,3]'' LIMIT 10');
SELECT plan('SELECT id FROM large WHERE class = 77 ORDER BY v <-> ''[1,2,3]'' LIMIT 10');
SELECT plan('SELECT id FROM wide WHERE class = 77 ORDER BY v <-> probe(768) LIMIT 10');
SELECT plan('SELECT id FROM large WHERE class < 15000 ORDER BY v <-> ''[1,2,3]'' LIMIT 10');
SELECT plan('SELECT id FROM wide WHERE class < 400 ORDER BY v <-> probe(768) LIMIT 10');

-- The neighbours of each of some rows.
SELECT plan('SELECT s.id, n.id FROM small s, LATERAL (SELECT l.id FROM large l ORDER BY l.v <-> s.v LIMIT 3) n WHERE s.id <= 20');

-- A partial index where its condition holds.
CREATE INDEX large_part ON large USING vecdot (v vector_ip_ops) WHERE class < 2000;
SELECT plan('SELECT id FROM large WHERE class < 2000 ORDER BY v <#> ''[1,2,3]'' LIMIT 10');
SELECT plan('SELECT id FROM large WHERE class < 2001 ORDER BY v <#> ''[1,2,3]'' LIMIT 10');

-- Partitions: their indexes, merged.
CREATE TABLE parts (id int, v vector(3)) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10000);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10000) TO (20000);
INSERT INTO parts SELECT id, v FROM large WHERE id < 20000;
CREATE INDEX ON parts USING vecdot (v vector_l2_ops);
ANALYZE parts;
SELECT plan('SELECT id FROM parts ORDER BY v <-> ''[1,2,3]'' LIMIT 10');
SELECT plan('SELECT id FROM parts WHERE id < 5000 ORDER BY v <-> ''[1,2,3]'' LIMIT 10');
SELECT array_agg(id) = (SELECT array_agg(id) FROM (SELECT id FROM large WHERE id < 20000 ORDER BY v <-> '[1,2,3]' LIMIT 10) t) AS same
  FROM (SELECT id FROM parts ORDER BY v <-> '[1,2,3]' LIMIT 10) t;

-- A table without statistics, and an empty one.
CREATE TABLE fresh (id int, v vector(3));
CREATE INDEX ON fresh USING vecdot (v vector_l2_ops);
SELECT count(*) > 1 AS planned FROM plan('SELECT id FROM fresh ORDER BY v <-> ''[1,2,3]'' LIMIT 10');
INSERT INTO fresh SELECT id, v FROM large WHERE id <= 20000;
SELECT plan('SELECT id FROM fresh ORDER BY v <-> ''[1,2,3]'' LIMIT 10');

-- What EXPLAIN ANALYZE counts: rows that were asked for, no pages read twice as many as the index and the table have.
CREATE FUNCTION analyzed(statement text, OUT node text, OUT rows int, OUT buffers bigint) LANGUAGE plpgsql AS $$
DECLARE
	result json;
	scan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT json) ' || statement INTO result;
	scan := result->0->'Plan'->'Plans'->0;
	node := scan->>'Node Type';
	rows := (scan->>'Actual Rows')::float8::int;
	buffers := (scan->>'Shared Hit Blocks')::bigint + (scan->>'Shared Read Blocks')::bigint;
END $$;
SELECT node, rows, buffers BETWEEN 10 AND pg_relation_size('large_v') / 8192 AS plausible
  FROM analyzed('SELECT id FROM large ORDER BY v <-> ''[0.5,0.2,0.3]'' LIMIT 10');

-- Costs grow with what is asked for, and with the recall.
CREATE FUNCTION cost(statement text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE result json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || statement INTO result;
	RETURN result->0->'Plan'->>'Total Cost';
END $$;
SELECT cost('SELECT id FROM large ORDER BY v <-> ''[1,2,3]'' LIMIT 1') < cost('SELECT id FROM large ORDER BY v <-> ''[1,2,3]'' LIMIT 100') AS by_limit;
SET enable_seqscan = off;
SET enable_sort = off;
CREATE FUNCTION cost_at(recall float8, statement text) RETURNS float8 LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('vecdot.recall', recall::text, true);
	RETURN cost(statement);
END $$;
SELECT recall, cost > lag(cost) OVER (ORDER BY recall) AS dearer
  FROM (SELECT recall, cost_at(recall, 'SELECT id FROM large ORDER BY v <-> ''[1,2,3]'' LIMIT 10') AS cost FROM unnest('{0.5,0.9,0.99,0.999,1}'::float8[]) recall) t ORDER BY recall;

SET client_min_messages = warning;
DROP SCHEMA index_planner CASCADE;
