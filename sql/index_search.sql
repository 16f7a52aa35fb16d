-- Index scans beside sequential ones: the same rows at recall 1, every row once at any, in order.
CREATE SCHEMA index_search;
SET search_path = index_search, public;
\set VERBOSITY terse
SET jit = off;

-- Pseudo-random numbers in [-1, 1) that are the same everywhere.
\getenv abs_srcdir PG_ABS_SRCDIR
\set noises :abs_srcdir '/sql/include/noises.sql'
\i :noises

-- Twelve clusters; rows whose number ends in 0 or 5 repeat others; rows of very different lengths; NULL and zero vectors.
CREATE TABLE items (id int PRIMARY KEY, class int, v vector(20));
INSERT INTO items SELECT i, i % 10, (noises(i % 12, 20) + noises(1000 + i, 20, 0.4))::vector(20) FROM generate_series(1, 2000) i;
UPDATE items SET v = (SELECT o.v FROM items o WHERE o.id = items.id - 1) WHERE id % 5 = 0;
UPDATE items SET v = (10 ^ (id % 7 - 3))::real * v WHERE id % 9 = 0;
UPDATE items SET v = NULL WHERE id % 97 = 0;
UPDATE items SET v = noises(1, 20, 0) WHERE id % 101 = 0;
VACUUM ANALYZE items;
CREATE TABLE queries (id int, q vector);
INSERT INTO queries SELECT i, noises(i % 15, 20) + noises(5000 + i, 20, 0.4) FROM generate_series(1, 30) i;
INSERT INTO queries SELECT 100 + id, v FROM items WHERE id IN (4, 5, 9, 18, 45);
INSERT INTO queries VALUES (200, noises(3, 20, 1e-20)), (201, noises(4, 20, 1e20)), (202, noises(1, 20, 0)), (203, NULL);

\set plan_of :abs_srcdir '/sql/include/plan_of.sql'
\i :plan_of

-- The first rows of a table by distance, as (ids, distances), by the index or without.
CREATE FUNCTION nearest(relation text, operator text, query vector, rows int, by_index boolean, filter text DEFAULT 'true',
	OUT ids int[], OUT distances float8[]) LANGUAGE plpgsql AS $$
DECLARE
	statement text := format('SELECT id, v %s (SELECT $1) AS d FROM %s WHERE %s ORDER BY v %1$s (SELECT $1) LIMIT %4$s', operator, relation, filter, coalesce(rows, 100000));
BEGIN
	PERFORM set_config('enable_seqscan', (NOT by_index)::text, true), set_config('enable_sort', (NOT by_index)::text, true),
	        set_config('enable_indexscan', by_index::text, true), set_config('enable_bitmapscan', 'off', true);
	IF (by_index <> EXISTS (SELECT FROM plan_of(replace(statement, '$1', quote_nullable(query) || '::vector')) p
	                         WHERE p ~ 'Index Scan using|VecdotSearch' AND p ~ ('on ' || relation))) THEN
		RAISE EXCEPTION 'unexpected plan of %', statement;
	END IF;
	-- What the aggregates get is in the order of the scan.
	EXECUTE format('SELECT array_agg(id), array_agg(d) FROM (%s) t', statement) INTO ids, distances USING query;
END $$;

-- One word for each way in which the index's answer may differ from the table's.
CREATE FUNCTION compare(relation text, operator text, query vector, rows int, filter text DEFAULT 'true') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	a record;
	b record;
	result text := '';
BEGIN
	a := nearest(relation, operator, query, rows, true, filter);
	b := nearest(relation, operator, query, rows, false, filter);
	IF coalesce(cardinality(a.ids), 0) <> coalesce(cardinality(b.ids), 0) THEN
		result := result || format(' %s rows instead of %s', coalesce(cardinality(a.ids), 0), coalesce(cardinality(b.ids), 0));
	END IF;
	IF (SELECT count(DISTINCT i) FROM unnest(a.ids) i) <> coalesce(cardinality(a.ids), 0) THEN
		result := result || ' a row twice';
	END IF;
	IF EXISTS (SELECT FROM (SELECT d, lag(d) OVER (ORDER BY n) AS previous, lag(n) OVER (ORDER BY n) AS had_previous, lag(d IS NULL) OVER (ORDER BY n) AS was_null
	                          FROM unnest(a.distances) WITH ORDINALITY u(d, n)) t
	            WHERE previous > d OR was_null AND d IS NOT NULL) THEN
		result := result || ' out of order';
	END IF;
	IF a.distances IS DISTINCT FROM b.distances THEN
		result := result || ' other distances';
	END IF;
	RETURN CASE result WHEN '' THEN 'same' ELSE result END;
END $$;

CREATE INDEX items_l2 ON items USING vecdot (v vector_l2_ops);
CREATE INDEX items_ip ON items USING vecdot (v vector_ip_ops);
CREATE INDEX items_cosine ON items USING vecdot (v);
SELECT plan_of(format('SELECT id FROM items ORDER BY v %s (SELECT q FROM queries WHERE id = 1) LIMIT 10', o)) FROM unnest('{<->,<#>,<=>}'::text[]) o;

-- At recall 1 the same as the table, for any number of rows.
SET vecdot.recall = 1;
SELECT o, k, compare('items', o, q, k), count(*) FROM queries, unnest('{<->,<#>,<=>}'::text[]) WITH ORDINALITY t(o, n), unnest('{1,10,100}'::int[]) k GROUP BY n, o, k, compare ORDER BY n, k, 3;
SELECT o, compare('items', o, q, k), count(*) FROM queries, unnest('{<->,<#>,<=>}'::text[]) WITH ORDINALITY t(o, n), unnest('{1999,2000,10000,NULL}'::int[]) k
 WHERE id IN (1, 7, 105, 200, 201, 202, 203) GROUP BY n, o, compare ORDER BY n, 2;

-- Below 1: the same number of rows, no row twice, and all in the end.
CREATE FUNCTION recall_of(relation text, operator text, query vector, rows int, OUT right_ones int, OUT wanted int) LANGUAGE plpgsql AS $$
DECLARE
	a record;
	b record;
BEGIN
	a := nearest(relation, operator, query, rows, true);
	b := nearest(relation, operator, query, rows, false);
	IF cardinality(a.ids) <> cardinality(b.ids) OR cardinality(a.ids) <> (SELECT count(DISTINCT i) FROM unnest(a.ids) i) THEN
		RAISE EXCEPTION '% rows and not %', cardinality(a.ids), cardinality(b.ids);
	END IF;
	wanted := cardinality(b.ids);
	-- Ties aside: a row that is no farther than the last one is right.
	right_ones := (SELECT count(*) FROM unnest(a.distances) d WHERE d <= b.distances[wanted] OR d IS NULL);
END $$;
DO $$
DECLARE
	setting text;
	metric text;
	k int;
	share float8;
BEGIN
	FOREACH setting IN ARRAY '{0.5,0.9,0.99,0.9999}'::text[] LOOP
		PERFORM set_config('vecdot.recall', setting, true);
		FOREACH metric IN ARRAY '{<->,<#>,<=>}'::text[] LOOP
			FOREACH k IN ARRAY '{1,50}'::int[] LOOP
				SELECT sum((r).right_ones)::float8 / sum((r).wanted) INTO share FROM (SELECT recall_of('items', metric, q, k) AS r FROM queries OFFSET 0) t;
				-- Of so few queries one may miss.
				IF share < setting::float8 - 1.0 / 39 THEN
					RAISE NOTICE 'recall %@% of % at %', round(share::numeric, 3), k, metric, setting;
				END IF;
			END LOOP;
		END LOOP;
	END LOOP;
END $$;
SELECT s AS setting, o, bool_and((SELECT count(DISTINCT i) = 2000 FROM unnest((nearest('items', o, q, NULL, true)).ids) i)) AS each_once
  FROM queries, unnest('{<->,<#>,<=>}'::text[]) WITH ORDINALITY t(o, n), LATERAL (SELECT s, set_config('vecdot.recall', s, true) FROM unnest('{0.5,0.95,0.9999}'::text[]) s OFFSET 0) settings
 WHERE id IN (1, 105, 201, 202, 203) GROUP BY s, n, o ORDER BY s, n;

-- After the finite distances NaN, then NULL.
SELECT set_config('enable_seqscan', 'off', false), set_config('enable_sort', 'off', false);
SELECT s AS setting, kind, min(position), max(position), count(*)
  FROM unnest('{0.5,0.99,1}'::text[]) s, LATERAL (SELECT set_config('vecdot.recall', s, false)) x,
       LATERAL (SELECT row_number() OVER () AS position, CASE WHEN d = 'NaN' THEN 'NaN' WHEN d IS NULL THEN 'NULL' ELSE 'finite' END AS kind
                  FROM (SELECT v <=> (SELECT q FROM queries WHERE id = 3) AS d FROM items WHERE length(s) > 0 ORDER BY v <=> (SELECT q FROM queries WHERE id = 3)) t) r
 GROUP BY s, kind ORDER BY s, 3;
-- From a zero vector all is NaN; a NULL query gives every row, whatever is in it, and no distance.
SELECT count(*), count(*) FILTER (WHERE d = 'NaN') AS nan, count(*) FILTER (WHERE d IS NULL) AS "null" FROM (SELECT v <=> (SELECT q FROM queries WHERE id = 202) AS d FROM items ORDER BY 1) t;
SELECT o, (r).distances IS NOT DISTINCT FROM array_fill(NULL::float8, '{2000}') AS no_distance, (SELECT count(DISTINCT i) FROM unnest((r).ids) i)
  FROM (SELECT o, nearest('items', o, NULL, NULL, true) AS r FROM unnest('{<->,<#>,<=>}'::text[]) o) t;
SELECT count(*), count(d) FROM (SELECT v <-> (SELECT q FROM queries WHERE id = -1) AS d FROM items ORDER BY 1 LIMIT 50) t;

-- OFFSET, WITH TIES, cursors that stop and go on, and a setting that changes under an open one.
RESET vecdot.recall;
SET vecdot.recall = 1;
SET plan_cache_mode = force_custom_plan;
PREPARE by_table(vector, int, int) AS SELECT array_agg(d) FROM (SELECT v <-> $1 AS d FROM items ORDER BY (v <-> $1) + 0 OFFSET $2 LIMIT $3) t;
PREPARE by_index(vector, int, int) AS SELECT array_agg(d) FROM (SELECT v <-> $1 AS d FROM items ORDER BY v <-> $1 OFFSET $2 LIMIT $3) t;
CREATE FUNCTION same_page(start int, rows int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE a float8[]; b float8[];
BEGIN
	EXECUTE format('EXECUTE by_table(%L, %s, %s)', noises(77, 20), start, rows) INTO a;
	EXECUTE format('EXECUTE by_index(%L, %s, %s)', noises(77, 20), start, rows) INTO b;
	RETURN a IS NOT DISTINCT FROM b;
END $$;
SELECT s, r, same_page(s, r) FROM (VALUES (0, 1), (5, 10), (100, 7), (1900, 30), (1970, 30), (1999, 5), (2000, 1)) t(s, r);
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> (SELECT v FROM items WHERE id = 4) FETCH FIRST 1 ROW WITH TIES) t;
BEGIN;
DECLARE c CURSOR FOR SELECT id, v <-> noises(2, 20) AS d FROM items ORDER BY v <-> noises(2, 20);
DECLARE h CURSOR WITH HOLD FOR SELECT id FROM items ORDER BY v <#> noises(3, 20) LIMIT 300;
CREATE TEMP TABLE fetched (n serial, id int, d float8);
DO $$
DECLARE
	c refcursor := 'c';
	row record;
	n int := 0;
BEGIN
	LOOP
		FETCH c INTO row;
		EXIT WHEN NOT FOUND;
		INSERT INTO fetched (id, d) VALUES (row.id, row.d);
		n := n + 1;
		-- The scan keeps what it started with.
		PERFORM set_config('vecdot.recall', CASE n % 3 WHEN 0 THEN '0.5' WHEN 1 THEN '1' ELSE '0.9' END, true) WHERE n % 50 = 0;
	END LOOP;
END $$;
SELECT count(*), count(DISTINCT id), (SELECT count(*) FROM (SELECT d < lag(d) OVER (ORDER BY n) AS bad FROM fetched) t WHERE bad) AS out_of_order FROM fetched;
-- The other cursor is run when the transaction ends.
SET LOCAL vecdot.recall = 1;
COMMIT;
MOVE 250 IN h;
DROP TABLE fetched;
CREATE TEMP TABLE held AS SELECT (nearest('items', '<#>', noises(3, 20), 300, false)).ids;
FETCH 1 FROM h \gset h_
SELECT :h_id = ids[251] OR (SELECT a.v <#> noises(3, 20) FROM items a WHERE id = :h_id) = (SELECT a.v <#> noises(3, 20) FROM items a WHERE id = ids[251]) AS kept FROM held;
CLOSE h;
DROP TABLE held;
-- A row back is refused, as no scan of this kind can do it; a scrollable cursor stores its rows.
BEGIN;
DECLARE s SCROLL CURSOR FOR SELECT id, v <-> noises(2, 20) AS d FROM items ORDER BY v <-> noises(2, 20);
MOVE 100 IN s;
FETCH 1 FROM s \gset a_
MOVE FORWARD 500 IN s;
MOVE BACKWARD 500 IN s;
MOVE BACKWARD 1 IN s;
FETCH 1 FROM s \gset b_
SELECT :a_id = :b_id AS same;
COMMIT;

-- A query for each row: rescans. Joins that need few rows of the scan, or none.
SELECT plan_of('SELECT q.id, n.id FROM queries q, LATERAL (SELECT id, v <-> q.q AS d FROM items ORDER BY v <-> q.q LIMIT 3) n');
SELECT count(*), count(*) FILTER (WHERE d IS NOT DISTINCT FROM e) AS same FROM (
	SELECT q.id, n.d, row_number() OVER (PARTITION BY q.id ORDER BY n.d) AS place, (nearest('items', '<->', q.q, 3, false)).distances AS e_all
	  FROM queries q, LATERAL (SELECT id, v <-> q.q AS d FROM items ORDER BY v <-> q.q LIMIT 3) n) t, LATERAL (SELECT e_all[place] AS e) x;
SELECT q.id, EXISTS (SELECT FROM (SELECT id FROM items ORDER BY v <-> q.q) n WHERE n.id < 0) AS none FROM queries q WHERE q.id < 4 ORDER BY 1;
SELECT count(*) FROM queries q, LATERAL (SELECT id FROM items ORDER BY v <=> q.q LIMIT 0) n;
SELECT count(*), count(DISTINCT n.id) FROM (SELECT id FROM items ORDER BY v <#> noises(8, 20)) n JOIN LATERAL (SELECT 1 FROM items o WHERE o.id = n.id AND o.class = 3 LIMIT 1) x ON true;
-- Nearest to each of the nearest.
SELECT count(*), bool_and(d = 0) AS all_zero FROM (SELECT v FROM items ORDER BY v <-> noises(5, 20) LIMIT 40) a, LATERAL (SELECT a.v <-> b.v AS d FROM items b ORDER BY b.v <-> a.v LIMIT 1) b;

-- Generic plans, a query that is computed, a changing parameter in a loop.
SET plan_cache_mode = force_generic_plan;
PREPARE generic(vector) AS SELECT array_agg(d) FROM (SELECT v <=> $1 AS d FROM items ORDER BY v <=> $1 LIMIT 12) t;
EXPLAIN (COSTS off) EXECUTE generic('[1]');
CREATE FUNCTION same_generic(query vector) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE a float8[];
BEGIN
	EXECUTE format('EXECUTE generic(%L)', query) INTO a;
	RETURN a IS NOT DISTINCT FROM (nearest('items', '<=>', query, 12, false)).distances;
END $$;
SELECT same_generic(q), count(*) FROM queries GROUP BY 1;
RESET plan_cache_mode;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> (noises(1, 20) + noises(2, 20)) LIMIT 5) t;

-- ±1e38, the least numbers, and between.
CREATE TABLE extreme (id int PRIMARY KEY, v vector(8));
INSERT INTO extreme SELECT i, CASE
	WHEN i % 8 = 0 THEN (SELECT array_agg(CASE WHEN noise(i, n) > 0 THEN 1e38::real ELSE -1e38::real END) FROM generate_series(1, 8) n)::vector
	WHEN i % 8 = 1 THEN (SELECT array_agg((trunc(noise(i, n)::numeric * 3) * 1.4e-45)::real) FROM generate_series(1, 8) n)::vector
	WHEN i % 8 = 2 THEN noises(i, 8, 3.4e38)
	WHEN i % 8 = 3 THEN noises(i, 8, 1e-38)
	WHEN i % 8 = 4 THEN (SELECT array_agg(CASE WHEN n = i % 5 THEN 3.4028235e38 ELSE noise(i, n) END) FROM generate_series(1, 8) n)::vector
	ELSE noises(i, 8, 10.0 ^ (i % 76 - 38)) END
  FROM generate_series(1, 600) i;
INSERT INTO extreme SELECT 1000 + id, v FROM extreme WHERE id % 4 = 0;
CREATE INDEX ON extreme USING vecdot (v vector_l2_ops);
CREATE INDEX ON extreme USING vecdot (v vector_ip_ops);
CREATE INDEX ON extreme USING vecdot (v vector_cosine_ops);
SET vecdot.recall = 1;
SELECT o, k, compare('extreme', o, v, k), count(*) FROM extreme, unnest('{<->,<#>,<=>}'::text[]) WITH ORDINALITY t(o, n), unnest('{1,20,NULL}'::int[]) k
 WHERE id % 29 < 2 GROUP BY n, o, k, compare ORDER BY n, k, 3;
SELECT s, o, bool_and((SELECT count(DISTINCT i) = 750 FROM unnest((nearest('extreme', o, v, NULL, true)).ids) i)) AS each_once
  FROM extreme, unnest('{<->,<#>,<=>}'::text[]) WITH ORDINALITY t(o, n), LATERAL (SELECT s, set_config('vecdot.recall', s, true) FROM unnest('{0.5,0.99}'::text[]) s OFFSET 0) settings
 WHERE id % 61 < 2 GROUP BY s, n, o ORDER BY s, n;

-- With little memory for the queues a long drain gives the same rows.
SET vecdot.recall = 1;
SET work_mem = '64kB';
SELECT o, compare('items', o, q, k), count(*) FROM queries, unnest('{<->,<#>,<=>}'::text[]) WITH ORDINALITY t(o, n), unnest('{100,NULL}'::int[]) k
 WHERE id IN (2, 105, 201) GROUP BY n, o, compare ORDER BY n, 2;
RESET work_mem;
SET client_min_messages = warning;
DROP SCHEMA index_search CASCADE;
