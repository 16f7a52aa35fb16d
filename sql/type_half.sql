-- Operators, functions and aggregates of halfvec.

-- Distances, accumulated in float8.
SELECT '[0,0]'::halfvec <-> '[3,4]' AS l2, '[1,2]'::halfvec <#> '[3,4]' AS negative_product, '[1,0]'::halfvec <=> '[1,1]' AS cosine, '[1,-2]'::halfvec <+> '[3,4]' AS l1;
SELECT l2_distance('[1,1]'::halfvec, '[4,5]'), inner_product('[65504]'::halfvec, '[65504]'), cosine_distance('[1,2]'::halfvec, '[-2,-4]'), l1_distance('[65504]'::halfvec, '[-65504]'),
       halfvec_l2_squared_distance('[65504]', '[-65504]'), halfvec_negative_inner_product('[1,2]', '[3,4]'), halfvec_spherical_distance('[1,0]', '[0,1]');
SELECT cosine_distance('[0,0]'::halfvec, '[1,2]'), l2_norm('[3,4]'::halfvec), l2_norm('[65504,65504]'::halfvec), l2_norm('[0]'::halfvec);
-- All lengths, against the same distances of vector, which holds every half exactly; in rows with and without a long header.
CREATE TABLE many AS
SELECT n, a, b FROM generate_series(1, 130) n,
	LATERAL (SELECT array_agg(sin(i * n)::real ORDER BY i)::vector::halfvec AS a, array_agg((cos(i + n) * 100)::real ORDER BY i)::vector::halfvec AS b FROM generate_series(1, n) i) v;
SELECT count(*) FILTER (WHERE a <-> b = a::vector <-> b::vector AND a <#> b = a::vector <#> b::vector AND a <=> b = a::vector <=> b::vector AND a <+> b = a::vector <+> b::vector AND l2_norm(a) = vector_norm(a::vector)) AS same, count(*) FROM many;
-- The nearest.
SELECT n FROM many WHERE n BETWEEN 1 AND 5 ORDER BY subvector(b, 1, 1) <-> '[-41]' LIMIT 3;

-- Element by element, rounded once.
SELECT '[1,2,3]'::halfvec + '[4,5,6]' AS sum, '[1,2,3]'::halfvec - '[4,5,6]' AS difference, '[1,2,3]'::halfvec * '[4,5,6]' AS product, '[2048,0.1]'::halfvec + '[1,0.2]' AS rounded;
SELECT l2_normalize('[3,4]'::halfvec), l2_normalize('[0,0]'::halfvec), l2_normalize('[65504]'::halfvec), l2_normalize('[6e-8,0]'::halfvec);

-- Parts.
SELECT vector_dims('[1,2,3]'::halfvec), '[1,2]'::halfvec || '[3]', subvector('[1,2,3,4,5]'::halfvec, 2, 3), subvector('[1,2,3]'::halfvec, -1, 3), subvector('[1,2,3]'::halfvec, 3, 2147483647);
SELECT binary_quantize('[0,0.1,-0.2,-0.3,0.4,0.5,0.6,-0.7,0.8,-0.9,1]'::halfvec);
SELECT vector_dims(v), v FROM (SELECT subvector(array_agg(i)::halfvec, 1999, 3) AS v FROM generate_series(1, 3000) i) t;

-- Comparison: by elements, then by length; -0 equals 0.
SELECT o AS operator, l, r FROM (VALUES ('<', '[1,2]'::halfvec < '[1,2,3]', '[1,2]'::halfvec < '[1,2]'), ('<=', '[1,2]'::halfvec <= '[1,2]', '[2]'::halfvec <= '[1,2]'),
	('=', '[0,-0]'::halfvec = '[-0,0]', '[1]'::halfvec = '[1,2]'), ('<>', '[1]'::halfvec <> '[2]', '[0]'::halfvec <> '[-0]'),
	('>=', '[1]'::halfvec >= '[1]', '[-1]'::halfvec >= '[1]'), ('>', '[1,2,3]'::halfvec > '[1,2]', '[-2]'::halfvec > '[-1]')) t(o, l, r);
SELECT halfvec_cmp('[1,2]', '[1,2]'), halfvec_cmp('[-1]', '[1]'), halfvec_cmp('[1,2]', '[1]');
CREATE TABLE sorted (v halfvec);
INSERT INTO sorted VALUES ('[0]'), ('[-0]'), ('[1,2,3,4,5]'), ('[1,2,3,4,4]'), ('[1,2,3,4]'), ('[1,2]'), ('[-1]'), ('[-65504,1]'), ('[65504]'), ('[-6e-8]'), ('[6e-8]'), ('[0,0,0,-1]'), ('[0,0,0]'), (NULL);
SELECT array_agg(v::text ORDER BY v, v::text) FROM sorted;
SELECT count(DISTINCT v) FROM sorted;
-- Sorted by abbreviated keys as by comparison alone.
INSERT INTO sorted SELECT array[i % 7 - 3, i % 5 - 2, i % 3 - 1, i % 11, i % 2]::halfvec FROM generate_series(1, 2000) i;
SELECT count(*) AS pairs, bool_and(halfvec_cmp(v, next) <= 0) AS ordered FROM (SELECT v, lead(v) OVER (ORDER BY v) AS next FROM sorted WHERE v IS NOT NULL) t WHERE next IS NOT NULL;
CREATE INDEX ON sorted (v);
CREATE INDEX ON sorted USING hash (v);
ANALYZE sorted;
SET enable_seqscan = off;
-- PostgreSQL 19 may know without VACUUM that all rows are visible.
SET enable_indexonlyscan = off;
EXPLAIN (COSTS off) SELECT * FROM sorted WHERE v < '[-65000]';
RESET enable_indexonlyscan;
SELECT v FROM sorted WHERE v < '[-3,2]' ORDER BY v LIMIT 2;
SELECT count(*) FROM sorted WHERE v = '[0]';
RESET enable_seqscan;
SELECT halfvec_hash('[0,1]') = halfvec_hash('[-0,1]') AS same, halfvec_hash('[0,1]') = halfvec_hash('[1,0]') AS other, halfvec_hash_extended('[-0]', 5) = halfvec_hash_extended('[0]', 5) AS extended;
SET enable_mergejoin = off; SET enable_nestloop = off;
SELECT count(*) FROM sorted a JOIN sorted b ON a.v = b.v;
SET enable_hashjoin = off; SET enable_mergejoin = on;
SELECT count(*) FROM sorted a JOIN sorted b ON a.v = b.v;
RESET enable_hashjoin; RESET enable_nestloop;
DROP TABLE sorted;

-- Sums and means in float8, rounded at the end.
SELECT sum(v), avg(v) FROM (VALUES ('[1,2,3]'::halfvec), ('[3,5,7]'), (NULL)) t(v);
SELECT sum(v), avg(v) FROM (SELECT '[1]'::halfvec AS v WHERE false) t;
SELECT sum(v) AS back_in_range, avg(v) FROM (VALUES ('[65504]'::halfvec), ('[65504]'), ('[-65504]')) t(v);
SELECT sum('[0.1]'::halfvec) AS thousand_tenths FROM generate_series(1, 1000);
SELECT halfvec_accum('{0}', '[1,2]'), halfvec_combine('{1,2,3}', '{2,10,20}'), halfvec_avg('{4,2,6}'), halfvec_sum('{4,2,6}'), halfvec_sum_accum('{1,2,6}', '[1,2]'), halfvec_sum_combine('{1,2}', '{0}');
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS off) SELECT sum(subvector(a, 1, 1)), avg(subvector(b, 1, 1)) FROM many;
SELECT sum(subvector(a, 1, 1)), avg(subvector(b, 1, 1)) FROM many;
DROP TABLE many;
