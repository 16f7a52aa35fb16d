-- The query vector from a table of FROM that has one row: the search node below a nested loop.
CREATE SCHEMA index_join;
SET search_path = index_join, public;
SET jit = off;
SET max_parallel_workers_per_gather = 0;
\getenv abs_srcdir PG_ABS_SRCDIR
\set noises :abs_srcdir '/sql/include/noises.sql'
\i :noises
\set plan_of :abs_srcdir '/sql/include/plan_of.sql'
\i :plan_of
CREATE TABLE items (id int PRIMARY KEY, a int, v vector(8));
INSERT INTO items SELECT id, id % 10, v FROM (SELECT i, noises(i % 20, 8) + noises(100 + i, 8, 0.4) FROM generate_series(1, 3000) i) t(id, v);
INSERT INTO items SELECT i, 1, NULL FROM generate_series(3001, 3003) i;
CREATE TABLE asked (id int PRIMARY KEY, kind int, v vector(8), far float8, UNIQUE (kind, far));
INSERT INTO asked SELECT id, a, v, id FROM items WHERE id < 50 OR id > 3000;
CREATE INDEX ON items USING vecdot (v vector_l2_ops);
CREATE INDEX ON items (a);
VACUUM ANALYZE items, asked;
-- Costs are another matter.
SET enable_sort = off; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
EXPLAIN (COSTS off) SELECT items.id FROM items, (SELECT v FROM items WHERE id = 3) q ORDER BY items.v <-> q.v LIMIT 10;
EXPLAIN (COSTS off) WITH q AS MATERIALIZED (SELECT v FROM asked WHERE id = 3) SELECT i.id FROM items i, q WHERE i.a < 5 ORDER BY i.v <-> q.v, i.id LIMIT 10;
SELECT plan_of($$SELECT i.id, i.v <-> q.v AS d FROM items i JOIN asked q ON i.id <> q.id WHERE q.id = 3 AND i.v <-> q.v < 1 ORDER BY d LIMIT 10$$);
EXPLAIN (COSTS off) SELECT i.id FROM items i, (SELECT avg(v) AS v FROM asked WHERE id < 50) q ORDER BY i.v <-> q.v LIMIT 10;
EXPLAIN (COSTS off) SELECT i.id FROM items i, asked q, asked r WHERE q.id = 1 AND r.kind = 7 AND r.far = 7 ORDER BY i.v <-> (q.v + r.v) LIMIT 10;
-- Each gives what a scan of the table gives.
CREATE TABLE statements (n int, statement text);
INSERT INTO statements VALUES
	(1, 'SELECT i.v <-> q.v AS d FROM items i, (SELECT v FROM items WHERE id = 3) q ORDER BY d LIMIT 10'),
	(2, 'WITH q AS MATERIALIZED (SELECT v FROM asked WHERE id = 3) SELECT i.id FROM items i, q WHERE i.a < 5 ORDER BY i.v <-> q.v, i.id LIMIT 300'),
	(3, 'SELECT i.id FROM items i JOIN asked q ON i.id <> q.id AND i.a <> q.kind WHERE q.id = 3 ORDER BY i.v <-> q.v LIMIT 10 OFFSET 5'),
	(4, 'SELECT i.id FROM items i JOIN asked q ON i.id <> q.id WHERE q.id = 3 AND i.v <-> q.v < 1 ORDER BY i.v <-> q.v LIMIT 400'),
	(5, 'SELECT i.id FROM items i JOIN asked q ON i.v <-> q.v < q.far / 5 WHERE q.id = 5 ORDER BY i.v <-> q.v LIMIT 400'),
	(6, 'SELECT i.id FROM items i JOIN asked q ON i.a = q.kind WHERE q.id = 5 ORDER BY i.v <-> q.v LIMIT 20'),
	(7, 'SELECT i.id FROM items i, (SELECT avg(v) AS v FROM asked WHERE id < 50) q ORDER BY i.v <-> q.v LIMIT 10'),
	(8, 'SELECT i.id FROM items i, (SELECT v FROM asked ORDER BY far LIMIT 1) q ORDER BY i.v <-> q.v LIMIT 10'),
	(9, 'SELECT i.id FROM items i, (VALUES (''[1,0,0,0,0,0,0,0]''::vector)) q(v) ORDER BY i.v <-> q.v LIMIT 10'),
	(10, 'SELECT i.id FROM items i, asked q, asked r WHERE q.id = 1 AND r.kind = 7 AND r.far = 7 AND i.id > q.id + r.id ORDER BY i.v <-> (q.v + r.v) LIMIT 10'),
	(11, 'SELECT i.id FROM items i, asked q WHERE q.id = 1 ORDER BY i.v <-> ''[1,0,0,0,0,0,0,0]'' LIMIT 10'),
	-- A row without a vector, no row.
	(12, 'SELECT i.v <-> q.v FROM items i, asked q WHERE q.id = 3002 ORDER BY i.v <-> q.v LIMIT 4'),
	(13, 'SELECT i.id FROM items i, asked q WHERE q.id = 99 ORDER BY i.v <-> q.v LIMIT 4'),
	(14, 'SELECT i.v <-> q.v IS NULL AS is_null FROM items i, asked q WHERE q.id = 3 ORDER BY i.v <-> q.v LIMIT 10 OFFSET 2995'),
	-- In a sub-select, which gives another row each time.
	(15, 'SELECT x, n.id FROM generate_series(1, 9) x, LATERAL (SELECT i.id FROM items i, asked q WHERE q.id = x AND i.a <> x ORDER BY i.v <-> q.v, i.id LIMIT 3) n ORDER BY 1, 2'),
	-- Not one row: these have the order of a sort.
	(16, 'SELECT i.id, q.id FROM items i, asked q WHERE q.kind = 3 ORDER BY i.v <-> q.v, 1, 2 LIMIT 10'),
	(17, 'SELECT i.id, q.n FROM items i, (SELECT v, generate_series(1, 2) AS n FROM asked WHERE id = 3) q ORDER BY i.v <-> q.v, 1, 2 LIMIT 10'),
	(18, 'SELECT i.id FROM items i, (SELECT v FROM asked WHERE id = 3 UNION ALL SELECT v FROM asked WHERE id = 4) q ORDER BY i.v <-> q.v, 1 LIMIT 10'),
	(19, 'SELECT i.id FROM items i, (SELECT avg(v) AS v FROM asked WHERE id < 50 GROUP BY kind) q ORDER BY i.v <-> q.v, 1 LIMIT 10'),
	(20, 'SELECT q.id, i.id FROM asked q LEFT JOIN items i ON i.a = q.kind AND i.id > 5 WHERE q.id = 3 ORDER BY i.v <-> q.v, 2 LIMIT 10'),
	(21, 'SELECT i.a, count(*) FROM items i, asked q WHERE q.id = 3 AND i.v <-> q.v < 1 GROUP BY i.a ORDER BY 1 LIMIT 10'),
	(22, 'SELECT i.id FROM items i, asked q, asked r WHERE q.id = 3 AND r.kind = i.a ORDER BY i.v <-> q.v, r.id, 1 LIMIT 10');
CREATE FUNCTION rows_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	EXECUTE format('SELECT string_agg(t::text, %L) FROM (%s) t', ' ', statement) INTO result;
	RETURN result;
END $$;
CREATE FUNCTION is_search(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN ' || statement LOOP
		IF line LIKE '%VecdotSearch%' THEN RETURN true; END IF;
	END LOOP;
	RETURN false;
END $$;
SET vecdot.recall = 1;
CREATE TABLE given AS SELECT n, rows_of(statement) AS rows, is_search(statement) AS by_node FROM statements;
SET enable_indexscan = off; SET enable_sort = on;
SELECT n, by_node, g.rows IS NOT DISTINCT FROM rows_of(statement) AS is_same FROM statements JOIN given g USING (n) ORDER BY n;
RESET enable_indexscan;
RESET enable_sort; RESET enable_seqscan; RESET enable_hashjoin; RESET enable_mergejoin;
-- Named, where it is not so.
\pset format unaligned
\pset tuples_only on
RESET vecdot.recall;
SELECT * FROM vecdot_explain('SELECT i.id FROM items i, asked q WHERE q.id = $1 ORDER BY i.v <-> q.v LIMIT 10');
SELECT * FROM vecdot_explain('SELECT i.id FROM items i, items q WHERE q.id = $1 ORDER BY i.v <-> q.v LIMIT 10');
SELECT * FROM vecdot_explain('SELECT i.id FROM items i, asked q WHERE q.kind = $1 ORDER BY i.v <-> q.v LIMIT 10');
SET client_min_messages = warning;
DROP SCHEMA index_join CASCADE;
