-- ORDER BY never lies: whatever stands above a search, below recall 1 too, gets rows in order.
CREATE SCHEMA index_order;
SET search_path = index_order, public;
SET jit = off;
SET max_parallel_workers_per_gather = 0;
\getenv abs_srcdir PG_ABS_SRCDIR
\set noises :abs_srcdir '/sql/include/noises.sql'
\i :noises

-- Each vector twice, in clusters, so that a search at 0.5 misses rows; a NULL, and a zero vector.
CREATE TABLE items (id int PRIMARY KEY, a int, v vector(16));
INSERT INTO items SELECT i, i % 300, noises(i / 2 % 40, 16) + noises(100 + i / 2, 16, 0.5) FROM generate_series(0, 7999) i;
INSERT INTO items VALUES (8000, 1, NULL), (8001, 1, noises(1, 16, 0));
CREATE INDEX ON items USING vecdot (v vector_l2_ops);
CREATE INDEX ON items USING vecdot (v);
CREATE TABLE queries (n int PRIMARY KEY, q vector(16));
INSERT INTO queries SELECT n, noises(n, 16) + noises(900 + n, 16, 0.4) FROM generate_series(1, 6) n;
VACUUM ANALYZE items, queries;

-- What a statement gives for each query, by a scan of the table and with every other way made dear.
CREATE FUNCTION differing(statement text, recall text DEFAULT '0.5', sort text DEFAULT 'off') RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	query vector;
	a text;
	b text;
	result int := 0;
BEGIN
	FOR query IN SELECT q FROM queries ORDER BY n LOOP
		PERFORM set_config('vecdot.recall', '1', true), set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true);
		EXECUTE format('SELECT string_agg(t::text, '';'') FROM (%s) t', replace(statement, 'Q', quote_literal(query) || '::vector')) INTO a;
		PERFORM set_config('vecdot.recall', recall, true), set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true), set_config('enable_sort', sort, true), set_config('enable_hashagg', 'off', true);
		EXECUTE format('SELECT string_agg(t::text, '';'') FROM (%s) t', replace(statement, 'Q', quote_literal(query) || '::vector')) INTO b;
		result := result + (a IS DISTINCT FROM b)::int;
	END LOOP;
	PERFORM set_config('enable_hashagg', 'on', true), set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true);
	RETURN result;
END $$;
-- Groups, DISTINCT, windows, a merge join, set operations, min().
SELECT differing('SELECT v <-> Q AS d, count(*) FROM items WHERE a < 200 GROUP BY 1 ORDER BY 1 LIMIT 4000');
SELECT differing('SELECT DISTINCT v <-> Q AS d FROM items ORDER BY 1 LIMIT 5000');
SELECT differing('SELECT DISTINCT ON (v <-> Q) v <-> Q AS d, id FROM items ORDER BY v <-> Q, id LIMIT 5000');
SELECT differing('SELECT rank() OVER (ORDER BY v <-> Q) AS r, v <-> Q AS d FROM items WHERE a < 200 ORDER BY 1 LIMIT 6000');
SELECT differing('SELECT v <-> Q AS d FROM items WHERE a < 5 UNION SELECT 0 ORDER BY 1 LIMIT 200');
SELECT differing('SELECT min(v <-> Q) FROM items'), differing('SELECT min(v <-> Q), count(v <-> Q) FROM items WHERE a > 150');
SET enable_hashjoin = off; SET enable_nestloop = off;
CREATE TABLE distances AS SELECT DISTINCT n, v <-> q AS d FROM items, queries WHERE a < 20 AND v IS NOT NULL;
ANALYZE distances;
SELECT differing('SELECT count(*) FROM items i JOIN distances x ON i.v <-> Q = x.d', '0.5', 'on');
SELECT differing('SELECT i.v <-> Q AS d FROM items i JOIN distances x ON i.v <-> Q = x.d ORDER BY 1 LIMIT 1000', '0.5', 'on');
RESET enable_hashjoin; RESET enable_nestloop;
-- Without a LIMIT all rows come, in order, and to a cursor.
SELECT differing('SELECT v <-> Q AS d FROM items ORDER BY 1'), differing('SELECT v <=> Q AS d FROM items WHERE a < 100 ORDER BY 1');
SET enable_seqscan = off; SET enable_sort = off; SET vecdot.recall = 0.5;
BEGIN;
DECLARE c CURSOR FOR SELECT v <-> (SELECT q FROM queries WHERE n = 1) AS d FROM items ORDER BY v <-> (SELECT q FROM queries WHERE n = 1);
CREATE FUNCTION fetched(OUT count int, OUT falling int) LANGUAGE plpgsql AS $$
DECLARE
	c refcursor := 'c';
	d float8;
	last float8;
BEGIN
	count := 0;
	falling := 0;
	LOOP
		FETCH c INTO d;
		EXIT WHEN NOT FOUND;
		count := count + 1;
		falling := falling + coalesce(d < last, d IS NOT NULL AND last IS NULL AND count > 1)::int;
		last := d;
	END LOOP;
END $$;
SELECT * FROM fetched();
COMMIT;

-- Two keys over the one column: the second decides where the first is equal, or not known.
SELECT differing('SELECT v <-> Q AS d, v <-> ''[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]'' AS e FROM items ORDER BY v <-> Q, v <-> ''[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]'' LIMIT 50', '1');
SELECT differing('SELECT v <=> Q AS d, v <=> ''[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]'' AS e FROM items ORDER BY 1, 2 LIMIT 9000', '1');
SELECT differing('SELECT v <-> NULL AS d, v <-> Q AS e FROM items ORDER BY v <-> (SELECT q FROM queries WHERE n < 0), v <-> Q LIMIT 9000', '1');
SELECT differing('SELECT (v <-> Q) < 1e9 AS d FROM items ORDER BY v <-> Q, v <-> ''[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]'' LIMIT 9000', '0.5');
SELECT differing('SELECT count(*) FROM (SELECT v <-> Q FROM items ORDER BY v <-> Q, v <-> ''[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]'' LIMIT 100) t', '0.5');

-- A plan that is kept from another recall.
SET plan_cache_mode = force_generic_plan;
SET vecdot.recall = 1;
PREPARE groups(vector) AS SELECT count(*) FROM (SELECT v <-> $1 AS d, count(*) FROM items WHERE a < 200 GROUP BY 1 ORDER BY 1) t;
EXECUTE groups('[1,1,1,1,1,1,1,1,0,0,0,0,0,0,0,0]');
SET vecdot.recall = 0.5;
EXECUTE groups('[1,1,1,1,1,1,1,1,0,0,0,0,0,0,0,0]');
SET client_min_messages = warning;
DROP SCHEMA index_order CASCADE;
