-- The bytes of an index, by the kind of its pages. They are the same under every instruction set, on every processor and
-- version of PostgreSQL.
-- A change of these hashes is a change of the format, or of what codes mean: a new version number or a feature's bit
-- (src/index/format/versions.hpp), and a library that reads what was written before too. Where all that changes is which
-- rows a build puts into which cell, or what it learns of recall, the format and the meaning of codes are what they were:
-- Rotation.Golden and Code.Golden of the unit tests say so.
\set VERBOSITY terse
SET vecdot.recall = 0.99;
SET max_parallel_maintenance_workers = 0;
SET maintenance_work_mem = '64MB';
CREATE SCHEMA format;
SET search_path = format, public;
-- A file's pages without what PostgreSQL writes into them when they are written: LSN, checksum.
CREATE FUNCTION pages(index regclass) RETURNS TABLE (block integer, page bytea) LANGUAGE sql AS $$
	SELECT i, overlay(substring(file FROM 8192 * i + 1 FOR 8192) PLACING '\x00000000000000000000'::bytea FROM 1)
	  FROM (SELECT pg_read_binary_file(pg_relation_filepath(index)) AS file) f, generate_series(0, length(file) / 8192 - 1) i $$;
CREATE FUNCTION bytes(index regclass) RETURNS TABLE (kind text, pages bigint, hash text) LANGUAGE sql AS $$
	SELECT (ARRAY['unwritten', 'meta', 'head', 'address', 'code', 'refine', 'slots', 'centroids', 'free list', 'origin', 'keys', 'summaries'])[1 + get_byte(page, 28)],
		count(*), md5(string_agg(page, ''::bytea ORDER BY block))
	  FROM pages(index) GROUP BY get_byte(page, 28) ORDER BY get_byte(page, 28) $$;
-- No function of the C library, which may differ in the last bit: sixteenths, in clusters of different lengths.
CREATE FUNCTION element(i integer, n integer) RETURNS real LANGUAGE sql IMMUTABLE AS
	$$ SELECT ((((i * i) % 1009 * 7 + i * n * 13 + n * n * 3) % 101 - 50) / 16.0 * (1 + i % 3) + (i % 11) * (n % 5))::real $$;
CREATE FUNCTION elements(i integer, d integer) RETURNS real[] LANGUAGE sql IMMUTABLE AS
	$$ SELECT array_agg(element(i, n) ORDER BY n) FROM generate_series(1, d) n $$;
CREATE TABLE rows (id integer, v vector(70), h halfvec(20), b bit(100)) WITH (autovacuum_enabled = off, parallel_workers = 0);
CREATE FUNCTION add_rows(first integer, last integer) RETURNS void LANGUAGE sql AS $$
	INSERT INTO rows SELECT i, elements(i, 70)::vector, elements(i, 20)::halfvec,
		(SELECT string_agg(CASE WHEN element(i, n) > 3 THEN '1' ELSE '0' END, '' ORDER BY n) FROM generate_series(1, 100) n)::bit(100)
	  FROM generate_series(first, last) i $$;
SELECT add_rows(1, 800);
-- Rows that are in no cell, long ones, equal ones.
INSERT INTO rows (id) VALUES (0), (0);
INSERT INTO rows VALUES (0, array_fill(0, '{70}')::vector, array_fill(0, '{20}')::halfvec), (0, array_fill(3e38, '{70}')::vector, NULL),
	(0, array_fill(1e4, '{70}')::vector, array_fill(6e4, '{20}')::halfvec);
INSERT INTO rows SELECT id, v, h, b FROM rows WHERE id % 100 = 1;
CREATE INDEX format_l2 ON rows USING vecdot (v vector_l2_ops);
CREATE INDEX format_cosine ON rows USING vecdot (v vector_cosine_ops);
CREATE INDEX format_ip ON rows USING vecdot (v vector_ip_ops);
CREATE INDEX format_4_bits ON rows USING vecdot (v vector_cosine_ops) WITH (refine_bits = 4, seed = 7);
CREATE INDEX format_half_l2 ON rows USING vecdot (h halfvec_l2_ops);
CREATE INDEX format_half_cosine ON rows USING vecdot (h halfvec_cosine_ops);
CREATE INDEX format_half_ip ON rows USING vecdot (h halfvec_ip_ops);
CREATE INDEX format_bit ON rows USING vecdot (b bit_hamming_ops);
CREATE VIEW indexes AS SELECT c.oid::regclass AS index FROM pg_class c WHERE relnamespace = 'format'::regnamespace AND relkind = 'i';
CHECKPOINT;
SELECT index, format_version, cells FROM indexes, vecdot_index_info(index) ORDER BY index::text COLLATE "C";
SELECT index, b.* FROM indexes, bytes(index) b ORDER BY index::text COLLATE "C", kind COLLATE "C";
-- What inserts add to them.
SELECT add_rows(801, 806);
CHECKPOINT;
SELECT index, b.* FROM indexes, bytes(index) b ORDER BY index::text COLLATE "C", kind COLLATE "C";
SELECT index, vecdot_index_check(index, true) FROM indexes ORDER BY index::text COLLATE "C";
-- Indexes on an empty table.
CREATE TABLE none (v vector(3));
CREATE INDEX none_l2 ON none USING vecdot (v vector_l2_ops);
CREATE INDEX none_ip ON none USING vecdot (v vector_ip_ops);
CHECKPOINT;
SELECT index, b.* FROM indexes, bytes(index) b WHERE index::text LIKE 'none%' ORDER BY index::text COLLATE "C", kind COLLATE "C";
-- Keys of each kind, beside rows of each kind.
CREATE TABLE keyed (id integer, a integer, b real, c numeric, d uuid, e text COLLATE "C", f boolean, v vector(70)) WITH (autovacuum_enabled = off, parallel_workers = 0);
-- (CREATE TABLE AS makes a file larger than its rows from version 16 on, and the sample that a build looks at depends on its size.)
INSERT INTO keyed SELECT id, nullif(id % 5, 3) AS a, (id % 7 * 1.5)::real AS b, CASE WHEN id % 9 > 0 THEN id / 7.0 END AS c, md5(id::text)::uuid AS d, ('word ' || id % 10) COLLATE "C" AS e, id % 2 = 0 AS f,
	v FROM rows WHERE id < 500;
CREATE INDEX keyed_l2 ON keyed USING vecdot (v vector_l2_ops, a, b, c, d, e, f);
CREATE INDEX keyed_ip ON keyed USING vecdot (v vector_ip_ops, a) WITH (refine_bits = 4);
INSERT INTO keyed SELECT id, id, id, id, md5(id::text)::uuid, 'new', NULL, v FROM rows WHERE id BETWEEN 500 AND 505;
CHECKPOINT;
SELECT index, b.* FROM indexes, bytes(index) b WHERE index::text LIKE 'keyed%' ORDER BY index::text COLLATE "C", kind COLLATE "C";
SELECT index, vecdot_index_check(index, true) FROM indexes WHERE index::text LIKE 'keyed%' ORDER BY index::text COLLATE "C";
-- Enough cells for summaries of their keys.
CREATE TABLE summed AS SELECT i AS id, nullif(i % 5, 3) AS a, i / 4 AS b, elements(i, 8)::vector(8) AS v FROM generate_series(1, 1500) i;
CREATE INDEX summed_l2 ON summed USING vecdot (v vector_l2_ops, a, b);
INSERT INTO summed SELECT i, NULL, i * 1000, elements(i, 8)::vector FROM generate_series(1501, 1506) i;
CHECKPOINT;
SELECT index, b.* FROM indexes, bytes(index) b WHERE index::text LIKE 'summed%' ORDER BY index::text COLLATE "C", kind COLLATE "C";
SELECT index, vecdot_index_check(index, true) FROM indexes WHERE index::text LIKE 'summed%' ORDER BY index::text COLLATE "C";
SET client_min_messages = warning;
DROP SCHEMA format CASCADE;
