-- Distances and lengths against values computed by hand.
SELECT '[1,2]'::vector <-> '[4,6]' AS l2, l2_distance('[1,2]'::vector, '[4,6]'), vector_l2_squared_distance('[1,2]', '[4,6]') AS squared;
SELECT '[1,2,3]'::vector <#> '[4,5,6]' AS negative_dot, vector_negative_inner_product('[1,2,3]', '[4,5,6]'),
       inner_product('[1,2,3]'::vector, '[4,5,6]'), '[1,2,3]'::vector @ '[4,5,6]' AS operator, dot('[1,2,3]', '[4,5,6]');
SELECT '[1,-2,3]'::vector <+> '[4,5,-6]' AS l1, l1_distance('[1,-2,3]'::vector, '[4,5,-6]');
SELECT '[3,4]'::vector <=> '[4,3]' AS cosine, cosine_distance('[3,4]'::vector, '[4,3]'), cosine_similarity('[3,4]', '[4,3]');
SELECT @-@ '[3,4]'::vector AS length, norm('[3,4]'::vector), vector_norm('[0,0]');
SELECT l2_distance('[5]'::vector, '[2]'), l1_distance('[5]'::vector, '[2]'), dot('[5]', '[2]'), cosine_distance('[5]'::vector, '[2]') AS same, cosine_distance('[5]'::vector, '[-2]') AS opposite;

-- Every distance of a vector from itself, exactly.
SELECT v <-> v AS l2, v <+> v AS l1, v <=> v AS cosine, v <=> -v AS opposite
  FROM (VALUES ('[0.1,0.2,0.3]'::vector), ('[1e-45,3e-45]'), ('[3e38,-3e38,1]'), ('[7]')) t(v);
-- Parallel within rounding: clamped, so that no distance is below 0 or above 2.
SELECT bool_and(v <=> (v * s) BETWEEN 0 AND 1e-13) AS least, bool_and(v <=> (v * -s) BETWEEN 2 - 1e-13 AND 2) AS most
  FROM (SELECT format('[%s,%s,%s]', sin(i), cos(i * 7), sqrt(i))::vector AS v, i * 0.37 AS s FROM generate_series(1, 500) i) t;

-- A zero vector has no direction: NaN, which sorts last.
SELECT '[0,0]'::vector <=> '[1,2]' AS left, '[1,2]'::vector <=> '[0,0]' AS right, '[0,0]'::vector <=> '[-0,0]' AS both,
       cosine_similarity('[0,0]', '[1,2]'), angle('[0,0]', '[1,2]'), '[0,0]'::vector <-> '[3,4]' AS l2;

-- No overflow where float8 holds the value; -1e38 to 1e38 and the smallest denormal.
SELECT '[3e38]'::vector <-> '[-3e38]' AS l2, '[3e38]'::vector <+> '[-3e38]' AS l1, '[3e38,3e38]'::vector <#> '[3e38,3e38]' AS dot,
       '[3e38,3e38]'::vector <=> '[-3e38,3e38]' AS orthogonal
  \gset
SELECT abs(:l2 / 6e38 - 1) < 1e-7 AS l2, abs(:l1 / 6e38 - 1) < 1e-7 AS l1, abs(:dot / -1.8e77 - 1) < 1e-7 AS dot, :orthogonal AS orthogonal;
SELECT norm('[1.4e-45]'::vector) = 2.0::float8 ^ -149 AS denormal_norm, norm('[4.2e-45,5.6e-45]'::vector) = 5 * 2.0::float8 ^ -149 AS three_four_five,
       '[1.4e-45]'::vector @ '[1.4e-45]' = 2.0::float8 ^ -298 AS denormal_dot, '[1.4e-45]'::vector <=> '[2.8e-45]' AS denormal_cosine;
-- Cancellation: 1e8 squared twice and 1.
SELECT '[1e8,1,-1e8]'::vector @ '[1e8,1,1e8]' AS one;
-- 2^24 + 1 does not fit a float4.
SELECT '[4096,1]'::vector @ '[4096,1]' AS dot, vector_l2_squared_distance('[4096,1]', '[0,0]') AS squared, l1_distance('[16777216,1]'::vector, '[0,0]');

-- The angle, near 0 and pi too, where acos of the cosine gives 0 or half of the digits.
SELECT angle('[1,0]', '[0,1]') = pi() / 2 AS right_angle, angle('[1,2]', '[1,2]') AS same, angle('[1,2]', '[-1,-2]') = pi() AS opposite;
SELECT round(angle('[1,1,0]', '[0,1,1]')::numeric, 12) = round(pi()::numeric / 3, 12) AS sixty_degrees;
SELECT round((angle('[1,0]', '[1,1e-6]') / atan(1e-6::real::float8))::numeric, 12) AS small, round((angle('[1,0]', '[1,1e-12]') / 1e-12::real::float8)::numeric, 12) AS tiny,
       round(((pi() - angle('[1,0]', '[-1,1e-6]')) / 1e-6)::numeric, 6) AS nearly_opposite;
SELECT round(angle('[1e38,1e38]', '[1e-45,0]')::numeric, 12) = round(pi()::numeric / 4, 12) AS scale_free;
SELECT vector_spherical_distance('[1,0]', '[0,1]') AS quarter, vector_spherical_distance('[1,0]', '[1,0]') AS same,
       vector_spherical_distance('[1,0]', '[-1,0]') AS opposite, vector_spherical_distance('[2,0]', '[2,0]') AS clamped;

-- NULL in, NULL out.
SELECT NULL::vector <-> '[1]' AS l2, '[1]'::vector <#> NULL AS dot, NULL::vector <=> NULL AS cosine, '[1]'::vector <+> NULL AS l1, norm(NULL::vector);

-- All lengths up to 70, against the definition.
CREATE TEMP TABLE reference AS
SELECT n, array_agg((i * 7 % 11 - 5)::real ORDER BY i) AS a, array_agg((i * 5 % 13 - 6)::real ORDER BY i) AS b
  FROM generate_series(1, 70) n, generate_series(1, n) i GROUP BY n;
SELECT count(*) AS lengths, bool_and(va @ vb = ab) AS dot, bool_and(va <+> vb = l1) AS l1, bool_and(vector_l2_squared_distance(va, vb) = l2) AS l2,
       bool_and(norm(va) = sqrt(aa)) AS norm, bool_and(cosine_similarity(va, vb) = ab / sqrt(aa * bb)) AS cosine
  FROM (SELECT translate(a::text, '{}', '[]')::vector AS va, translate(b::text, '{}', '[]')::vector AS vb, s.*
          FROM reference, LATERAL (SELECT sum(x::float8 * y) AS ab, sum(abs(x - y))::float8 AS l1, sum((x::float8 - y) ^ 2) AS l2,
                                          sum(x::float8 * x) AS aa, sum(y::float8 * y) AS bb
                                     FROM unnest(a, b) u(x, y)) s) t;

-- Commutators.
SELECT oprname, oprcom::regoperator FROM pg_operator
 WHERE oprleft = 'vector'::regtype AND oprright = 'vector'::regtype AND oprresult = 'float8'::regtype AND oprcom <> 0 ORDER BY oprname COLLATE "C";

-- The same out of line, read again for many rows, and as a query from a sub-select.
CREATE TEMP TABLE far (id int, v vector);
INSERT INTO far SELECT i, (SELECT '[' || string_agg((i * j % 17)::text, ',') || ']' FROM generate_series(1, 2000) j)::vector FROM generate_series(1, 40) i;
SELECT bool_and(pg_column_size(v) > 2000) AS outside, pg_relation_size(reltoastrelid) > 0 AS toasted FROM far, pg_class WHERE oid = 'far'::regclass GROUP BY reltoastrelid;
SELECT count(*) AS pairs, bool_and((a.v <-> b.v) = (b.v <-> a.v)) AS symmetric, sum(a.v <+> b.v) = sum(a.v::text::vector <+> b.v::text::vector) AS as_in_memory
  FROM far a, far b;
SELECT count(*) FILTER (WHERE v <-> (SELECT v FROM far WHERE id = 5) = 0) AS same_as_5 FROM far;
-- A toasted value that changes between the rows and comes back.
SELECT id, v <-> (SELECT f.v FROM far f WHERE f.id = far.id - (far.id + 1) % 2) = 0 AS same FROM far WHERE id <= 4 ORDER BY id;

-- Fetched from out of line once, not for each of 1,000 rows: that would read thousands of blocks.
CREATE FUNCTION blocks(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT json) ' || query INTO plan;
	plan := plan->0->'Plan';
	RETURN (plan->>'Shared Hit Blocks')::bigint + (plan->>'Shared Read Blocks')::bigint + (plan->>'Local Hit Blocks')::bigint + (plan->>'Local Read Blocks')::bigint;
END $$;
SELECT o AS operator, blocks(format('SELECT count(*) FROM generate_series(1, 1000) i WHERE abs((SELECT v FROM far WHERE id = 5) %s (SELECT v FROM far WHERE id = 6)) > -i', o)) < 500 AS fetched_once
  FROM unnest('{<->,<#>,<=>,<+>,@,@/}'::text[]) o;
DROP FUNCTION blocks(text);
