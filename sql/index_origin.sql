-- Rows far from 0 and near each other, beside what they have in common: the index takes an origin among them off.
CREATE SCHEMA index_origin;
SET search_path = index_origin, public;
SET jit = off;
\getenv abs_srcdir PG_ABS_SRCDIR
\set noises :abs_srcdir '/sql/include/noises.sql'
\i :noises
SET enable_seqscan = off;

-- Noise of 1 around 10,000; and positions in metres, two towns of one country.
CREATE FUNCTION far(n int) RETURNS vector IMMUTABLE LANGUAGE sql
	AS $$ SELECT array_agg((10000 + noise(n, i))::real ORDER BY i)::vector FROM generate_series(1, 16) i $$;
CREATE FUNCTION metres(n int) RETURNS vector IMMUTABLE LANGUAGE sql
	AS $$ SELECT array[500000 + n % 2 * 90000 + 4000 * noise(n, 1), 5400000 + n % 2 * 50000 + 3000 * noise(n, 2)]::real[]::vector $$;

-- The index at recall 1 gives what a sort gives; below, enough of it; and few rows are fetched for it.
CREATE FUNCTION judged(name text, make text, operator text, index regclass, at_most int DEFAULT 25) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	q vector;
	recall float8;
	by_index float8[];
	by_sort float8[];
	found bigint := 0;
	wrong bigint := 0;
	fetched float8;
BEGIN
	FOR n IN 1..10 LOOP
		EXECUTE format('SELECT %s(%s)', make, 1000000 + n) INTO q;
		EXECUTE format('SELECT array_agg(d) FROM (SELECT (v %s $1) + 0 AS d FROM %I ORDER BY 1 LIMIT 10) t', operator, name)
			INTO by_sort USING q;
		FOREACH recall IN ARRAY ARRAY[0.9, 1] LOOP
			PERFORM set_config('vecdot.recall', recall::text, true);
			EXECUTE format('SELECT array_agg(d) FROM (SELECT v %1$s $1 AS d FROM %2$I ORDER BY v %1$s $1 LIMIT 10) t', operator, name)
				INTO by_index USING q;
			IF recall < 1 THEN
				found := found + (SELECT count(*) FROM unnest(by_index) d WHERE d <= by_sort[10]);
			ELSE
				wrong := wrong + (by_index IS DISTINCT FROM by_sort)::int;
			END IF;
		END LOOP;
	END LOOP;
	SELECT max(fetched_rows) INTO fetched FROM unnest(ARRAY[0.9, 1]) r,
		LATERAL (SELECT set_config('vecdot.recall', r::text, true)) s, LATERAL vecdot_index_recall(index, 10, 20) WHERE s IS NOT NULL;
	PERFORM vecdot_index_check(index, true);
	RETURN format('%s wrong, %s, %s', wrong, CASE WHEN found >= 85 THEN 'found' ELSE format('%s of 100 found', found) END,
		CASE WHEN fetched <= at_most THEN 'few fetched' ELSE format('%s fetched', fetched) END);
END $$;

CREATE TABLE noise16 (id int, v vector(16));
INSERT INTO noise16 SELECT n, far(n) FROM generate_series(1, 3000) n;
CREATE TABLE map (id int, v vector(2));
INSERT INTO map SELECT n, metres(n) FROM generate_series(1, 3000) n;

-- Built.
CREATE INDEX noise16_l2 ON noise16 USING vecdot (v vector_l2_ops);
CREATE INDEX map_l2 ON map USING vecdot (v vector_l2_ops);
SELECT judged('noise16', 'far', '<->', 'noise16_l2'), judged('map', 'metres', '<->', 'map_l2');
DROP INDEX noise16_l2;
CREATE INDEX noise16_cosine ON noise16 USING vecdot (v vector_cosine_ops);
SELECT judged('noise16', 'far', '<=>', 'noise16_cosine');
DROP INDEX noise16_cosine;

-- Grown from nothing, row by row; where the first are rows of another kind.
CREATE TABLE grown (LIKE noise16);
CREATE INDEX grown_l2 ON grown USING vecdot (v vector_l2_ops);
INSERT INTO grown SELECT * FROM noise16 WHERE id <= 2000;
SELECT judged('grown', 'far', '<->', 'grown_l2');
DROP INDEX grown_l2;
TRUNCATE grown;
CREATE INDEX grown_cosine ON grown USING vecdot (v vector_cosine_ops);
INSERT INTO grown SELECT * FROM noise16 WHERE id <= 2000;
SELECT judged('grown', 'far', '<=>', 'grown_cosine');
DROP INDEX grown_cosine;
TRUNCATE grown;
CREATE INDEX grown_l2 ON grown USING vecdot (v vector_l2_ops);
INSERT INTO grown SELECT -n, noises(n, 16) FROM generate_series(1, 40) n;
INSERT INTO grown SELECT * FROM noise16;
SELECT judged('grown', 'far', '<->', 'grown_l2');

-- All rows move to somewhere else: so does the origin.
DELETE FROM grown WHERE id % 500 <> 0;
VACUUM grown;
INSERT INTO grown SELECT id, -2 * v FROM noise16;
DELETE FROM grown WHERE v @ v > 0 AND v[1] > 0;
VACUUM grown;
CREATE FUNCTION near_there(n int) RETURNS vector IMMUTABLE LANGUAGE sql AS $$ SELECT -2 * far(n) $$;
SELECT judged('grown', 'near_there', '<->', 'grown_l2', 500);    -- by VACUUM, from codes that were made far from the old origin

-- Nothing but the origin is left, in a file that vacuum has cut.
DELETE FROM grown;
VACUUM grown;
SELECT vecdot_index_check('grown_l2', true), pg_relation_size('grown_l2') < 200000 AS small;
INSERT INTO grown SELECT id, -2 * v FROM noise16 WHERE id <= 1000;
SELECT judged('grown', 'near_there', '<->', 'grown_l2');

-- Rows that are far from the others, as far as there is, and queries there.
INSERT INTO grown SELECT -n, (10 ^ n)::real * noises(n, 16) FROM generate_series(1, 37) n;
SELECT vecdot_index_check('grown_l2', true);
SET vecdot.recall = 1;
SELECT n, (SELECT array_agg(id) FROM (SELECT id FROM grown ORDER BY v <-> q LIMIT 3) t)
        = (SELECT array_agg(id) FROM (SELECT id FROM grown ORDER BY (v <-> q) + 0 LIMIT 3) t) AS same
  FROM (VALUES (1), (10), (20), (30), (37)) k(n), LATERAL (SELECT (10 ^ n)::real * noises(n, 16)) s(q);

SET client_min_messages = warning;
DROP SCHEMA index_origin CASCADE;
