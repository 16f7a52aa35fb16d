-- An index that nobody built: created on an empty table, it splits its cells as rows come.
SET vecdot.recall = 1;
SET enable_seqscan = off;

CREATE TABLE growing (id integer, v vector(24));
CREATE INDEX growing_v ON growing USING vecdot (v vector_l2_ops);

-- Forty clusters.
CREATE FUNCTION place(n integer) RETURNS vector
	LANGUAGE sql IMMUTABLE AS
	$$ SELECT array_agg(sin((n % 40) * 17.0 + i * i * 1.7) * 3 + sin(n * 0.731 + i * n * 1.13))::real[]::vector
	     FROM generate_series(1, 24) i $$;

-- The index agrees with the table: ids of the nearest by an index scan and by a sort.
CREATE FUNCTION differing(table_name text, operator text, queries integer) RETURNS bigint
	LANGUAGE plpgsql AS $$
DECLARE
	q vector;
	by_index integer[];
	by_sort integer[];
	wrong bigint := 0;
BEGIN
	FOR n IN 1..queries LOOP
		q := place(n * 7919 + 3);
		EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM %I ORDER BY v %s $1 LIMIT 20) t', table_name, operator)
			INTO by_index USING q;
		EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM %I ORDER BY (v %s $1) + 0 LIMIT 20) t', table_name, operator)
			INTO by_sort USING q;
		wrong := wrong + (by_index IS DISTINCT FROM by_sort)::integer;
	END LOOP;
	RETURN wrong;
END $$;

-- Every row comes exactly once.
CREATE FUNCTION returned(table_name text) RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE format('SELECT count(*) || '' rows, '' || count(DISTINCT id) || '' different''
		FROM (SELECT id FROM %I ORDER BY v <-> $1) t', table_name) INTO answer USING place(1);
	RETURN answer;
END $$;

CREATE FUNCTION remaining(rest refcursor) RETURNS integer
	LANGUAGE plpgsql AS $$
DECLARE
	one record;
	rows integer := 0;
BEGIN
	LOOP
		FETCH rest INTO one;
		EXIT WHEN NOT FOUND;
		rows := rows + 1;
	END LOOP;
	RETURN rows;
END $$;

INSERT INTO growing SELECT n, place(n) FROM generate_series(1, 3000) n;
SELECT differing('growing', '<->', 10), returned('growing'), vecdot_index_check('growing_v', true);

-- At a recall below 1 nothing is lost in the end either.
SET vecdot.recall = 0.9;
SELECT returned('growing');
SET vecdot.recall = 1;

-- A scan that began before the splits goes on with what it saw.
BEGIN;
DECLARE early CURSOR FOR SELECT id FROM growing ORDER BY v <-> place(1);
FETCH 1 FROM early;
INSERT INTO growing SELECT n, place(n) FROM generate_series(3001, 6000) n;
SELECT remaining('early');
COMMIT;
SELECT differing('growing', '<->', 10), returned('growing');

-- A load in one transaction, whose own snapshot is older than all that it leaves behind, uses its space again; and a
-- scan of its own keeps what it reads.
CREATE TABLE loaded (id integer, v vector(24)) WITH (autovacuum_enabled = off);
CREATE INDEX loaded_v ON loaded USING vecdot (v vector_l2_ops);
INSERT INTO loaded SELECT n, place(n) FROM generate_series(1, 12000) n;
SELECT pg_relation_size('loaded_v') AS size \gset
VACUUM loaded;
SELECT :size < 3.5 * pg_relation_size('loaded_v') AS "uses space again";
BEGIN;
DECLARE own CURSOR FOR SELECT id FROM loaded ORDER BY v <-> place(1);
FETCH 1 FROM own;
INSERT INTO loaded SELECT n, place(n) FROM generate_series(12001, 15000) n;
SELECT remaining('own');
COMMIT;
SELECT returned('loaded'), vecdot_index_check('loaded_v', true);

-- An aborted transaction leaves splits and dead rows.
BEGIN;
INSERT INTO growing SELECT n, place(n) FROM generate_series(6001, 9000) n;
SELECT returned('growing');
ROLLBACK;
SELECT differing('growing', '<->', 10), returned('growing'), vecdot_index_check('growing_v', true);

-- Rows that no split can separate.
CREATE TABLE alike (id integer, v vector(24));
CREATE INDEX ON alike USING vecdot (v vector_l2_ops);
INSERT INTO alike SELECT n, place(1) FROM generate_series(1, 2000) n;
SELECT returned('alike');
-- Most of them alike.
INSERT INTO alike SELECT n, place(n) FROM generate_series(2001, 2400) n;
SELECT returned('alike');
SELECT count(*) FROM (SELECT id FROM alike ORDER BY v <-> place(1) LIMIT 2000) t WHERE id <= 2000;

-- The other metrics; NULLs and zero vectors have lists of their own.
CREATE TABLE others (id integer, v vector(24));
CREATE INDEX others_cosine ON others USING vecdot (v);
INSERT INTO others SELECT n, CASE WHEN n % 50 > 0 THEN place(n) WHEN n % 100 > 0 THEN place(n) * 0 END
	FROM generate_series(1, 3000) n;
SELECT differing('others', '<=>', 10);
SELECT count(*), count(DISTINCT id), count(v) FROM (SELECT id, v FROM others ORDER BY v <=> place(1)) t;
DROP INDEX others_cosine;
TRUNCATE others;
CREATE INDEX others_product ON others USING vecdot (v vector_ip_ops);
INSERT INTO others SELECT n, place(n) FROM generate_series(1, 3000) n;
SELECT differing('others', '<#>', 10);
SELECT count(*), count(DISTINCT id) FROM (SELECT id, v FROM others ORDER BY v <#> place(1)) t;

-- Ever longer rows: the scale that inner product has in an index follows.
TRUNCATE others;
INSERT INTO others SELECT n, place(n) * exp(n / 500.0)::real FROM generate_series(1, 3000) n;
SELECT differing('others', '<#>', 10), vecdot_index_check('others_product', true);
SELECT count(*), count(DISTINCT id) FROM (SELECT id, v FROM others ORDER BY v <#> place(1)) t;
-- Not all rows are in the cell of long rows, which each query reads.
SET vecdot.recall = 0.9;
CREATE FUNCTION pages_read(limit_to text) RETURNS bigint
	LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT id FROM others ORDER BY v <#> place(1) LIMIT ' || limit_to INTO plan;
	plan := plan->0->'Plan';
	RETURN (plan->>'Shared Hit Blocks')::bigint + (plan->>'Shared Read Blocks')::bigint;
END $$;
SELECT pages_read('1') * 3 < pages_read('100000') AS "reads a part";
SET vecdot.recall = 1;

-- Temporary and unlogged tables.
CREATE TEMPORARY TABLE passing (id integer, v vector(24));
CREATE INDEX ON passing USING vecdot (v vector_l2_ops);
INSERT INTO passing SELECT n, place(n) FROM generate_series(1, 1000) n;
SELECT returned('passing');
CREATE UNLOGGED TABLE unlogged (id integer, v vector(24));
CREATE INDEX ON unlogged USING vecdot (v vector_l2_ops);
INSERT INTO unlogged SELECT n, place(n) FROM generate_series(1, 1000) n;
SELECT differing('unlogged', '<->', 10), returned('unlogged');

-- Upkeep in the background is not for what no other process can see: rows one by one, each INSERT a statement.
SET vecdot.background_upkeep = on;
CREATE PROCEDURE insert_one_by_one(name text) LANGUAGE plpgsql AS $$
BEGIN
	FOR n IN 1 .. 1000 LOOP
		EXECUTE format('INSERT INTO %s VALUES ($1, $2)', name) USING n, place(n);
	END LOOP;
END $$;
CREATE TEMPORARY TABLE seen_by_one (id integer, v vector(24));
CREATE INDEX seen_by_one_v ON seen_by_one USING vecdot (v vector_l2_ops);
CALL insert_one_by_one('seen_by_one');
SELECT cells > 8 AS "grows at once", vecdot_index_check('seen_by_one_v', true) FROM vecdot_index_info('seen_by_one_v');
BEGIN;
CREATE TABLE made_here (id integer, v vector(24));
CREATE INDEX made_here_v ON made_here USING vecdot (v vector_l2_ops);
CALL insert_one_by_one('made_here');
SELECT cells > 8 AS "grows at once" FROM vecdot_index_info('made_here_v');
COMMIT;
BEGIN;
TRUNCATE made_here;
CALL insert_one_by_one('made_here');
SELECT cells > 8 AS "grows at once", vecdot_index_check('made_here_v', true) FROM vecdot_index_info('made_here_v');
COMMIT;
RESET vecdot.background_upkeep;
DROP TABLE seen_by_one, made_here;
DROP PROCEDURE insert_one_by_one;

DROP TABLE growing, loaded, alike, others, passing, unlogged;
DROP FUNCTION differing, pages_read, returned, remaining, place;

-- Few distinct rows among many: clusters come out fewer than the cells that splits make, which must not go on for ever.
CREATE TABLE few (id integer, v vector(33));
CREATE INDEX few_v ON few USING vecdot (v vector_l2_ops);
INSERT INTO few SELECT i, (SELECT array_agg(sin((CASE WHEN i % 3 = 0 THEN 1 ELSE i END) * n * 1.7))::real[]::vector FROM generate_series(1, 33) n)
  FROM generate_series(1, 2000) i;
UPDATE few SET v = (SELECT array_agg(CASE WHEN n = id % 33 + 1 THEN id % 7 ELSE 0 END ORDER BY n)::vector FROM generate_series(1, 33) n);
SELECT pg_relation_size('few_v') < 20 * 1024 * 1024 AS small, vecdot_index_check('few_v', true);
DROP TABLE few;

-- Rows at distances of every order of magnitude: one cell takes most of them, and is split in as many as there may be.
CREATE TABLE tailed (id integer, v vector(32));
CREATE INDEX tailed_v ON tailed USING vecdot (v vector_l2_ops);
SELECT setseed(0.1);
INSERT INTO tailed SELECT i, (SELECT array_agg(tan(pi() * (random() - 0.5)))::real[]::vector FROM generate_series(1, 32) n WHERE i > 0)
  FROM generate_series(1, 8000) i;
SELECT vecdot_index_check('tailed_v', true), rows FROM vecdot_index_info('tailed_v');
DROP TABLE tailed;

-- What a load in one transaction leaves free is given back, also where VACUUM would have a worker if the index took part.
CREATE TABLE freed (id integer PRIMARY KEY, v vector(16)) WITH (autovacuum_enabled = off);
CREATE INDEX freed_v ON freed USING vecdot (v vector_l2_ops);
INSERT INTO freed SELECT i, (SELECT array_agg(sin(i * n * 1.7))::real[]::vector FROM generate_series(1, 16) n) FROM generate_series(1, 3000) i;
SELECT free_bytes > total_bytes / 4 AS much_is_free FROM vecdot_index_info('freed_v');
SET min_parallel_index_scan_size = 0;
VACUUM freed;
RESET min_parallel_index_scan_size;
SELECT free_bytes < total_bytes / 6 AS little_is_free FROM vecdot_index_info('freed_v');

-- Searches are counted: PostgreSQL 18 shows how many an index scan has made.
CREATE FUNCTION searches() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off, BUFFERS off)
		SELECT near.id FROM (SELECT v FROM freed LIMIT 3) q, LATERAL (SELECT id FROM freed ORDER BY v <-> q.v LIMIT 2) near' LOOP
		IF line LIKE '%Index Searches: %' THEN
			RETURN substring(line FROM 'Index Searches: .*');
		END IF;
	END LOOP;
	RETURN CASE WHEN current_setting('server_version_num')::int < 180000 THEN 'Index Searches: 3' END;
END $$;
SET vecdot.search_node = off;
SELECT searches();
RESET vecdot.search_node;
DROP TABLE freed;
DROP FUNCTION searches;
