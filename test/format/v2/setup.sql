-- The tables and indexes of this set. It is run when the set is made, and again by each test of it, so that the rows stand
-- where the kept indexes say. It never changes.
SET max_parallel_maintenance_workers = 0;
SET maintenance_work_mem = '64MB';
-- No function of the C library, which may differ in the last bit: sixteenths.
CREATE FUNCTION elements(i integer, d integer) RETURNS real[] LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg(((((i * i) % 1009 * 7 + i * n * 13 + n * n * 3) % 101 - 50) / 16.0 * (1 + i % 3) + (i % 11) * (n % 5))::real ORDER BY n)
	  FROM generate_series(1, d) n $$;
CREATE FUNCTION bits(i integer, d integer) RETURNS bit varying LANGUAGE sql IMMUTABLE AS $$
	SELECT string_agg(CASE WHEN e > 3 THEN '1' ELSE '0' END, '' ORDER BY n)::bit varying FROM unnest(elements(i, d)) WITH ORDINALITY u (e, n) $$;
CREATE TABLE items (id integer, v vector(20), w vector(20), h halfvec(20), b bit(70)) WITH (autovacuum_enabled = off, parallel_workers = 0);
CREATE FUNCTION add_items(first integer, last integer) RETURNS void LANGUAGE sql AS $$
	INSERT INTO items SELECT i, elements(i, 20)::vector, elements(i, 20)::vector, elements(i, 20)::halfvec, bits(i, 70)::bit(70) FROM generate_series(first, last) i $$;
SELECT add_items(1, 350);
-- Rows that are in no cell, rows that codes can't express, equal ones.
INSERT INTO items (id) VALUES (1001), (1002);
INSERT INTO items SELECT 1003, v, v, array_fill(0, '{20}')::halfvec, repeat('0', 70)::bit(70) FROM CAST(array_fill(0, '{20}') AS vector) v;
INSERT INTO items SELECT 1004, v, v, NULL, NULL FROM CAST(array_fill(3e38, '{20}') AS vector) v;
INSERT INTO items SELECT 1005, v, v, array_fill(6e4, '{20}')::halfvec, repeat('1', 70)::bit(70) FROM CAST(array_fill(1e4, '{20}') AS vector) v;
INSERT INTO items SELECT 2000 + id, v, w, h, b FROM items WHERE id % 50 = 1;

-- As built, each metric and type, then deletions, a vacuum and inserts.
CREATE INDEX items_l2 ON items USING vecdot (v vector_l2_ops);
CREATE INDEX items_cosine ON items USING vecdot (v vector_cosine_ops);
CREATE INDEX items_ip ON items USING vecdot (v vector_ip_ops);
CREATE INDEX items_4_bits ON items USING vecdot (w vector_cosine_ops) WITH (refine_bits = 4, seed = 7, recall = 0.9);
CREATE INDEX items_half_l2 ON items USING vecdot (h halfvec_l2_ops);
CREATE INDEX items_half_cosine ON items USING vecdot (h halfvec_cosine_ops);
CREATE INDEX items_half_ip ON items USING vecdot (h halfvec_ip_ops);
CREATE INDEX items_bit ON items USING vecdot (b bit_hamming_ops);
DELETE FROM items WHERE id % 40 = 3;
VACUUM items;
SELECT add_items(351, 360);

-- One that grew from nothing, with free pages.
CREATE TABLE grown (id integer, v vector(20)) WITH (autovacuum_enabled = off, parallel_workers = 0);
CREATE INDEX grown_l2 ON grown USING vecdot (v vector_l2_ops);
INSERT INTO grown SELECT i, elements(i, 20)::vector FROM generate_series(1, 300) i;
DELETE FROM grown WHERE id % 5 = 2 OR id BETWEEN 60 AND 110;
VACUUM grown;
INSERT INTO grown SELECT i, elements(i, 20)::vector FROM generate_series(301, 350) i;

-- Far from the origin and near each other: an index with an origin of its own.
CREATE TABLE far (id integer, v vector(8)) WITH (autovacuum_enabled = off, parallel_workers = 0);
INSERT INTO far SELECT i, (SELECT array_agg(x + 1000 ORDER BY n) FROM unnest(elements(i, 8)) WITH ORDINALITY e (x, n))::vector(8) FROM generate_series(1, 200) i;
CREATE INDEX far_l2 ON far USING vecdot (v vector_l2_ops);

-- So many dimensions that the head of a cell is more than one page.
CREATE TABLE wide (id integer, v vector(2000)) WITH (autovacuum_enabled = off, parallel_workers = 0);
INSERT INTO wide SELECT i, elements(i, 2000)::vector(2000) FROM generate_series(1, 40) i;
CREATE INDEX wide_cosine ON wide USING vecdot (v);

-- An empty one.
CREATE TABLE nothing (id integer, v vector(3));
CREATE INDEX nothing_l2 ON nothing USING vecdot (v vector_l2_ops);
