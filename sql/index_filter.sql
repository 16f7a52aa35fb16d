-- Filters: LIMIT is honoured at any recall and any selectivity, and what comes is right.
CREATE SCHEMA index_filter;
SET search_path = index_filter, public;
SET jit = off;
\getenv abs_srcdir PG_ABS_SRCDIR
\set noises :abs_srcdir '/sql/include/noises.sql'
\i :noises
\set plan_of :abs_srcdir '/sql/include/plan_of.sql'
\i :plan_of

-- part: one row in 2, 10, 100, 1000; area goes with the cluster, so that a filter may exclude what is near.
CREATE TABLE items (id int PRIMARY KEY, area int, note text, v vector(12));
INSERT INTO items SELECT i, i % 9, CASE WHEN i % 3 > 0 THEN 'note ' || i % 100 END, noises(i % 9, 12) + noises(100 + i, 12, 0.3) FROM generate_series(1, 3000) i;
UPDATE items SET v = NULL WHERE id % 250 = 7;
UPDATE items SET v = noises(1, 12, 0) WHERE id % 250 = 8;
VACUUM ANALYZE items;
CREATE INDEX items_l2 ON items USING vecdot (v vector_l2_ops);
CREATE INDEX items_ip ON items USING vecdot (v vector_ip_ops);
CREATE INDEX items_cosine ON items USING vecdot (v);

-- At each recall: min(LIMIT, rows that qualify) rows, all of which qualify, none twice; at 1 the nearest.
CREATE FUNCTION filtered(operator text, query vector, condition text, rows int, OUT counted boolean, OUT exact boolean) LANGUAGE plpgsql AS $$
DECLARE
	statement text := format('SELECT id, v %s (SELECT $1) AS d FROM items WHERE %s ORDER BY v %1$s (SELECT $1) LIMIT %3$s', operator, condition, rows);
	line text;
	uses_index boolean := false;
	setting text;
	ids int[];
	wanted int[];
	found_distances float8[];
	distances float8[];
BEGIN
	counted := true;
	PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true), set_config('enable_indexscan', 'off', true), set_config('enable_bitmapscan', 'off', true);
	EXECUTE format('SELECT array_agg(d) FROM (%s) t', statement) INTO distances USING query;
	EXECUTE format('SELECT array_agg(id) FROM items WHERE %s', condition) INTO wanted;
	PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true), set_config('enable_indexscan', 'on', true);
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || replace(statement, '$1', quote_nullable(query) || '::vector') LOOP
		uses_index := uses_index OR line ~ '(Index Scan using|Index:) items_(l2|ip|cosine)';
	END LOOP;
	IF NOT uses_index THEN
		RAISE EXCEPTION 'unexpected plan of %', statement;
	END IF;
	FOREACH setting IN ARRAY '{0.5,0.8,0.95,0.99,0.9999,1}'::text[] LOOP
		PERFORM set_config('vecdot.recall', setting, true);
		EXECUTE format('SELECT array_agg(id), array_agg(d) FROM (%s) t', statement) INTO ids, found_distances USING query;
		counted := counted AND coalesce(cardinality(ids), 0) = least(rows, coalesce(cardinality(wanted), 0)) AND coalesce(ids <@ wanted, ids IS NULL)
			AND (SELECT count(DISTINCT i) FROM unnest(ids) i) = coalesce(cardinality(ids), 0);
	END LOOP;
	exact := found_distances IS NOT DISTINCT FROM distances;
END $$;
SELECT condition, (SELECT count(*) FROM items) AS of, bool_and(f.counted) AS counted, bool_and(f.exact) AS exact
  FROM unnest('{true,id % 2 = 0,id % 10 = 1,id % 100 = 3,id % 1000 = 5,id = 1234,id < 0,area = 4,area <> 0 AND area <> 1,note IS NULL,note = ''note 17'',v IS NULL,v IS NOT NULL,v <-> noises(2\, 12) < 2,v <=> v = ''NaN'',id % 250 IN (7\, 8)}'::text[]) WITH ORDINALITY c(condition, n),
       unnest('{<->,<#>,<=>}'::text[]) o, generate_series(0, 1) q, unnest('{1,10,500}'::int[]) k, LATERAL filtered(o, noises(q, 12) + noises(900 + q, 12, 0.2), condition, k) f
 GROUP BY n, condition ORDER BY n;

-- What the filter rejects comes first: rows of the query's own cluster, all but the farthest.
SET enable_seqscan = off; SET enable_sort = off;
SELECT s, array_agg(DISTINCT area) AS areas, count(*)
  FROM unnest('{0.5,0.99,1}'::text[]) s, LATERAL (SELECT set_config('vecdot.recall', s, false)) x,
       LATERAL (SELECT area FROM items WHERE area IN (2, 7) AND s > '' ORDER BY v <-> noises(4, 12) LIMIT 600) t GROUP BY s ORDER BY s;
SELECT s, count(*) FROM unnest('{0.5,0.99,1}'::text[]) s, LATERAL (SELECT set_config('vecdot.recall', s, false)) x,
       LATERAL (SELECT id FROM items WHERE s > '' AND v <-> noises(4, 12) > (SELECT max(v <-> noises(4, 12)) - 0.001 FROM items) ORDER BY v <-> noises(4, 12) LIMIT 1) t GROUP BY s ORDER BY s;
SET vecdot.recall = 0.5;
-- Joins and semijoins as filters; expensive and volatile ones are asked little beyond the limit.
CREATE TABLE allowed AS SELECT id FROM items WHERE id % 70 = 4;
SET enable_hashjoin = off; SET enable_mergejoin = off;
SELECT count(*), count(DISTINCT id), bool_and(id % 70 = 4) FROM (SELECT i.id FROM items i WHERE EXISTS (SELECT FROM allowed a WHERE a.id = i.id) ORDER BY i.v <=> noises(3, 12) LIMIT 30) t;
RESET enable_hashjoin;
SELECT count(*), bool_and(id % 70 = 4) FROM (SELECT i.id FROM items i JOIN allowed a ON a.id = i.id ORDER BY i.v <=> noises(3, 12) LIMIT 43) t;
SELECT count(*) FROM (SELECT id FROM items WHERE id NOT IN (SELECT id FROM allowed) ORDER BY v <=> noises(3, 12) LIMIT 100) t;
CREATE SEQUENCE asked;
SELECT count(*) FROM (SELECT id FROM items WHERE nextval('asked') > 20 ORDER BY v <-> noises(6, 12) LIMIT 5) t;
SELECT last_value BETWEEN 25 AND 60 AS few FROM asked;
-- Groups of the nearest, a window over them, a distance in the filter as well.
SELECT count(*), max(d) < 2.5 AS near FROM (SELECT v <-> noises(5, 12) AS d FROM items WHERE v <-> noises(5, 12) < 2.5 ORDER BY v <-> noises(5, 12) LIMIT 20) t;
SELECT count(*) FROM (SELECT id, rank() OVER (ORDER BY v <-> noises(5, 12)) AS r FROM items) t WHERE r <= 7;
SELECT count(*), count(DISTINCT area) FROM (SELECT DISTINCT ON (area) area, d FROM (SELECT area, v <-> noises(5, 12) AS d FROM items ORDER BY v <-> noises(5, 12) LIMIT 3000) t ORDER BY area, d) u;

-- A partial index holds what its condition says, and serves queries that imply it.
CREATE FUNCTION odd(int) RETURNS boolean IMMUTABLE LANGUAGE sql AS $$ SELECT $1 % 2 = 1 $$;
DROP INDEX items_l2;
CREATE INDEX items_odd ON items USING vecdot (v vector_l2_ops) WHERE odd(id);
CREATE INDEX items_area ON items USING vecdot (((v + '[1,0,0,0,0,0,0,0,0,0,0,-1]')::vector(12)) vector_l2_ops) WHERE area = 3;
SET vecdot.recall = 1;
SELECT plan_of('SELECT id FROM items WHERE id % 2 = 1 ORDER BY v <-> (SELECT v FROM items WHERE id = 3) LIMIT 5');
SELECT count(*) FROM (SELECT id FROM items WHERE id % 2 = 1 ORDER BY v <-> (SELECT v FROM items WHERE id = 3)) t;
SELECT plan_of($$SELECT id FROM items WHERE area = 3 ORDER BY (v + '[1,0,0,0,0,0,0,0,0,0,0,-1]')::vector(12) <-> (SELECT v FROM items WHERE id = 3) LIMIT 5$$);
SELECT count(*), bool_and(area = 3) FROM (SELECT area FROM items WHERE area = 3 ORDER BY (v + '[1,0,0,0,0,0,0,0,0,0,0,-1]')::vector(12) <-> (SELECT v FROM items WHERE id = 3)) t;
-- Rows move into it and out of it.
UPDATE items SET id = id + 1000001 WHERE id % 100 = 1;
UPDATE items SET id = id + 1000001 WHERE id < 1000 AND id % 100 = 2;
SELECT count(*), (SELECT count(*) FROM items i WHERE odd(i.id)) AS counted, bool_and(odd(id)) FROM (SELECT id FROM items WHERE odd(id) ORDER BY v <-> (SELECT v FROM items WHERE id = 3)) t;
-- The share that is asked for is one of the rows that qualify, however deep they are: 40 clusters of 300 rows, of which
-- the filter takes any rows, or all but the query's own cluster, or one that is far away.
RESET vecdot.recall;
CREATE TABLE deep (id int PRIMARY KEY, area int, v vector(32));
INSERT INTO deep SELECT i, i % 40, noises(i % 40, 32) + noises(1000 + i, 32, 0.7) FROM generate_series(1, 12000) i;
ANALYZE deep;
CREATE INDEX deep_v ON deep USING vecdot (v vector_l2_ops);
CREATE FUNCTION filtered_recall(asked text, condition text, rows int) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	statement text;
	found float8[];
	nearest float8[];
	hits int := 0;
	wanted int := 0;
BEGIN
	FOR q IN 1..20 LOOP
		statement := format('SELECT array_agg(v <-> %1$L) FROM (SELECT v FROM deep WHERE %2$s ORDER BY v <-> %1$L LIMIT %3$s) t',
			noises(q, 32) + noises(90000 + q, 32, 0.7), replace(condition, 'own', q::text), rows);
		PERFORM set_config('vecdot.recall', '1', true);
		EXECUTE statement INTO nearest;
		PERFORM set_config('vecdot.recall', asked, true);
		EXECUTE statement INTO found;
		hits := hits + (SELECT count(*) FROM unnest(found) f WHERE f <= (SELECT max(n) FROM unnest(nearest) n));
		wanted := wanted + cardinality(nearest);
	END LOOP;
	RETURN hits::float8 / wanted;
END $$;
SELECT asked, condition, rows, filtered_recall(asked::text, condition, rows) > asked - 0.02 AS kept
  FROM (VALUES ('true', 1000), ('id % 100 = 7', 10), ('area <> own', 100), ('area = (own + 20) % 40', 10)) c(condition, rows), unnest('{0.9,0.99}'::float8[]) asked
 ORDER BY asked, condition;
SET client_min_messages = warning;
DROP SCHEMA index_filter CASCADE;
