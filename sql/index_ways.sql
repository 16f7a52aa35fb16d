-- The search node's three ways to rows that pass a filter: each gives what a scan of the table gives, whichever is taken.
CREATE SCHEMA index_ways;
SET search_path = index_ways, public;
SET jit = off;
SET max_parallel_workers_per_gather = 0;
\getenv abs_srcdir PG_ABS_SRCDIR
\set noises :abs_srcdir '/sql/include/noises.sql'
\i :noises
-- Rows of 3 kB, two a page, so that a bitmap within 64 kB becomes lossy.
CREATE TABLE items (id int PRIMARY KEY, a int, b int, note text, v vector(8)) WITH (autovacuum_enabled = off);
ALTER TABLE items ALTER note SET STORAGE PLAIN;
INSERT INTO items SELECT i, i % 100, i % 7, repeat('x', 3000), noises(i % 20, 8) + noises(100 + i, 8, 0.4) FROM generate_series(1, 3000) i;
INSERT INTO items VALUES (7001, 1, NULL, 'null', NULL), (7002, 1, 1, 'zero', noises(1, 8, 0));
CREATE INDEX ON items (a);
CREATE INDEX ON items (b);
CREATE INDEX items_l2 ON items USING vecdot (v vector_l2_ops);
VACUUM ANALYZE items;
-- Chains of versions: some within their page, some to others; dead rows.
UPDATE items SET note = repeat('y', 100) WHERE id % 3 = 0;
UPDATE items SET note = repeat('z', 90) WHERE id % 6 = 0;
UPDATE items SET a = a + 1 WHERE id % 50 = 7;
DELETE FROM items WHERE id % 90 = 11;

-- Ways whose answer differs from the table's, over some queries.
CREATE FUNCTION differing(statement text, OUT ways text) LANGUAGE plpgsql AS $$
DECLARE
	given text;
	a text;
	b text;
	way text;
BEGIN
	ways := '';
	FOR i IN 1..4 LOOP
		given := replace(statement, 'Q', format('%L::vector', noises(i, 8) + noises(70 + i, 8, 0.3)));
		PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true);
		EXECUTE format('SELECT string_agg(t::text, '';'') FROM (%s) t', given) INTO a;
		PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_bitmapscan', 'on', true), set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true);
		FOREACH way IN ARRAY '{auto,last,index,first}'::text[] LOOP
			PERFORM set_config('vecdot.filter_way', way, true);
			EXECUTE format('SELECT string_agg(t::text, '';'') FROM (%s) t', given) INTO b;
			IF a IS DISTINCT FROM b THEN
				ways := ways || ' ' || way;
			END IF;
		END LOOP;
	END LOOP;
END $$;
CREATE TABLE statements (n serial, statement text);
INSERT INTO statements (statement) VALUES
	('SELECT id, v <-> Q AS d FROM items WHERE a = 7 ORDER BY v <-> Q LIMIT 10'),
	('SELECT id, v <-> Q AS d FROM items WHERE a = 7 ORDER BY v <-> Q LIMIT 1000'),
	('SELECT id, a, b FROM items WHERE a < 50 AND b = 3 ORDER BY v <-> Q LIMIT 20'),
	('SELECT id, a, b FROM items WHERE a = 5 OR b IS NULL OR id = 44 ORDER BY v <-> Q LIMIT 300'),
	('SELECT id, a, b FROM items WHERE a IN (1, 2, 8) AND NOT (b > 4) ORDER BY v <-> Q OFFSET 3 LIMIT 20'),
	('SELECT id, ctid, items FROM items WHERE a = 1 ORDER BY v <-> Q LIMIT 60'),
	('SELECT id FROM items WHERE id % 300 = 5 ORDER BY v <-> Q LIMIT 4'),
	('SELECT id FROM items WHERE v <-> Q < 1.2 ORDER BY v <-> Q LIMIT 500'),
	('SELECT id FROM items WHERE a < 30 AND v <-> Q <= 1.2 AND v <-> Q > 0.5 ORDER BY v <-> Q LIMIT 500'),
	('SELECT id FROM items WHERE 1.1 > v <-> Q ORDER BY v <-> Q LIMIT 500'),
	('SELECT id FROM items WHERE a < 60 AND v <-> Q BETWEEN 0.3 AND (SELECT 1.3) ORDER BY v <-> Q LIMIT 500'),
	('SELECT id FROM items WHERE a < 60 AND v <-> Q < NULL ORDER BY v <-> Q LIMIT 5'),
	('SELECT id FROM items WHERE a = 1 AND v IS NULL ORDER BY v <-> Q LIMIT 5'),
	('SELECT id FROM items WHERE a = 7 AND a = 8 ORDER BY v <-> Q LIMIT 5'),
	('SELECT id FROM items WHERE a = 3 AND EXISTS (SELECT 1 FROM items j WHERE j.id = items.b OFFSET 0) ORDER BY v <-> Q LIMIT 5'),
	('SELECT id FROM items WHERE ctid < ''(400,1)'' ORDER BY v <-> Q LIMIT 7'),
	('SELECT id FROM items WHERE a = 7 AND current_user IS NOT NULL ORDER BY v <-> Q LIMIT 7'),
	('SELECT q, i.id FROM generate_series(1, 5) q, LATERAL (SELECT id FROM items WHERE a = q ORDER BY v <-> Q LIMIT 3) i'),
	('SELECT q.id, i.id FROM (SELECT id, v FROM items WHERE id < 6) q, LATERAL (SELECT id FROM items WHERE a = 4 ORDER BY v <-> q.v LIMIT 3) i ORDER BY 1, 2');
SET vecdot.recall = 1;
SELECT n, differing(statement) FROM statements ORDER BY n;
SET work_mem = '64kB';
SELECT differing('SELECT id, a FROM items WHERE a < 90 ORDER BY v <-> Q LIMIT 20') AS "a lossy bitmap";
RESET work_mem;
-- Below 1 filter first is exact, and the number of rows is right on each.
SET vecdot.recall = 0.5;
SELECT differing('SELECT count(*) FROM (SELECT id FROM items WHERE a < 40 AND b < 3 ORDER BY v <-> Q LIMIT 25) t');
SELECT position('first' IN differing('SELECT id FROM items WHERE a < 40 AND b < 3 ORDER BY v <-> Q LIMIT 25')) AS first;

-- What EXPLAIN ANALYZE says: the way, and the change of mind where the planner was wrong.
CREATE FUNCTION way_of(statement text, lines text DEFAULT 'Way:|Recall:|Cells|Codes|Rows Fetched|never executed') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) ' || statement LOOP
		IF line ~ lines THEN
			RETURN NEXT regexp_replace(line, '([0-9.]*[0-9]+)', 'N', 'g');
		END IF;
	END LOOP;
END $$;
SET vecdot.recall = 0.9;
SELECT way_of('SELECT id FROM items WHERE a > 10 ORDER BY v <-> ''[1,0,0,0,0,0,0,0]'' LIMIT 5');
SET enable_sort = off;
SET vecdot.filter_way = first;
SELECT way_of('SELECT id FROM items WHERE id + 0 = 5 ORDER BY v <-> ''[1,0,0,0,0,0,0,0]'' LIMIT 5');
SET vecdot.filter_way = index;
SELECT way_of('SELECT id FROM items WHERE a = 9 ORDER BY v <-> ''[1,0,0,0,0,0,0,0]'' LIMIT 5');
RESET vecdot.filter_way;
SELECT way_of('SELECT id FROM items WHERE id % 1000 = 8 ORDER BY v <-> ''[1,0,0,0,0,0,0,0]'' LIMIT 15');
-- What the search does for rows that are left out counts as well: it ends soon (without that after 600 rows).
CREATE TABLE far AS SELECT i AS id, i % 100 AS a, noises(i % 100, 8) + noises(1000 + i, 8, 0.1) AS v FROM generate_series(1, 20000) i;
ALTER TABLE far ALTER v TYPE vector(8);
CREATE INDEX ON far (a);
CREATE INDEX ON far USING vecdot (v vector_l2_ops);
VACUUM ANALYZE far;
CREATE FUNCTION left_out(statement text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, FORMAT json) ' || statement INTO plan;
	RETURN plan->0->'Plan'->'Plans'->0->>'Rows Left Out By Bitmap';
END $$;
SET vecdot.recall = 0.99;
SELECT -10 * v AS other_side FROM far WHERE id = 7 \gset
SELECT left_out(format('SELECT id FROM far WHERE a = 7 ORDER BY v <-> %L LIMIT 1', :'other_side')) < 150 AS ends_early;
SET vecdot.recall = 0.5;
SELECT way_of('SELECT id FROM items ORDER BY v <-> ''[1,0,0,0,0,0,0,0]'' LIMIT 2000', 'Recall:|Rows Late');
SET client_min_messages = warning;
DROP SCHEMA index_ways CASCADE;
