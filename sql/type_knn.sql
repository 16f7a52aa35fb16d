-- Exact nearest neighbours: ORDER BY a distance LIMIT k.
CREATE TABLE points (id int PRIMARY KEY, v vector(2));
INSERT INTO points SELECT x + 10 * y, format('[%s,%s]', x, y)::vector FROM generate_series(0, 9) x, generate_series(0, 9) y;
-- From (2.1,3.2) it is sqrt(.05) to (2,3), sqrt(.65) to (2,4), sqrt(.85) to (3,3), sqrt(1.25) to (1,3).
SELECT id, round((v <-> '[2.1,3.2]')::numeric, 6) AS distance FROM points ORDER BY v <-> '[2.1,3.2]' LIMIT 4;
SELECT id, v <+> '[2.1,3.2]' < 1.3 AS near FROM points ORDER BY v <+> '[2.1,3.2]' LIMIT 3;
SELECT id, v <#> '[1,2]' AS minus_dot FROM points ORDER BY v <#> '[1,2]' LIMIT 3;
-- Ties: the four neighbours of a point are equally far, to the last bit.
SELECT array_agg(id ORDER BY id) AS ids, distance FROM (SELECT id, v <-> '[5,5]' AS distance FROM points ORDER BY 2, id LIMIT 9) t GROUP BY distance ORDER BY distance;
SELECT id FROM points ORDER BY v <-> '[4.5,4.5]', id LIMIT 4;
SELECT count(*) AS with_ties FROM (SELECT id FROM points ORDER BY v <-> '[5,5]' FETCH FIRST 2 ROWS WITH TIES) t;
-- Direction only: all multiples of [1,1] are equally near, the zero vector (NaN) comes after all.
SELECT id FROM points WHERE v <=> '[1,1]' < 1e-15 ORDER BY id;
SELECT id, v <=> '[1,1]' AS distance FROM points ORDER BY v <=> '[1,1]' DESC, id LIMIT 1;
-- NULLs come last, after NaN; with an offset, backwards, and more rows asked for than there are.
INSERT INTO points VALUES (100, NULL), (101, '[-0,0]'), (102, NULL);
SELECT id, v, v <=> '[1,1]' AS distance FROM points ORDER BY v <=> '[1,1]', id OFFSET 99;
SELECT id, v <-> '[0,0]' AS distance FROM points ORDER BY v <-> '[0,0]' DESC, id LIMIT 3;
SELECT id FROM points ORDER BY v <-> '[0,0]' NULLS FIRST, id LIMIT 4;
SELECT count(*) FROM (SELECT id FROM points ORDER BY v <-> '[1,1]' LIMIT 1000) t;
SELECT id FROM points ORDER BY v <-> '[1,1]' LIMIT 0;
-- A query that is NULL, or finds no row: all distances are NULL, every row comes.
SELECT count(*), count(d) AS distances FROM (SELECT id, v <-> NULL AS d FROM points ORDER BY 2) t;
SELECT count(*), count(d) AS distances FROM (SELECT id, v <-> (SELECT v FROM points WHERE id = -1) AS d FROM points ORDER BY 2) t;
-- Filters, joins, thresholds, a query per row, and a prepared one.
SELECT id FROM points WHERE id % 7 = 0 ORDER BY v <-> '[3,3]', id LIMIT 3;
SELECT count(*) FROM points WHERE v <-> '[5,5]' <= 1;
SELECT q.id, n.id FROM points q, LATERAL (SELECT p.id FROM points p WHERE p.id <> q.id ORDER BY p.v <-> q.v, p.id LIMIT 2) n WHERE q.id IN (0, 55, 99) ORDER BY 1, 2;
PREPARE nearest(vector, int) AS SELECT array_agg(id) AS ids FROM (SELECT id FROM points ORDER BY v <-> $1, id LIMIT $2) t;
EXECUTE nearest('[9,9]', 3);
SET plan_cache_mode = force_generic_plan;
EXECUTE nearest('[0,9]', 2);
RESET plan_cache_mode;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id FROM points ORDER BY v <-> '[7,7]', id;
FETCH 3 FROM c;
FETCH BACKWARD 1 FROM c;
MOVE ABSOLUTE 102 IN c;
FETCH 2 FROM c;
COMMIT;
DROP TABLE points;

-- The exact answer on 3,000 vectors by the definition of the distances, in SQL's own arithmetic.
CREATE TABLE cloud AS
SELECT i AS id, format('[%s,%s,%s,%s]', i * 37 % 101, i * 59 % 103 - 50, i * 71 % 107, i % 13)::vector(4) AS v,
       ARRAY[i * 37 % 101, i * 59 % 103 - 50, i * 71 % 107, i % 13]::float8[] AS a FROM generate_series(1, 3000) i;
WITH q(q, b) AS (VALUES ('[50,0,50,5]'::vector, '{50,0,50,5}'::float8[]), ('[-1,-60,120,6]', '{-1,-60,120,6}'), ('[3,2,1,0]', '{3,2,1,0}'))
SELECT q, l2.ids = r2.ids AS l2, l1.ids = r1.ids AS l1, ip.ids = ri.ids AS ip, cos.ids = rc.ids AS cosine FROM q,
	LATERAL (SELECT array_agg(id) AS ids FROM (SELECT id FROM cloud ORDER BY v <-> q, id LIMIT 25) t) l2,
	LATERAL (SELECT array_agg(id) AS ids FROM (SELECT id FROM cloud ORDER BY (SELECT sum((x - y) ^ 2) FROM unnest(a, b) u(x, y)), id LIMIT 25) t) r2,
	LATERAL (SELECT array_agg(id) AS ids FROM (SELECT id FROM cloud ORDER BY v <+> q, id LIMIT 25) t) l1,
	LATERAL (SELECT array_agg(id) AS ids FROM (SELECT id FROM cloud ORDER BY (SELECT sum(abs(x - y)) FROM unnest(a, b) u(x, y)), id LIMIT 25) t) r1,
	LATERAL (SELECT array_agg(id) AS ids FROM (SELECT id FROM cloud ORDER BY v <#> q, id LIMIT 25) t) ip,
	LATERAL (SELECT array_agg(id) AS ids FROM (SELECT id FROM cloud ORDER BY (SELECT -sum(x * y) FROM unnest(a, b) u(x, y)), id LIMIT 25) t) ri,
	LATERAL (SELECT array_agg(id) AS ids FROM (SELECT id FROM cloud ORDER BY round((v <=> q)::numeric, 12), id LIMIT 25) t) cos,
	LATERAL (SELECT array_agg(id) AS ids FROM (SELECT id FROM cloud ORDER BY (SELECT round((1 - sum(x * y) / sqrt(sum(x * x) * sum(y * y)))::numeric, 12) FROM unnest(a, b) u(x, y)), id LIMIT 25) t) rc;
DROP TABLE cloud;
