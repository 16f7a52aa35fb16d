-- The tables and indexes of this set: with key columns, and summaries of the keys where there are cells enough. It never
-- changes.
SET max_parallel_maintenance_workers = 0;
SET maintenance_work_mem = '64MB';
-- No function of the C library, which may differ in the last bit: sixteenths.
CREATE FUNCTION elements(i integer, d integer) RETURNS real[] LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg(((((i * i) % 1009 * 7 + i * n * 13 + n * n * 3) % 101 - 50) / 16.0 * (1 + i % 3) + (i % 11) * (n % 5))::real ORDER BY n)
	  FROM generate_series(1, d) n $$;
-- A key of each kind, and NULLs.
CREATE TABLE items (id integer, tenant smallint, flag boolean, measure float8, price numeric, token uuid, code text COLLATE "C", v vector(8)) WITH (autovacuum_enabled = off, parallel_workers = 0);
CREATE FUNCTION add_items(first integer, last integer) RETURNS void LANGUAGE sql AS $$
	INSERT INTO items SELECT i, nullif(i % 30, 13), i % 3 = 0, CASE i % 7 WHEN 0 THEN 'NaN'::float8 WHEN 1 THEN '-0' ELSE i % 11 - 5.5 END, (i % 50) / 3.0, md5((i % 100)::text)::uuid,
		CASE WHEN i % 17 > 0 THEN 'code ' || i % 40 END, elements(i, 8)::vector FROM generate_series(first, last) i $$;
SELECT add_items(1, 1100);
-- Rows that are in no cell, and one that codes can't express.
INSERT INTO items (id, tenant) VALUES (2001, 3), (2002, NULL);
INSERT INTO items (id, tenant, v) VALUES (2003, 3, array_fill(3e38::real, '{8}'));

CREATE INDEX items_l2 ON items USING vecdot (v vector_l2_ops, tenant, flag, measure, price, token, code);
CREATE INDEX items_ip ON items USING vecdot (v vector_ip_ops, id) WITH (refine_bits = 4);
DELETE FROM items WHERE id % 40 = 3;
VACUUM items;
SELECT add_items(1101, 1120);

-- One that grew from nothing until all cells were written anew, and then more.
CREATE TABLE grown (id integer, tenant integer, v vector(8)) WITH (autovacuum_enabled = off, parallel_workers = 0);
CREATE INDEX grown_l2 ON grown USING vecdot (v vector_l2_ops, tenant, id);
INSERT INTO grown SELECT i, i % 60, elements(i, 8)::vector FROM generate_series(1, 1500) i;
DELETE FROM grown WHERE id % 5 = 2;
VACUUM grown;
INSERT INTO grown SELECT i, 100 + i % 60, elements(i, 8)::vector FROM generate_series(1501, 1600) i;

-- Too few cells for summaries.
CREATE TABLE few (id integer, tenant bigint, v vector(3)) WITH (autovacuum_enabled = off, parallel_workers = 0);
INSERT INTO few SELECT i, i % 10, elements(i, 3)::vector FROM generate_series(1, 200) i;
CREATE INDEX few_cosine ON few USING vecdot (v, tenant);
