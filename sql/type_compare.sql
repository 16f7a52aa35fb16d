-- Lexicographic, then by length; -0 equals 0.
SELECT a, b, a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt, vector_cmp(a, b) AS cmp
  FROM (VALUES ('[1,2,3]'::vector, '[1,2,3]'::vector), ('[1,2,3]', '[1,2,4]'), ('[2]', '[1,9]'), ('[1]', '[1,-5]'), ('[1,2]', '[1]'),
               ('[-0]', '[0]'), ('[-0,1]', '[0,0]'), ('[-1]', '[-2]'), ('[1e-45]', '[0]'), ('[-3e38]', '[3e38]')) t(a, b);
SELECT NULL::vector = '[1]' AS eq, '[1]'::vector < NULL AS lt, vector_cmp(NULL, '[1]') AS cmp, '[1]'::vector IS DISTINCT FROM NULL AS is_distinct;

-- Sorting, by the abbreviated keys of the first two elements and beyond them.
CREATE TEMP TABLE vectors (id int, v vector);
INSERT INTO vectors VALUES (1, '[1,2,3]'), (2, '[1,2]'), (3, '[1]'), (4, '[-1]'), (5, '[-1,-1]'), (6, '[-2,5]'), (7, '[0]'), (8, '[-0]'), (9, '[1e-45]'), (10, '[-1e-45]'),
	(11, '[3.4028235e38]'), (12, '[-3.4028235e38]'), (13, '[1,-3.4028235e38]'), (14, '[1,2,-3]'), (15, NULL), (16, '[1,2,3]'), (17, '[0,-0,1]'), (18, '[-0,0,-1]');
SELECT array_agg(id ORDER BY v, id) AS ids FROM vectors;
SELECT id, v FROM vectors ORDER BY v, id;
SELECT id FROM vectors ORDER BY v DESC NULLS LAST, id LIMIT 3;
SELECT min(id), count(*), v FROM vectors GROUP BY v HAVING count(*) > 1 ORDER BY v;
-- 500 values: neighbours in the sorted order compare as such.
SELECT bool_and(previous <= v) AS in_order
  FROM (SELECT v, lag(v) OVER (ORDER BY v) AS previous
          FROM (SELECT format('[%s,%s,%s]', i * 7 % 5 - 2, i * 11 % 7 - 3, i % 10)::vector AS v FROM generate_series(1, 500) i) s) t;

-- Equal vectors hash alike, others do not.
SELECT vector_hash('[-0,1,0]') = vector_hash('[0,1,-0]') AS zeros, vector_hash('[0,1]') = vector_hash('[0,2]') AS others, vector_hash('[1]') = vector_hash('[1,0]') AS lengths;
SELECT vector_hash_extended('[-0,1]', 42) = vector_hash_extended('[0,1]', 42) AS zeros, vector_hash_extended('[1]', 1) = vector_hash_extended('[1]', 2) AS seeds,
       vector_hash_extended('[7,8]', 0) & 4294967295 = vector_hash('[7,8]')::bigint & 4294967295 AS low_half;
SELECT count(DISTINCT vector_hash(format('[%s,%s]', i, i % 10)::vector)) > 990 AS spread FROM generate_series(1, 1000) i;

-- Operator classes: valid, and no equalimage (-0 and 0 look different), so no deduplication.
SELECT amname, opcname, opcdefault, amvalidate(c.oid) FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod WHERE opcintype = 'vector'::regtype AND amname IN ('btree', 'hash') ORDER BY 1;
SELECT amprocnum, amproc FROM pg_amproc p JOIN pg_opfamily f ON f.oid = amprocfamily JOIN pg_am a ON a.oid = opfmethod
 WHERE amproclefttype = 'vector'::regtype AND amname = 'btree' ORDER BY 1;
SELECT oprname, oprcanmerge AS merges, oprcanhash AS hashes, oprcom::regoperator, oprnegate::regoperator, oprrest, oprjoin FROM pg_operator
 WHERE oprleft = 'vector'::regtype AND oprname IN ('<', '<=', '=', '<>', '>=', '>') ORDER BY oprname COLLATE "C";

-- Hash, merge and nested loop joins find the same pairs.
CREATE TEMP TABLE many AS SELECT i AS id, CASE WHEN i % 10 > 0 THEN format('[%s,%s]', i % 20, CASE WHEN i % 2 = 0 THEN '0' ELSE '-0' END)::vector END AS v FROM generate_series(1, 400) i;
ANALYZE many;
SET enable_mergejoin = off; SET enable_nestloop = off;
EXPLAIN (COSTS off) SELECT count(*) FROM many a JOIN many b USING (v);
SELECT count(*) FROM many a JOIN many b USING (v);
SET enable_hashjoin = off; SET enable_mergejoin = on;
EXPLAIN (COSTS off) SELECT count(*) FROM many a JOIN many b USING (v);
SELECT count(*) FROM many a JOIN many b USING (v);
SET enable_mergejoin = off; SET enable_nestloop = on;
SELECT count(*) FROM many a JOIN many b USING (v);
RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_nestloop;
SET enable_hashagg = off;
SELECT count(*) FROM (SELECT v FROM many GROUP BY v) t;
SET enable_hashagg = on; SET enable_sort = off;
SELECT count(*) FROM (SELECT v FROM many GROUP BY v) t;
RESET enable_hashagg; RESET enable_sort;
SELECT count(*) FROM (SELECT v FROM many UNION SELECT v FROM vectors) t;

-- Indexes of both kinds.
SET enable_seqscan = off;
CREATE INDEX many_btree ON many (v);
EXPLAIN (COSTS off) SELECT count(*) FROM many WHERE v = '[3,0]';
SELECT count(*) FROM many WHERE v = '[3,0]';
SELECT count(*) FROM many WHERE v >= '[3]' AND v < '[5]';
SELECT count(*) FROM many WHERE v IS NULL;
DROP INDEX many_btree;
CREATE INDEX many_hash ON many USING hash (v);
EXPLAIN (COSTS off) SELECT count(*) FROM many WHERE v = '[3,0]';
SELECT count(*) FROM many WHERE v = '[3,0]';
RESET enable_seqscan;
CREATE TABLE one_each (v vector PRIMARY KEY);
INSERT INTO one_each VALUES ('[0,1]'), ('[1]'), ('[1,0]');
INSERT INTO one_each VALUES ('[-0,1]');
INSERT INTO one_each VALUES ('[-0,1]') ON CONFLICT (v) DO NOTHING;
SELECT v FROM one_each ORDER BY v;
DROP TABLE one_each;
-- Too long for a page of a btree, and no surprise.
\set VERBOSITY terse
CREATE TABLE wide_key (v vector(1000));
INSERT INTO wide_key VALUES (('[1' || repeat(',0.7', 999) || ']')::vector);
DO $$ BEGIN CREATE INDEX ON wide_key (v); RAISE 'indexed'; EXCEPTION WHEN program_limit_exceeded THEN RAISE NOTICE 'row too large'; END $$;
CREATE INDEX ON wide_key USING hash (v);
SELECT count(*) FROM wide_key a JOIN wide_key b ON a.v = b.v;
DROP TABLE wide_key;
-- Partitions by hash and by range.
CREATE TABLE parts (v vector) PARTITION BY HASH (v);
CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts SELECT format('[%s,%s]', i, -i)::vector FROM generate_series(1, 100) i;
INSERT INTO parts VALUES ('[0,-0]'), ('[-0,0]');
SELECT count(*), count(DISTINCT tableoid) AS partitions FROM parts;
SELECT count(*), count(DISTINCT tableoid) AS together FROM parts WHERE v = '[0,0]';
DROP TABLE parts;
