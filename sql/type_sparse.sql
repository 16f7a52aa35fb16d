-- The type sparsevec: input and output, casts, distances, comparison.

-- text: any order in, ascending out, zeros dropped
SELECT '{1:1.5,3:-3.5}/5'::sparsevec, ' { 3 : 0x1p1 , 1 : +1.5 } / 5 '::sparsevec, '{2:0,3:1,1:-0}/3'::sparsevec, '{}/1000000000'::sparsevec, '{1000000000:1e-45}/1000000000'::sparsevec;

-- type modifier
CREATE TABLE sparse (v sparsevec(5), w sparsevec);
INSERT INTO sparse VALUES ('{1:1}/5', '{}/7'), (array[0,1.5,0,0,2], array[0,0]), ('[0,1,0,0,0]'::vector, '[0,1]'::halfvec);
INSERT INTO sparse VALUES ('{}/4', NULL);
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sparse VALUES ('[1,2]'::vector, NULL);
\echo :LAST_ERROR_SQLSTATE
TABLE sparse;
SELECT format_type(atttypid, atttypmod), attstorage, attalign FROM pg_attribute WHERE attrelid = 'sparse'::regclass AND attnum > 0;
DROP TABLE sparse;

-- binary and in a row
SELECT sparsevec_send('{1:1.5,3:-2}/5'), sparsevec_send('{}/3');
SELECT pg_column_size('{1:1,3:2}/9'::sparsevec), pg_column_size(array_fill(1, array[16000])::sparsevec);
CREATE TABLE sent (v sparsevec);
INSERT INTO sent SELECT format('{%s:%s,%s:%s}/1000000000', i, 1.0 / i, i * 9999999, -i)::sparsevec FROM generate_series(2, 100) i;
INSERT INTO sent VALUES (array_fill(0.1::real, array[16000])::sparsevec), ('{}/1');
CREATE TABLE received (v sparsevec);
DO $$
DECLARE
	file text := current_setting('data_directory') || '/vecdot_type_sparse_' || current_database() || '.bin';
BEGIN
	EXECUTE format('COPY sent TO %L (FORMAT binary)', file);
	EXECUTE format('COPY received FROM %L (FORMAT binary)', file);
END $$;
SELECT count(*) FROM (TABLE sent EXCEPT TABLE received) d;
SELECT count(*) FROM received;
DROP TABLE sent, received;

-- casts
SELECT castsource::regtype, casttarget::regtype, castcontext, castmethod
FROM pg_cast WHERE 'sparsevec'::regtype IN (castsource, casttarget) ORDER BY castsource::regtype::text, casttarget::regtype::text;
SELECT array[0,1,2]::sparsevec, array[0,2.5]::real[]::sparsevec, array[1,0,0.1]::float8[]::sparsevec, array[1.5,0]::numeric[]::sparsevec, '[0:1]={0,2}'::integer[]::sparsevec;
SELECT '[0,1.5,-0,3.5]'::vector::sparsevec, '[0,1.5,-0,6e-8]'::halfvec::sparsevec, '{2:1.5,4:3.5}/5'::sparsevec::vector, '{2:1.5,4:0.1}/5'::sparsevec::halfvec, '{1:1e-8}/1'::sparsevec::halfvec AS too_small;
SELECT '{2:1.5}/3'::sparsevec::vector(3), '{2:1.5}/3'::sparsevec::halfvec(3), '[0,1]'::vector::sparsevec(2), '{0,1}'::real[]::sparsevec(2);
SELECT array_fill(0, array[20000])::sparsevec AS long_array;

-- distances, accumulated in float8
SELECT '{}/2'::sparsevec <-> '{1:3,2:4}/2' AS l2, '{1:1,2:2}/2'::sparsevec <#> '{1:3,2:4}/2' AS negative_product, '{1:1}/2'::sparsevec <=> '{1:1,2:1}/2' AS cosine, '{1:1,2:-2}/3'::sparsevec <+> '{2:4,3:5}/3' AS l1;
SELECT l2_distance('{1:3}/2'::sparsevec, '{2:4}/2'), inner_product('{1:1,3:3,5:5}/5'::sparsevec, '{2:4,3:6,4:8}/5'), cosine_distance('{1:1,2:1}/2'::sparsevec, '{1:-1,2:-1}/2'), l1_distance('{1:1,3:3,5:5,7:7,9:9}/9'::sparsevec, '{2:2,4:4,6:6,8:8}/9'),
       sparsevec_l2_squared_distance('{1:3}/9', '{9:4}/9'), sparsevec_negative_inner_product('{1:3}/9', '{1:4}/9'), l2_norm('{1:3,9:4}/9'::sparsevec), l2_norm('{}/9'::sparsevec);
-- Finite where the value is.
SELECT inner_product('{1:3e38}/1'::sparsevec, '{1:3e38}/1') AS product, l1_distance('{1:3e38}/1'::sparsevec, '{1:-3e38}/1') AS l1, cosine_distance('{1:3e38}/1'::sparsevec, '{1:3e38}/1') AS cosine, cosine_distance('{}/1'::sparsevec, '{}/1') AS undefined;
SELECT l2_normalize('{1:3,2:4}/2'::sparsevec), l2_normalize('{}/2'::sparsevec), l2_normalize('{1:3e38,2:1e-37}/2'::sparsevec) AS one_left_out, l2_normalize('{7:3e38}/9'::sparsevec);
-- Against the dense vectors, of all lengths.
CREATE TABLE many AS
SELECT n, a, b FROM generate_series(1, 130) n,
	LATERAL (SELECT array_agg(CASE WHEN i * n % 3 = 0 THEN 0 ELSE sin(i * n) END::real ORDER BY i)::vector AS a, array_agg(CASE WHEN i % 4 = n % 4 THEN 0 ELSE cos(i + n) END::real ORDER BY i)::vector AS b FROM generate_series(1, n) i) v;
SELECT max(abs((a <-> b) - (sa <-> sb))) < 1e-14 AS l2, max(abs((a <#> b) - (sa <#> sb))) < 1e-13 AS product, max(abs((a <+> b) - (sa <+> sb))) < 1e-13 AS l1,
       max(CASE WHEN a <=> b = 'NaN' THEN CASE WHEN sa <=> sb = 'NaN' THEN 0 ELSE 1 END ELSE abs((a <=> b) - (sa <=> sb)) END) < 1e-14 AS cosine, max(abs(vector_norm(a) - l2_norm(sa))) < 1e-14 AS norm, count(*)
  FROM (SELECT a, b, a::sparsevec AS sa, b::sparsevec AS sb FROM many) t;

-- comparison: as the dense vectors compare, then by dimensions
SELECT count(*) AS pairs, bool_and(sign(vector_cmp(x.v, y.v)) = sparsevec_cmp(x.v::sparsevec, y.v::sparsevec)) AS as_dense
  FROM (SELECT a FROM many WHERE n < 40 UNION ALL SELECT b FROM many WHERE n < 40 UNION ALL SELECT format('[%s,%s,%s]', i, j, k)::vector FROM generate_series(-1, 1) i, generate_series(-1, 1) j, generate_series(-1, 1) k) x(v),
       (SELECT a FROM many WHERE n < 40 UNION ALL SELECT b FROM many WHERE n < 40 UNION ALL SELECT format('[%s,%s,%s]', i, j, k)::vector FROM generate_series(-1, 1) i, generate_series(-1, 1) j, generate_series(-1, 1) k) y(v)
 WHERE vector_dims(x.v) = vector_dims(y.v);
SELECT o AS operator, l, r FROM (VALUES ('<', '{}/2'::sparsevec < '{2:1}/2', '{1:1}/2'::sparsevec < '{2:1}/2'), ('<=', '{}/2'::sparsevec <= '{}/2', '{}/2'::sparsevec <= '{1:-1}/2'),
	('=', '{1:1}/2'::sparsevec = '{2:0,1:1}/2', '{}/1'::sparsevec = '{}/2'), ('<>', '{}/1'::sparsevec <> '{}/2', '{1:2}/2'::sparsevec <> '{1:2}/2'),
	('>=', '{}/2'::sparsevec >= '{1:-1}/2', '{}/1'::sparsevec >= '{}/2'), ('>', '{}/2'::sparsevec > '{}/1', '{2:-1}/2'::sparsevec > '{}/2')) t(o, l, r);
CREATE TABLE sorted (v sparsevec);
INSERT INTO sorted SELECT a FROM many;
INSERT INTO sorted SELECT a FROM many WHERE n < 50;
INSERT INTO sorted VALUES ('{}/3'), ('{1:1,2:1,3:1}/3'), ('{1:1,2:2,3:3}/3'), ('{1:-7}/3'), (NULL);
SELECT count(*) AS pairs, bool_and(sparsevec_cmp(v, next) <= 0) AS ordered FROM (SELECT v, lead(v) OVER (ORDER BY v) AS next FROM sorted WHERE v IS NOT NULL) t WHERE next IS NOT NULL;
SELECT count(*), count(DISTINCT v) FROM sorted;
CREATE INDEX ON sorted (v);
CREATE INDEX ON sorted USING hash (v);
ANALYZE sorted;
SET enable_seqscan = off;
EXPLAIN (COSTS off) SELECT v FROM sorted ORDER BY v LIMIT 1;
SELECT v FROM sorted ORDER BY v LIMIT 1;
SELECT count(*) FROM sorted WHERE v = '{2:2,1:1,3:3}/3';
SET enable_mergejoin = off; SET enable_nestloop = off;
SELECT count(*) FROM sorted a JOIN sorted b ON a.v = b.v;
SELECT sparsevec_hash('{1:1}/2') = sparsevec_hash('{1:1,2:0}/2') AS same, sparsevec_hash('{1:1}/2') = sparsevec_hash('{1:1}/3') AS other, sparsevec_hash_extended('{1:1}/2', 7) = sparsevec_hash_extended('{2:0,1:1}/2', 7) AS extended;
RESET enable_mergejoin; RESET enable_nestloop; RESET enable_seqscan;
-- The nearest, in a scan.
SELECT n, round((a::sparsevec <-> '{1:0.5}/3')::numeric, 4) AS distance FROM many WHERE n = 3 ORDER BY a::sparsevec <-> '{1:0.5}/3';
DROP TABLE sorted, many;
