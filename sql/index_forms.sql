-- What people write: ranges, functions for operators, the largest first, a second sort column. Each gives at recall 1 what a scan of the table gives.
CREATE SCHEMA index_forms;
SET search_path = index_forms, public;
SET jit = off;
SET max_parallel_workers_per_gather = 0;
\getenv abs_srcdir PG_ABS_SRCDIR
\set noises :abs_srcdir '/sql/include/noises.sql'
\i :noises
CREATE TABLE items (id int PRIMARY KEY, a int, v vector(8), h halfvec(8), b bit(32));
INSERT INTO items SELECT id, id % 100, v, v::halfvec(8), substring(hashint8extended(id, 1)::bit(64) FOR 32)
  FROM (SELECT i, noises(i % 20, 8) + noises(100 + i, 8, 0.4) FROM generate_series(1, 3000) i) t(id, v);
-- Vectors without a distance, or without a direction; equal ones.
INSERT INTO items SELECT i, i % 100, CASE WHEN i % 2 = 0 THEN noises(1, 8, 0) END, CASE WHEN i % 2 = 0 THEN noises(1, 8, 0)::halfvec(8) END
  FROM generate_series(5001, 5010) i;
INSERT INTO items SELECT 6000 + i, a, v, h, b FROM items, generate_series(1, 5) i WHERE id = 77;
CREATE INDEX items_l2 ON items USING vecdot (v vector_l2_ops);
CREATE INDEX items_ip ON items USING vecdot (v vector_ip_ops);
CREATE INDEX items_cosine ON items USING vecdot (v);
CREATE INDEX items_half_ip ON items USING vecdot (h halfvec_ip_ops);
CREATE INDEX items_half_cosine ON items USING vecdot (h);
CREATE INDEX items_bit ON items USING vecdot (b bit_hamming_ops);
CREATE INDEX ON items (a);
VACUUM ANALYZE items;

CREATE FUNCTION plan_of(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || replace(statement, '$q', '''[1,0,0,0,0,0,0,0]''::vector') LOOP
		IF line !~ 'Disabled' THEN
			RETURN NEXT line;
		END IF;
	END LOOP;
END $$;
-- Which index the node uses for a statement, and the ways whose answer differs from the table's, over some queries, of which
-- the first is zero.
CREATE FUNCTION differing(statement text, OUT index text, OUT ways text) LANGUAGE plpgsql AS $$
DECLARE
	query vector;
	given text;
	a text;
	b text;
	way text;
	line text;
BEGIN
	ways := '';
	FOR i IN 0..4 LOOP
		query := noises(i, 8, least(i, 1)) + noises(70 + i, 8, 0.3 * least(i, 1));
		given := replace(statement, '$q', format('%L::vector', query));
		given := replace(given, '$h', format('%L::halfvec', query));
		given := replace(given, '$b', format('%L::bit(32)', substring(hashint8extended(i, 7)::bit(64) FOR 32)));
		PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('enable_seqscan', 'on', true), set_config('vecdot.search_node', 'off', true);
		EXECUTE format('SELECT string_agg(t::text, '';'') FROM (%s) t', given) INTO a;
		PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_bitmapscan', 'on', true), set_config('enable_seqscan', 'off', true), set_config('vecdot.search_node', 'on', true);
		FOREACH way IN ARRAY '{auto,last,index,first}'::text[] LOOP
			PERFORM set_config('vecdot.filter_way', way, true);
			EXECUTE format('SELECT string_agg(t::text, '';'') FROM (%s) t', given) INTO b;
			IF a IS DISTINCT FROM b THEN
				ways := ways || ' ' || i || ' ' || way;
			END IF;
		END LOOP;
		FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || given LOOP
			index := coalesce(substring(line FROM '^ *Index: (.*)$'), index);
		END LOOP;
	END LOOP;
END $$;
CREATE TABLE statements (n int PRIMARY KEY, statement text);

-- A radius, with and without an order and a LIMIT.
SET enable_seqscan = off; SET enable_bitmapscan = off;
SELECT plan_of('SELECT id FROM items WHERE v <-> $q < 0.9');
SELECT plan_of('SELECT id FROM items WHERE v <=> $q BETWEEN 0.1 AND 0.4 ORDER BY v <=> $q');
SELECT plan_of('SELECT id FROM items WHERE 0.8 <= cosine_similarity(v, $q) AND a < 90 LIMIT 3');
RESET enable_seqscan; RESET enable_bitmapscan;
INSERT INTO statements VALUES
	(1, 'SELECT count(*), sum(id) FROM items WHERE v <-> $q < 1.2'),
	(2, 'SELECT id FROM items WHERE v <-> $q <= 1.2 ORDER BY v <-> $q, id'),
	(3, 'SELECT v <-> $q AS d FROM items WHERE 1.2 > $q <-> v ORDER BY v <-> $q'),
	(4, 'SELECT array_agg(id ORDER BY id + 0) FROM items WHERE v <=> $q BETWEEN 0.05 AND 0.2'),
	(5, 'SELECT array_agg(id ORDER BY id + 0) FROM items WHERE v <#> $q < -1.5'),
	(6, 'SELECT array_agg(id ORDER BY id + 0) FROM items WHERE h <=> $h < 0.1'),
	(7, 'SELECT array_agg(id ORDER BY id + 0) FROM items WHERE b <~> $b <= 10'),
	(8, 'SELECT array_agg(id ORDER BY id + 0) FROM items WHERE v @ $q > 1.5'),
	(9, 'SELECT array_agg(id ORDER BY id + 0) FROM items WHERE cosine_similarity(v, $q) >= 0.9'),
	(10, 'SELECT array_agg(id ORDER BY id + 0) FROM items WHERE 1 - (v <=> $q) > 0.9 AND a % 10 < 9'),
	(11, 'SELECT array_agg(id ORDER BY id + 0) FROM items WHERE 0.9 < 1 - (v <=> $q) AND a + 0 = 77'),
	(12, 'SELECT array_agg(id ORDER BY id + 0) FROM items WHERE -(v <#> $q) > 1.2'),
	(13, 'SELECT array_agg(id ORDER BY id + 0) FROM items WHERE l2_distance(v, $q) < 1 AND v <-> $q > 0.5'),
	(14, 'SELECT count(*) FROM items WHERE v <-> $q < ''NaN'''),
	(15, 'SELECT count(*) FROM items WHERE 1 - (v <=> $q) > ''NaN'''),
	(16, 'SELECT count(*) FROM items WHERE 1 - (v <=> $q) >= ''NaN'''),
	(17, 'SELECT count(*) FROM items WHERE v <-> $q < (SELECT 1.1)'),
	(18, 'SELECT count(*) FROM items WHERE v <-> $q < (SELECT NULL::float8)'),
	(19, 'SELECT count(*) FROM items WHERE v <-> $q < 0'),
	(20, 'SELECT count(*) FROM (SELECT id FROM items WHERE v <-> $q < 1.2 LIMIT 3) t'),
	(21, 'SELECT d < 1.2 AS within, count(*) FROM (SELECT v <-> $q AS d FROM items WHERE v <-> $q < 1.2 OFFSET 2) t GROUP BY 1'),
	(22, 'SELECT a, count(*), avg(id) FROM items WHERE v <-> $q < 1.5 GROUP BY a ORDER BY a'),
	(23, 'SELECT count(*), sum(i.id) FROM items i JOIN items j ON j.a = i.a WHERE i.v <-> $q < 1 AND j.v <-> $q < 1.2'),
	(24, 'SELECT id FROM items WHERE 1 - (v <=> $q) > 0.9 ORDER BY v <=> $q, id'),
	(25, 'SELECT v <=> $q FROM items WHERE 1 - (v <=> $q) > 0.9 ORDER BY v <=> $q LIMIT 300'),
	(26, 'SELECT v <=> $q FROM items WHERE v <=> $q < 0.2 ORDER BY 1 - (v <=> $q) DESC LIMIT 300'),
	(27, 'SELECT v <=> $q FROM items WHERE v <=> $q < 0.2 ORDER BY 1 - (v <=> $q) DESC NULLS LAST OFFSET 2 LIMIT 7'),
	(28, 'SELECT x, (SELECT count(*) FROM items WHERE v <-> $q < x.x AND a > x.x) FROM (VALUES (0.5), (1), (1.5)) x(x)');
SET vecdot.recall = 1;
SELECT n, (differing(statement)).* FROM statements ORDER BY n;
-- Below recall 1 at least the share of those within.
SET vecdot.recall = 0.9;
SET enable_seqscan = off;
SELECT sum(found) <= sum(there) AND sum(found) >= 0.9 * sum(there) AS share, sum(there) > 300 AS some
  FROM generate_series(1, 60) q,
       LATERAL (SELECT count(*) AS found FROM (SELECT id FROM items WHERE v <-> (noises(q, 8) + noises(500 + q, 8, 0.4)) < 0.8 OFFSET 0) t) f,
       LATERAL (SELECT count(*) AS there FROM items WHERE (v <-> (noises(q, 8) + noises(500 + q, 8, 0.4))) + 0 < 0.8) t;
RESET enable_seqscan;
-- With parameters of a generic plan, in a function, to a cursor.
SET plan_cache_mode = force_generic_plan;
PREPARE within(vector, float8) AS SELECT count(*) FROM items WHERE v <-> $1 < $2;
EXPLAIN (COSTS off) EXECUTE within('[1]', 1);
SET vecdot.recall = 1;
EXECUTE within('[1,0,0,0,0,0,0,0]', 1.2);
SELECT count(*) FROM items WHERE (v <-> '[1,0,0,0,0,0,0,0]') + 0 < 1.2;
EXECUTE within('[1,0,0,0,0,0,0,0]', NULL);
EXECUTE within(NULL, 1);
EXECUTE within('[1]', 1);
RESET plan_cache_mode;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id < 0 FROM items WHERE v <-> '[1,0,0,0,0,0,0,0]' < 1.1;
MOVE 5 c;
FETCH 2 c;
FETCH BACKWARD 3 c;
ROLLBACK;
-- Partitions; a partial index.
CREATE TABLE parts (id int, v vector(8)) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (1000);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (1000) TO (10000);
INSERT INTO parts SELECT id, v FROM items;
CREATE INDEX ON parts USING vecdot (v vector_l2_ops);
ANALYZE parts;
SET enable_seqscan = off;
SELECT plan_of('SELECT id FROM parts WHERE v <-> $q < 1');
SELECT (SELECT array_agg(id ORDER BY id) FROM parts WHERE v <-> '[1,0,0,0,0,0,0,0]' < 1.2) = (SELECT array_agg(id ORDER BY id) FROM items WHERE v <-> '[1,0,0,0,0,0,0,0]' < 1.2) AS same;
RESET enable_seqscan;
-- Rows that are changed or locked, and the least of all, are found by proof.
SELECT plan_of('DELETE FROM items WHERE v <-> $q < 0.9');
SELECT plan_of('SELECT id FROM items WHERE v <-> $q < 0.9 FOR UPDATE');
SELECT plan_of('SELECT min(v <-> $q) FROM items WHERE v <-> $q < 0.9') LIMIT 5;
-- Neither ends a search: a lower bound, another vector in the order.
SELECT plan_of('SELECT id FROM items WHERE v <-> $q > 0.9');
SELECT plan_of('SELECT id FROM items WHERE v <-> ''[2,0,0,0,0,0,0,0]'' < 0.9 ORDER BY v <-> $q LIMIT 3');

-- Functions for operators; the largest first, with the rows that have no number where they belong.
SET enable_seqscan = off; SET enable_sort = off;
SELECT plan_of('SELECT id, 1 - (v <=> $q) AS similarity FROM items ORDER BY similarity DESC LIMIT 3');
SELECT plan_of('SELECT id FROM items WHERE v IS NOT NULL ORDER BY v @ $q DESC LIMIT 3');
RESET enable_seqscan; RESET enable_sort;
TRUNCATE statements;
INSERT INTO statements VALUES
	(1, 'SELECT l2_distance(v, $q) AS d FROM items ORDER BY l2_distance(v, $q) LIMIT 30'),
	(2, 'SELECT cosine_distance($q, v) AS d FROM items ORDER BY d LIMIT 30'),
	(3, 'SELECT vector_negative_inner_product(v, $q) AS d FROM items ORDER BY d LIMIT 30'),
	(4, 'SELECT h <=> $h FROM items ORDER BY cosine_distance(h, $h) LIMIT 30'),
	(5, 'SELECT hamming_distance(b, $b) AS d FROM items ORDER BY hamming_distance(b, $b) LIMIT 30'),
	(6, 'SELECT v @ $q AS d FROM items ORDER BY v @ $q DESC LIMIT 30'),
	(7, 'SELECT v @ $q AS d FROM items ORDER BY $q @ v DESC NULLS LAST LIMIT 30'),
	(8, 'SELECT dot(v, $q) AS d FROM items WHERE a % 10 < 9 ORDER BY dot(v, $q) DESC NULLS LAST LIMIT 30'),
	(9, 'SELECT inner_product(v, $q) AS d FROM items WHERE v IS NOT NULL ORDER BY d DESC LIMIT 30'),
	(10, 'SELECT cosine_similarity(v, $q) AS d FROM items ORDER BY d DESC LIMIT 30'),
	(11, 'SELECT cosine_similarity(v, $q) AS d FROM items ORDER BY d DESC NULLS LAST LIMIT 30'),
	(12, 'SELECT cosine_similarity(v, $q) AS d FROM items WHERE id < 5000 ORDER BY d DESC LIMIT 30'),
	(13, 'SELECT 1 - (v <=> $q) AS d FROM items ORDER BY d DESC LIMIT 30'),
	(14, 'SELECT 1 - (v <=> $q) AS d FROM items ORDER BY d DESC NULLS LAST LIMIT 30'),
	(15, 'SELECT -(v <#> $q) AS d FROM items ORDER BY d DESC NULLS LAST OFFSET 5 LIMIT 30'),
	(16, 'SELECT (v <#> $q) * -1 AS d FROM items ORDER BY d DESC NULLS LAST LIMIT 30'),
	(17, 'SELECT v <-> $q AS d FROM items ORDER BY -(v <-> $q) DESC NULLS LAST LIMIT 4000'),
	(18, 'SELECT v <-> $q AS d FROM items ORDER BY v <-> $q NULLS FIRST LIMIT 30'),
	(19, 'SELECT cosine_similarity(v, $q) AS d FROM items WHERE a + 0 = 5 ORDER BY d DESC LIMIT 4000'),
	(20, 'SELECT cosine_similarity(v, $q) AS d FROM items WHERE a + 0 = 5 ORDER BY d DESC NULLS LAST LIMIT 4000'),
	(21, 'SELECT inner_product(h, $h) AS d FROM items ORDER BY d DESC NULLS LAST LIMIT 30'),
	(22, 'SELECT 1 - (h <=> $h) AS d FROM items WHERE h IS NOT NULL ORDER BY d DESC LIMIT 30'),
	(23, 'SELECT x, i.d FROM generate_series(1, 3) x, LATERAL (SELECT v @ $q AS d FROM items WHERE a % 3 + 1 = x ORDER BY v @ $q DESC LIMIT 4) i'),
	(24, 'SELECT v @ $q AS d, v @ NULL AS e FROM items WHERE a + 0 = 1 ORDER BY v @ (SELECT NULL::vector) DESC LIMIT 0');
SET vecdot.recall = 1;
SELECT n, (differing(statement)).* FROM statements ORDER BY n;
-- Below 1 too: the order is exact, and the rows without a number are first.
SET vecdot.recall = 0.5;
SELECT bool_and(d >= next) FROM (SELECT d, lead(d, 1, d) OVER () AS next FROM (SELECT v @ '[1,0,0,0,0,0,0,0]' AS d FROM items ORDER BY d DESC NULLS LAST LIMIT 2000) t) t;
SELECT cosine_similarity(v, '[1,0,0,0,0,0,0,0]') FROM items WHERE id > 5002 ORDER BY cosine_similarity(v, '[1,0,0,0,0,0,0,0]') DESC LIMIT 6;
-- Not the nearest: no index.
SELECT plan_of('SELECT id FROM items ORDER BY v @ $q LIMIT 3');
SELECT plan_of('SELECT id FROM items ORDER BY v <-> $q DESC LIMIT 3');
SELECT plan_of('SELECT id FROM items ORDER BY 2 - (v <=> $q) DESC LIMIT 3');
-- A function of this name that is another.
CREATE FUNCTION dot(vector, vector) RETURNS float8 IMMUTABLE STRICT LANGUAGE plpgsql AS 'BEGIN RETURN public.dot($1, $2); END';
SELECT plan_of('SELECT id FROM items ORDER BY index_forms.dot(v, $q) DESC LIMIT 3');
-- A second sort column: whoever sorts gets all rows that are as far as the last.
SET enable_seqscan = off;
SELECT plan_of('SELECT id FROM items ORDER BY b <~> repeat(''01'', 16)::bit(32), id LIMIT 3');
RESET enable_seqscan;
TRUNCATE statements;
INSERT INTO statements VALUES
	(1, 'SELECT id FROM items ORDER BY b <~> $b, id LIMIT 30'),
	(2, 'SELECT id, b <~> $b FROM items ORDER BY b <~> $b, id DESC OFFSET 100 LIMIT 1'),
	(3, 'SELECT id FROM items WHERE a % 10 < 7 ORDER BY b <~> $b, a, id LIMIT 700'),
	(4, 'SELECT id FROM items ORDER BY v <-> $q, id LIMIT 8'),
	(5, 'SELECT id FROM items ORDER BY v <-> (SELECT v FROM items WHERE id = 77), id LIMIT 2'),
	(6, 'SELECT id FROM items ORDER BY v <-> (SELECT v FROM items WHERE id = 77), id DESC LIMIT 3'),
	(7, 'SELECT id FROM items ORDER BY v <-> $q, id DESC LIMIT 3009'),
	(8, 'SELECT id FROM items ORDER BY v @ $q DESC, id LIMIT 2'),
	(9, 'SELECT id FROM items ORDER BY cosine_similarity(v, $q) DESC, id LIMIT 7'),
	(10, 'SELECT id FROM items ORDER BY v <=> (SELECT NULL::vector), a, id LIMIT 7'),
	(11, 'SELECT x, i.id FROM generate_series(1, 3) x, LATERAL (SELECT id FROM items WHERE a % 3 + 1 = x ORDER BY b <~> $b, id LIMIT 4) i'),
	(12, 'SELECT id FROM items WHERE b <~> $b < 12 ORDER BY b <~> $b, id LIMIT 4');
SET vecdot.recall = 1;
SELECT n, (differing(statement)).* FROM statements ORDER BY n;
SET work_mem = '64kB';
SELECT (differing('SELECT id FROM items ORDER BY b <~> $b, id LIMIT 900')).*;
RESET work_mem;
SET client_min_messages = warning;
DROP SCHEMA index_forms CASCADE;
