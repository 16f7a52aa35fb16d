-- vecdot_explain(): whether a query uses an index, and if not, why.
CREATE SCHEMA index_explain;
SET search_path = index_explain, public;
SET max_parallel_workers_per_gather = 0;
\getenv abs_srcdir PG_ABS_SRCDIR
\set noises :abs_srcdir '/sql/include/noises.sql'
\i :noises
\pset format unaligned
\pset tuples_only on
CREATE TABLE items (id int PRIMARY KEY, a int, n real, v vector(8), w vector(8), h halfvec(8), b bit(32), s sparsevec(8));
INSERT INTO items SELECT id, id % 100, 1, v, v, v::halfvec(8), substring(hashint8extended(id, 1)::bit(64) FOR 32), v::sparsevec(8)
  FROM (SELECT i, noises(i % 20, 8) + noises(100 + i, 8, 0.4) FROM generate_series(1, 3000) i) t(id, v);
CREATE INDEX items_a ON items (a);
CREATE INDEX items_v ON items USING vecdot (v);
CREATE INDEX items_l2 ON items USING vecdot (v vector_l2_ops) WHERE a < 50;
CREATE INDEX items_h ON items USING vecdot (h halfvec_ip_ops);
CREATE INDEX items_b ON items USING vecdot (b);
CREATE TABLE plain (id int, v vector(8));
VACUUM ANALYZE items;

-- Served by the search node.
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY v <=> $1 LIMIT 10');
SELECT * FROM vecdot_explain('SELECT id FROM items i ORDER BY cosine_similarity(v, $1) DESC, id LIMIT $2');
SELECT * FROM vecdot_explain('SELECT id FROM items WHERE a < 20 ORDER BY v <-> ''[1,0,0,0,0,0,0,0]'' LIMIT 10');
SELECT * FROM vecdot_explain('SELECT id FROM items WHERE v <=> $1 < 0.1');
SELECT * FROM vecdot_explain('EXPLAIN SELECT x.id, (SELECT n.id FROM items n ORDER BY n.v <=> x.v LIMIT 1) FROM items x WHERE x.id = 3');
SELECT * FROM vecdot_explain('PREPARE p AS SELECT id FROM items ORDER BY h <#> $1 LIMIT 3');
SELECT * FROM vecdot_explain('DECLARE c CURSOR FOR SELECT id FROM items ORDER BY b <~> $1 LIMIT 3');
-- By a plain scan.
SET enable_seqscan = off; SET enable_sort = off;
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY v <=> $1');
-- Where the executor loses the ctid of rows that it reorders (19 has yet to learn to keep it) no index is used, and that is said.
SELECT relation, coalesce(index, substring(explanation FROM 'would lose the ctid')) IN ('items_v', 'would lose the ctid') AS index_or_reason, substring(explanation FROM 'because .*? may be missed') FROM vecdot_explain('SELECT id FROM items ORDER BY v <=> $1 LIMIT 3 FOR UPDATE');
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY v <=> $1 FETCH FIRST 3 ROWS WITH TIES');
SELECT * FROM vecdot_explain('SELECT id, row_number() OVER (ORDER BY v <=> $1) FROM items ORDER BY v <=> $1 LIMIT 3');
SELECT * FROM vecdot_explain('SELECT items.id FROM items JOIN plain USING (id) ORDER BY items.v <=> $1 LIMIT 3');
SELECT * FROM vecdot_explain('SELECT min(v <=> $1) FROM items');
SET vecdot.search_node = off;
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY v <=> $1 LIMIT 3');
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY cosine_distance(v, $1) LIMIT 3');
RESET vecdot.search_node;
RESET enable_seqscan; RESET enable_sort;
-- Costs.
SELECT * FROM vecdot_explain('SELECT id FROM items WHERE id = 7 ORDER BY v <=> $1 LIMIT 3');
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY v <=> $1');
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY v <=> $1 LIMIT 2900');
SET enable_indexscan = off;
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY v <=> $1 LIMIT 3');
RESET enable_indexscan;
-- Another order, or none.
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY v <=> $1 DESC LIMIT 3');
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY 1 - (v <=> $1) LIMIT 3');
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY v <-> $1 LIMIT 3');
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY v <#> $1 LIMIT 3');
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY v <+> $1 LIMIT 3');
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY b <%> $1 LIMIT 3');
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY angle(v, $1) LIMIT 3');
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY s <=> $1 LIMIT 3');
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY w <=> $1 LIMIT 3');
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY (v <=> $1) + a LIMIT 3');
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY round((v <=> $1)::numeric, 2) LIMIT 3');
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY a, v <=> $1 LIMIT 3');
SELECT * FROM vecdot_explain('SELECT id FROM items LIMIT 3');
SELECT * FROM vecdot_explain('SELECT id, v <=> $1 FROM items ORDER BY a LIMIT 3');
-- Another column, another vector.
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY l2_normalize(v) <=> $1 LIMIT 3');
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY h::vector <#> $1 LIMIT 3');
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY v <=> w LIMIT 3');
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY v <=> array_fill(random(), ARRAY[8])::vector LIMIT 3');
SELECT * FROM vecdot_explain('SELECT id FROM items i ORDER BY v <=> (SELECT avg(p.v) FROM plain p WHERE p.id = i.id) LIMIT 3');
SELECT * FROM vecdot_explain('SELECT items.id FROM items, plain ORDER BY items.v <=> plain.v LIMIT 3');
SELECT * FROM vecdot_explain('WITH q AS MATERIALIZED (SELECT v FROM plain) SELECT id FROM items, q ORDER BY items.v <=> q.v LIMIT 3');
-- Above the table.
SELECT * FROM vecdot_explain('SELECT * FROM (SELECT DISTINCT id, v FROM items) t ORDER BY v <=> $1 LIMIT 3');
SELECT * FROM vecdot_explain('SELECT a, min(v <=> $1) FROM items GROUP BY a ORDER BY min(v <=> $1) LIMIT 3');
SELECT * FROM vecdot_explain('SELECT DISTINCT ON (v <=> $1) id FROM items ORDER BY v <=> $1 LIMIT 3');
SELECT * FROM vecdot_explain('SELECT rank() OVER (ORDER BY v <=> $1) FROM items');
SELECT * FROM vecdot_explain('SELECT id FROM items UNION ALL SELECT id FROM items ORDER BY 1 LIMIT 3');
-- Ranges.
SELECT * FROM vecdot_explain('SELECT id FROM items WHERE v <=> $1 > 0.1');
SELECT * FROM vecdot_explain('SELECT id FROM items WHERE v <=> $1 < n');
SELECT * FROM vecdot_explain('SELECT id FROM items WHERE v <=> $1 < 0.5::real');
SELECT * FROM vecdot_explain('SELECT id FROM items WHERE v <=> $1 < 0.1 OR id = 3');
SELECT * FROM vecdot_explain('SELECT id FROM items WHERE v <-> $1 < 1');
SELECT * FROM vecdot_explain('SELECT id FROM items WHERE v <#> $1 < 1');
SELECT * FROM vecdot_explain('SELECT items.id FROM items JOIN plain ON items.v <=> plain.v < 0.1');
SELECT * FROM vecdot_explain('DELETE FROM items WHERE v <=> $1 < 0.1');
-- Partial, invalid, nothing to read.
SELECT * FROM vecdot_explain('SELECT id FROM items WHERE a < 60 ORDER BY v <-> $1 LIMIT 3');
CREATE TABLE broken (id int, v vector(8));
INSERT INTO broken SELECT id, v FROM items LIMIT 200;
CREATE INDEX broken_v ON broken USING vecdot (v);
ANALYZE broken;
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken_v'::regclass;
SELECT * FROM vecdot_explain('SELECT id FROM broken ORDER BY v <=> $1 LIMIT 3');
UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'broken_v'::regclass;
SELECT * FROM vecdot_explain('SELECT id FROM broken ORDER BY v <=> $1');
SELECT * FROM vecdot_explain('SELECT id FROM items WHERE false ORDER BY v <=> $1 LIMIT 3');
SELECT * FROM vecdot_explain('SELECT p.id FROM plain p LEFT JOIN items i ON i.id = p.id');
SELECT count(*) FROM vecdot_explain('SELECT id FROM plain ORDER BY v <=> $1 LIMIT 3');
-- Partitions, counted where there is the same to say.
CREATE TABLE parts (id int, v vector(8)) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (1000);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (1000) TO (10000);
INSERT INTO parts SELECT id, v FROM items;
CREATE INDEX ON parts USING vecdot (v);
ANALYZE parts;
SELECT * FROM vecdot_explain('SELECT id FROM parts ORDER BY v <-> $1 LIMIT 3');
SET enable_seqscan = off;
SELECT * FROM vecdot_explain('SELECT id FROM parts ORDER BY v <=> $1 LIMIT 3');
RESET enable_seqscan;
-- The query is not executed, and only who may read the tables is told.
CREATE FUNCTION loud() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'executed'; RETURN 1; END $$;
SELECT count(*) FROM vecdot_explain('WITH d AS (DELETE FROM items WHERE id = loud() RETURNING id) SELECT * FROM d');
SELECT count(*) FROM items WHERE id = 1;
CREATE ROLE regress_vecdot_reader;
GRANT USAGE ON SCHEMA index_explain TO regress_vecdot_reader;
GRANT SELECT ON plain TO regress_vecdot_reader;
SET ROLE regress_vecdot_reader;
SELECT * FROM vecdot_explain('SELECT id FROM items ORDER BY v <=> $1 LIMIT 3');
SELECT count(*) FROM vecdot_explain('SELECT id FROM plain ORDER BY v <=> $1 LIMIT 3');
RESET ROLE;
-- After an error nobody watches.
SELECT * FROM vecdot_explain('SELECT nothing FROM items');
EXPLAIN (COSTS off) SELECT id FROM items ORDER BY v <=> '[1,0,0,0,0,0,0,0]' LIMIT 3;
-- Not one query.
SELECT * FROM vecdot_explain('');
SELECT * FROM vecdot_explain('SELECT 1; SELECT 2');
SELECT * FROM vecdot_explain('VACUUM items');
SELECT * FROM vecdot_explain('EXPLAIN EXECUTE p');
SELECT count(*) FROM vecdot_explain(NULL);
SET client_min_messages = warning;
DROP SCHEMA index_explain CASCADE;
DROP ROLE regress_vecdot_reader;
