-- The index under UPDATE, DELETE and VACUUM, which rewrites, merges and splits cells.
SET vecdot.recall = 1;
SET enable_seqscan = off;

CREATE TABLE changing (id integer, note integer DEFAULT 0, v vector(24)) WITH (autovacuum_enabled = off);

-- Forty clusters.
CREATE FUNCTION place(n integer) RETURNS vector
	LANGUAGE sql IMMUTABLE AS
	$$ SELECT array_agg(sin((n % 40) * 17.0 + i * i * 1.7) * 3 + sin(n * 0.731 + i * n * 1.13))::real[]::vector
	     FROM generate_series(1, 24) i $$;

-- Queries whose nearest 20 rows by the index are not those by a sort; rows that a whole scan returns.
CREATE FUNCTION checked(table_name text) RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE
	q vector;
	by_index integer[];
	by_sort integer[];
	wrong integer := 0;
	answer text;
BEGIN
	FOR n IN 1..10 LOOP
		q := place(n * 7919 + 3);
		EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM %I ORDER BY v <-> $1 LIMIT 20) t', table_name)
			INTO by_index USING q;
		EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM %I ORDER BY (v <-> $1) + 0 LIMIT 20) t', table_name)
			INTO by_sort USING q;
		wrong := wrong + (by_index IS DISTINCT FROM by_sort)::integer;
	END LOOP;
	EXECUTE format('SELECT count(*) || '' rows, '' || count(DISTINCT id) || '' different, '' || $2 || '' wrong''
		FROM (SELECT id FROM %I ORDER BY v <-> $1) t', table_name) INTO answer USING place(1), wrong;
	RETURN answer;
END $$;

INSERT INTO changing SELECT n, 0, CASE WHEN n % 100 > 0 THEN place(n) END FROM generate_series(1, 4000) n;
CREATE INDEX changing_v ON changing USING vecdot (v vector_l2_ops);
SELECT checked('changing');

-- All rows replaced, the vectors as they were.
UPDATE changing SET note = note + 1;
SELECT checked('changing');
VACUUM changing;
SELECT checked('changing'), vecdot_index_check('changing_v', true);

-- Every vector another one.
UPDATE changing SET v = place(id + 17) WHERE v IS NOT NULL;
SELECT checked('changing');
VACUUM changing;
SELECT checked('changing'), vecdot_index_check('changing_v', true);

-- Most of a table goes; a search reads less.
CREATE FUNCTION pages_read() RETURNS bigint
	LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT id FROM changing ORDER BY v <-> place(1)' INTO plan;
	plan := plan->0->'Plan';
	RETURN (plan->>'Shared Hit Blocks')::bigint + (plan->>'Shared Read Blocks')::bigint;
END $$;
CREATE TABLE work AS SELECT pages_read() AS pages;
DELETE FROM changing WHERE id % 10 > 0;
SELECT checked('changing');
VACUUM changing;
SELECT checked('changing'), vecdot_index_check('changing_v', true);
SELECT pages_read() * 4 < pages AS "less work" FROM work;

-- And all of it.
DELETE FROM changing;
VACUUM changing;
SELECT checked('changing'), vecdot_index_check('changing_v', true);
SELECT pages_read() < 40 AS "next to no work";

-- The cells that are left take new rows.
INSERT INTO changing SELECT n, 0, place(n) FROM generate_series(1, 4000) n;
VACUUM changing;
SELECT checked('changing'), vecdot_index_check('changing_v', true);
UPDATE changing SET note = note + 1;
VACUUM changing;
UPDATE changing SET note = note + 1;
VACUUM changing;
SELECT checked('changing'), vecdot_index_check('changing_v', true);

-- NULL and zero vectors come and go.
UPDATE changing SET v = NULL WHERE id % 2 = 0;
VACUUM changing;
SELECT checked('changing'), vecdot_index_check('changing_v', true);
SELECT count(*) FROM (SELECT v FROM changing ORDER BY v <-> place(1)) t WHERE v IS NULL;
UPDATE changing SET v = place(id) WHERE id % 2 = 0;
VACUUM changing;
SELECT checked('changing'), vecdot_index_check('changing_v', true);

-- While a deletion is not committed, or was rolled back, nothing is gone.
BEGIN;
DELETE FROM changing WHERE id > 2000;
SELECT checked('changing');
ROLLBACK;
VACUUM changing;
SELECT checked('changing'), vecdot_index_check('changing_v', true);

-- REINDEX makes it new.
REINDEX INDEX changing_v;
SELECT checked('changing');

DROP TABLE changing, work;
DROP FUNCTION checked, pages_read, place;
