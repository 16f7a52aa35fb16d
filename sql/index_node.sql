-- The search node: where it is used, and what it returns.
-- A fresh session, which has not used the library: the hook is there in time.
CREATE SCHEMA index_node;
SET search_path = index_node, public;
CREATE TABLE items (id int PRIMARY KEY, a int, b int, note text, v vector(8)) WITH (autovacuum_enabled = off);
SET jit = off;
SET max_parallel_workers_per_gather = 0;
\getenv abs_srcdir PG_ABS_SRCDIR
\set noises :abs_srcdir '/sql/include/noises.sql'
\i :noises
\set plan_of :abs_srcdir '/sql/include/plan_of.sql'
\i :plan_of
INSERT INTO items SELECT i, i % 100, i % 7, 'note ' || i, noises(i % 20, 8) + noises(100 + i, 8, 0.4) FROM generate_series(1, 6000) i;
INSERT INTO items VALUES (7001, 1, 1, 'null', NULL), (7002, 1, 1, 'zero', noises(1, 8, 0));
CREATE INDEX items_l2 ON items USING vecdot (v vector_l2_ops);
CREATE INDEX items_cosine ON items USING vecdot (v);
VACUUM ANALYZE items;
\c -
SET search_path = index_node, public;
SET jit = off;
SET max_parallel_workers_per_gather = 0;
SET enable_seqscan = off;
SELECT plan_of('SELECT id FROM items ORDER BY v <-> ''[1,0,0,0,0,0,0,0]'' LIMIT 5');
SHOW vecdot.search_node;

-- Used: with filters, OFFSET, either side of the operator, the distance selected, parameters.
SELECT plan_of('SELECT id, v <-> ''[1,0,0,0,0,0,0,0]'' AS d FROM items WHERE a < 50 AND v <-> ''[1,0,0,0,0,0,0,0]'' < 9 ORDER BY d OFFSET 3 LIMIT 5');
SELECT plan_of('SELECT id FROM items ORDER BY ''[1,0,0,0,0,0,0,0]'' <=> v LIMIT (SELECT 3)');
SELECT plan_of('SELECT i.id FROM items q, LATERAL (SELECT id FROM items ORDER BY v <-> q.v LIMIT 2) i WHERE q.id < 3');
-- Not used: what may ask for more rows than LIMIT says, or needs the order of all.
CREATE FUNCTION uses_node(statement text) RETURNS boolean LANGUAGE sql
	AS $$ SELECT bool_or(line ~ 'VecdotSearch') FROM plan_of(replace(statement, 'Q', '''[1,0,0,0,0,0,0,0]''')) line $$;
SET enable_sort = off;
SELECT statement, uses_node(statement) FROM unnest(ARRAY[
	'SELECT id FROM items ORDER BY v <-> Q LIMIT 5',
	'SELECT id FROM items ORDER BY v <-> Q',
	'SELECT id FROM items ORDER BY v <-> Q LIMIT ALL',
	'SELECT id FROM items ORDER BY v <-> Q OFFSET 5',
	'SELECT id FROM items ORDER BY v <-> Q DESC LIMIT 5',
	'SELECT id FROM items ORDER BY v <#> Q LIMIT 5',
	'SELECT id FROM items ORDER BY v <-> v LIMIT 5',
	'SELECT id FROM items ORDER BY v <-> noises((random() * 9)::int, 8) LIMIT 5',
	'SELECT id FROM items ORDER BY v <-> Q FETCH FIRST 5 ROWS WITH TIES',
	'SELECT id FROM items ORDER BY v <-> Q LIMIT 5 FOR UPDATE',
	'SELECT generate_series(1, 2) FROM items ORDER BY v <-> Q LIMIT 5',
	'SELECT DISTINCT v <-> Q FROM items ORDER BY v <-> Q LIMIT 5',
	'SELECT v <-> Q FROM items GROUP BY 1 ORDER BY 1 LIMIT 5',
	'SELECT min(v <-> Q) FROM items',
	'SELECT rank() OVER (ORDER BY v <-> Q) FROM items ORDER BY v <-> Q LIMIT 5',
	'SELECT i.id FROM items i JOIN items j ON i.id = j.a ORDER BY i.v <-> Q LIMIT 5',
	'SELECT id FROM items WHERE v <-> Q > 3']) statement;
RESET enable_sort;
SET vecdot.search_node = off;
SELECT uses_node('SELECT id FROM items ORDER BY v <-> Q LIMIT 5');
RESET vecdot.search_node;

-- At recall 1 what a scan of the table gives; every column, the row as a whole, system columns.
SET vecdot.recall = 1;
CREATE FUNCTION differing(statement text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	given text;
	a text;
	b text;
	result int := 0;
BEGIN
	PERFORM set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true);
	IF NOT uses_node(statement) THEN
		RAISE 'no node in the plan of %', statement;
	END IF;
	FOR i IN 1..5 LOOP
		given := replace(statement, 'Q', format('%L::vector', noises(i, 8) + noises(70 + i, 8, 0.3)));
		PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true);
		EXECUTE format('SELECT string_agg(t::text, '';'') FROM (%s) t', given) INTO a;
		PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true);
		EXECUTE format('SELECT string_agg(t::text, '';'') FROM (%s) t', given) INTO b;
		result := result + (a IS DISTINCT FROM b)::int;
	END LOOP;
	PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true);
	RETURN result;
END $$;
SELECT statement, differing(statement) FROM unnest(ARRAY[
	'SELECT id, note, v <-> Q AS d FROM items ORDER BY v <-> Q LIMIT 20',
	'SELECT items, ctid, xmin, tableoid::regclass FROM items ORDER BY v <=> Q LIMIT 20',
	'SELECT id, b * 2 AS b2, length(note) FROM items WHERE a BETWEEN 10 AND 12 ORDER BY Q <-> v LIMIT 200',
	'SELECT 1 AS one, v <-> Q AS d FROM items WHERE v <-> Q < 1.5 ORDER BY v <-> Q LIMIT 500',
	'SELECT id FROM items WHERE a NOT IN (SELECT b FROM items WHERE id < 5) ORDER BY v <-> Q LIMIT 30',
	'SELECT id, (SELECT count(*) FROM items j WHERE j.id < items.b) AS n FROM items WHERE EXISTS (SELECT 1 FROM items j WHERE j.id = items.a AND j.b < 5 OFFSET 0) ORDER BY v <-> Q LIMIT 30',
	'SELECT v <=> Q AS d, v IS NULL AS n FROM items WHERE id > 5990 ORDER BY v <=> Q LIMIT 100',
	'SELECT id FROM items WHERE false OR id = 17 ORDER BY v <-> Q LIMIT 3',
	'SELECT max(d) FROM (SELECT v <-> Q AS d FROM items ORDER BY v <-> Q OFFSET 50 LIMIT 50) t']) statement;
SET vecdot.recall = 0.5;
SELECT differing('SELECT id FROM items WHERE a = 3 ORDER BY v <-> Q LIMIT 1000') AS "fewer than LIMIT: all";
-- More than work_mem holds.
SET vecdot.recall = 1;
SET work_mem = '64kB';
SELECT differing('SELECT id, note, v FROM items ORDER BY v <-> Q LIMIT 3000');
RESET work_mem;

-- LIMIT and OFFSET when the query runs.
SET plan_cache_mode = force_generic_plan;
PREPARE page(vector, bigint, bigint) AS SELECT id FROM items WHERE a < 90 ORDER BY v <-> $1 LIMIT $2 OFFSET $3;
SELECT plan_of('EXECUTE page(''[1]'', 1, 1)');
CREATE FUNCTION same_page(query vector, rows bigint, start bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	paged text;
	sorted text;
BEGIN
	EXECUTE format('CREATE TEMP TABLE page AS EXECUTE page(%L, %L, %L)', query, rows, start);
	SELECT string_agg(p::text, ',' ORDER BY p.id) INTO paged FROM page p;
	DROP TABLE page;
	SELECT string_agg(p::text, ',' ORDER BY p.id) INTO sorted FROM (SELECT i.id FROM items i WHERE i.a < 90 ORDER BY (i.v <-> query) + 0 LIMIT rows OFFSET start) p;
	RETURN paged IS NOT DISTINCT FROM sorted;
END $$;
SELECT r, s, same_page('[1,0,0,0,0,0,0,1]', r, s) FROM (VALUES (1, 0), (10, 0), (10, 90), (0, 3), (3, NULL), (NULL, 5395), (100000, 5000)) t(r, s);
EXECUTE page('[1,2,3,4,5,6,7,8]', -1, 0);
EXECUTE page('[1,2,3,4,5,6,7,8]', 1, -1);
EXECUTE page('[1,2,3]', 1, 0);
RESET plan_cache_mode;

-- Cursors: WHERE CURRENT OF, and back in one that scrolls.
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id, note FROM items ORDER BY v <-> '[1,0,0,0,0,0,0,0]' LIMIT 4;
DECLARE u CURSOR FOR SELECT id FROM items ORDER BY v <-> '[1,0,0,0,0,0,0,0]' LIMIT 4;
CREATE TEMP TABLE nearest AS SELECT row_number() OVER () AS n, id FROM (SELECT id FROM items ORDER BY v <-> '[1,0,0,0,0,0,0,0]' LIMIT 4) t;
MOVE 3 IN c;
FETCH BACKWARD 1 FROM c \gset
SELECT id = :id AS same FROM nearest WHERE n = 2;
MOVE 2 IN u;
UPDATE items SET note = 'current' WHERE CURRENT OF u;
SELECT i.id = n.id AS same FROM items i, nearest n WHERE note = 'current' AND n.n = 2;
ROLLBACK;

-- Row-level security, and a view that is a barrier: their quals come first.
CREATE ROLE vecdot_node_reader;
CREATE FUNCTION tell(int) RETURNS boolean COST 0.0001 LANGUAGE plpgsql AS $$ BEGIN IF $1 <> 5 THEN RAISE 'saw %', $1; END IF; RETURN true; END $$;
CREATE POLICY own ON items USING (a = 5);
ALTER TABLE items ENABLE ROW LEVEL SECURITY;
GRANT USAGE ON SCHEMA index_node TO vecdot_node_reader;
GRANT SELECT ON items TO vecdot_node_reader;
SET ROLE vecdot_node_reader;
SELECT uses_node('SELECT id FROM items WHERE tell(a) ORDER BY v <-> Q LIMIT 2');
SELECT count(*), min(a), max(a) FROM (SELECT a FROM items WHERE tell(a) ORDER BY v <-> '[1,0,0,0,0,0,0,0]' LIMIT 60) t;
RESET ROLE;
DROP OWNED BY vecdot_node_reader;
DROP ROLE vecdot_node_reader;

-- Inheritance, and a union of tables: each its own, merged.
CREATE TABLE more (id int PRIMARY KEY, v vector(8));
INSERT INTO more SELECT i, noises(i % 20, 8) + noises(100 + i, 8, 0.4) FROM generate_series(6001, 9000) i;
CREATE INDEX more_l2 ON more USING vecdot (v vector_l2_ops);
ANALYZE more;
SET enable_sort = off;
SELECT plan_of('SELECT * FROM (SELECT id, v FROM items UNION ALL SELECT id, v FROM more) t ORDER BY v <-> ''[1,0,0,0,0,0,0,0]'' LIMIT 5');
SELECT differing('SELECT id, v <-> Q AS d FROM (SELECT id, v FROM items UNION ALL SELECT id, v FROM more) t ORDER BY v <-> Q LIMIT 50');

-- An index that is gone is planned anew.
PREPARE again AS SELECT id FROM items ORDER BY v <-> '[1,0,0,0,0,0,0,0]' LIMIT 1;
SET plan_cache_mode = force_generic_plan;
EXECUTE again \gset first_
DROP INDEX items_l2;
EXECUTE again \gset second_
SELECT :first_id = :second_id AS same;
SET client_min_messages = warning;
DROP SCHEMA index_node CASCADE;
