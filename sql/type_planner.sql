-- The planner prices a distance by its dimensions and by storage out of line: plan shapes, no figures.
SET max_parallel_workers_per_gather = 2;
CREATE TABLE narrow (id int, class int, v vector(3));
CREATE TABLE wide (id int, class int, v vector(1536));
CREATE TABLE wide_inline (id int, class int, v vector(1536));
ALTER TABLE wide_inline ALTER v SET STORAGE MAIN;
INSERT INTO narrow SELECT i, i % 500, format('[%s,%s,%s]', i, i % 7, i % 11)::vector FROM generate_series(1, 2500) i;
INSERT INTO wide SELECT i, i % 500, v * i FROM generate_series(1, 2500) i, (SELECT ('[1' || repeat(',0.5', 1535) || ']')::vector) t(v);
INSERT INTO wide_inline SELECT * FROM wide WHERE id <= 500;
CREATE INDEX ON wide (class);
-- The heap of a table whose vectors lie elsewhere is small: by its size alone no worker would be planned.
ALTER TABLE narrow SET (parallel_workers = 2);
ALTER TABLE wide SET (parallel_workers = 2);
VACUUM ANALYZE narrow, wide, wide_inline;
-- Not folded into a constant of 1,536 elements that the plans would show.
CREATE FUNCTION probe() RETURNS vector LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1 AS $$ BEGIN RETURN (SELECT v FROM wide WHERE id = 1); END $$;

-- 2,500 rows: not worth a worker at 3 dimensions, well worth it at 1,536.
EXPLAIN (COSTS off) SELECT id FROM narrow ORDER BY v <-> '[1,2,3]' LIMIT 10;
EXPLAIN (COSTS off) SELECT id FROM wide ORDER BY v <-> probe() LIMIT 10;
EXPLAIN (COSTS off) SELECT count(*) FROM wide WHERE v <=> probe() < 0.5;
-- By name as by operator.
EXPLAIN (COSTS off) SELECT id FROM wide ORDER BY l2_distance(v, probe()) LIMIT 10;
-- A selective filter: few distances, by the other column's index.
EXPLAIN (COSTS off) SELECT id FROM wide WHERE class = 77 ORDER BY v <-> probe() LIMIT 10;

-- Conditions are looked at from the cheapest to the dearest: three dimensions cost less than six operators, 1,536 more.
EXPLAIN (COSTS off) SELECT id FROM narrow WHERE v <-> '[1,2,3]' < 1 AND sqrt(abs(id + class + 1)) > 3;
EXPLAIN (COSTS off) SELECT id FROM wide_inline WHERE v <-> v < 1 AND sqrt(abs(id + class + 1)) > 3;
EXPLAIN (COSTS off) SELECT id FROM wide_inline WHERE norm(v) < 1 AND sqrt(abs(id + class + 1)) > 3;

-- How many operators a call is worth, by what the planner charges for a scan with it and without.
CREATE FUNCTION price(source text, expression text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE with_call json; without json;
BEGIN
	EXECUTE format('EXPLAIN (FORMAT json) SELECT %s FROM %s', expression, source) INTO with_call;
	EXECUTE format('EXPLAIN (FORMAT json) SELECT id FROM %s', source) INTO without;
	RETURN ((with_call->0->'Plan'->>'Total Cost')::float8 - (without->0->'Plan'->>'Total Cost')::float8)
	       / (without->0->'Plan'->>'Plan Rows')::float8 / current_setting('cpu_operator_cost')::float8;
END $$;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE untyped AS SELECT id, v::vector AS v FROM wide LIMIT 100;
CREATE TABLE fresh (id int, v vector(1536));
ALTER TABLE fresh SET (autovacuum_enabled = off);
ANALYZE untyped;
SELECT price('narrow', 'v <-> ''[1,2,3]''') < 2 AS narrow,
       price('wide_inline', 'v <-> v') BETWEEN 3 AND 20 AS wide_inline,
       price('wide', 'norm(v)') BETWEEN 200 AND 1000 AS wide,
       price('wide', 'v <-> v') > 1.8 * price('wide', 'norm(v)') AS two_columns,
       price('untyped', '(SELECT v FROM wide LIMIT 1) <-> v') > 200 AS untyped,
       price('fresh', 'norm(v)') BETWEEN 200 AND 1000 AS no_statistics;
-- Every function of the family has a price; comparisons too.
SELECT e, price('wide', e) > 200 AS priced FROM unnest(ARRAY['v <-> v', 'v <#> v', 'v <=> v', 'v <+> v', 'v @ v', '@-@ v', 'v ## v', 'v @/ v', 'v ?-| v', 'v ?|| v', 'v + v', 'v - v', 'v * v',
	'v * 2', '2 * v', 'v / 2', '- v', 'v < v', 'v = v', 'l2_normalize(v)', 'unit(v)', 'angle(v, v)', 'cosine_similarity(v, v)', 'rejection(v, v)', 'l1_distance(v, v)', 'inner_product(v, v)',
	'vector_spherical_distance(v, v)', 'vector_l2_squared_distance(v, v)']) e;
-- A view, a join, a partition, a domain and a NULL do not confuse it.
CREATE VIEW seen AS SELECT id, v AS w FROM wide;
SELECT price('seen', 'norm(w)') > 200 AS view;
CREATE TABLE parent (id int, v vector(1536)) PARTITION BY RANGE (id);
CREATE TABLE child PARTITION OF parent FOR VALUES FROM (0) TO (1000);
INSERT INTO parent SELECT id, v FROM wide WHERE id < 50;
ANALYZE parent;
SELECT price('parent', 'norm(v)') > 200 AS partition;
SELECT price('wide', 'v <-> NULL') = 0 AS folded;
SELECT count(*) FROM wide a LEFT JOIN wide b ON a.id = b.id WHERE a.v <-> coalesce(b.v, a.v) < 1 AND a.class = 3;

-- An exact scan with workers and the same without.
SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS off) SELECT id FROM wide ORDER BY v <-> probe() LIMIT 5;
SELECT array_agg(id) AS ids FROM (SELECT id FROM wide ORDER BY v <-> (SELECT v FROM wide WHERE id = 1200), id LIMIT 5) t;
EXPLAIN (COSTS off) SELECT sum(v), avg(v) FROM wide;
SELECT norm(avg(v) - (SELECT v FROM wide WHERE id = 1) * 1250.5) < 1e-3 AS mean FROM wide;
SET max_parallel_workers_per_gather = 0;
SELECT array_agg(id) AS ids FROM (SELECT id FROM wide ORDER BY v <-> (SELECT v FROM wide WHERE id = 1200), id LIMIT 5) t;

DROP VIEW seen;
DROP TABLE narrow, wide, wide_inline, untyped, fresh, parent;
DROP FUNCTION price(text, text), probe();
