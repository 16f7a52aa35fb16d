-- Vectors from parts and parts from vectors.
\set VERBOSITY default
\set SHOW_CONTEXT never

-- unnest
SELECT * FROM unnest('[5,6,7]'::vector) WITH ORDINALITY AS u(x, i);
SELECT id, x, i FROM (VALUES (1, '[1,2]'::vector), (2, NULL), (3, '[3]')) t(id, v), unnest(v) WITH ORDINALITY AS u(x, i);
SELECT unnest('[1,2]'::vector), unnest('[3,4,5]'::vector);
SELECT count(*), sum(x) FROM (SELECT vector_agg(i) AS v FROM generate_series(1, 16000) i) t, unnest(v) x;
SELECT * FROM unnest('[1,2,3]'::vector) LIMIT 1;
-- the planner knows the number of rows of a constant and of a column with a type modifier
CREATE TABLE nested (v vector(7), w vector);
CREATE FUNCTION estimated_rows(query text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	RETURN coalesce(plan->0->'Plan'->'Plans'->1, plan->0->'Plan')->>'Plan Rows';
END $$;
SELECT estimated_rows('SELECT * FROM nested, unnest(v)') AS of_column,
       estimated_rows('SELECT * FROM nested, unnest(w)') AS of_any,
       estimated_rows('SELECT * FROM unnest(''[1,2,3]''::vector)') AS of_constant;
DROP FUNCTION estimated_rows;
DROP TABLE nested;

-- vector_agg
SELECT vector_agg(i ORDER BY i DESC) FROM generate_series(1, 5) i;
SELECT vector_agg(x ORDER BY i) FROM unnest('[3,1,2]'::vector) WITH ORDINALITY AS u(x, i);
SELECT vector_agg(x) FROM (VALUES (0.1)) t(x);
SELECT vector_agg(i) FROM generate_series(1, 0) i;
SELECT vector_agg(i) FILTER (WHERE i > 3), vector_agg(DISTINCT i % 3) FROM generate_series(1, 5) i;
SELECT g, vector_agg(i ORDER BY i) FROM generate_series(1, 6) i, LATERAL (SELECT i % 2) t(g) GROUP BY g ORDER BY g;
SELECT i, vector_agg(i) OVER (ORDER BY i ROWS 2 PRECEDING) FROM generate_series(1, 4) i;
SELECT vector_dims(vector_agg(i)) FROM generate_series(1, 16000) i;
SELECT vector_agg(i) FROM generate_series(1, 16001) i;
\echo :LAST_ERROR_SQLSTATE
SELECT vector_agg(x) FROM (VALUES (1::float8), (NULL)) t(x);
\echo :LAST_ERROR_SQLSTATE
SELECT vector_agg('NaN'::float8);
\echo :LAST_ERROR_SQLSTATE
SELECT vector_agg('Infinity'::float8);
\echo :LAST_ERROR_SQLSTATE
SELECT vector_agg(1e39);
\echo :LAST_ERROR_SQLSTATE
SELECT vector_agg(1e-50::float8);

-- vector_dims, subvector
SELECT vector_dims('[1]'::vector), vector_dims('[1,2,3]'::vector), vector_dims(NULL::vector);
SELECT subvector('[1,2,3,4,5]'::vector, 1, 3), subvector('[1,2,3,4,5]'::vector, 4, 9), subvector('[1,2,3,4,5]'::vector, -1, 4),
       subvector('[1,2,3,4,5]'::vector, 2, 2147483647), subvector('[1,2,3,4,5]'::vector, -2147483640, 2147483647);
SELECT subvector('[1,2,3,4,5]'::vector, 0, 2), subvector('[1,2,3,4,5]'::vector, 5, 1);
SELECT subvector('[1,2,3,4,5]'::vector, 6, 1);
\echo :LAST_ERROR_SQLSTATE
SELECT subvector('[1,2,3,4,5]'::vector, 3, 0);
\echo :LAST_ERROR_SQLSTATE
SELECT subvector('[1,2,3,4,5]'::vector, 3, -1);
\echo :LAST_ERROR_SQLSTATE
SELECT subvector('[1,2,3,4,5]'::vector, -1, 2);
\echo :LAST_ERROR_SQLSTATE
SELECT subvector('[1,2,3,4,5]'::vector, 2147483647, 2147483647);
\echo :LAST_ERROR_SQLSTATE
SELECT subvector('[1,2,3,4,5]'::vector, -2147483648, 2147483647);
\echo :LAST_ERROR_SQLSTATE

-- concatenation
SELECT '[1,2]'::vector || '[3]', vector_concat('[1]', '[2,3]'), '[1]'::vector || NULL;
SELECT vector_dims(array_fill(1, array[8000])::vector || array_fill(1, array[8000])::vector);
SELECT array_fill(1, array[16000])::vector || '[1]';
\echo :LAST_ERROR_SQLSTATE

-- binary_quantize
SELECT binary_quantize('[1,0,-1]'::vector), binary_quantize('[0,0.1,-0.2,-0.3,0.4,0.5,0.6,-0.7,0.8,-0.9,1]'::vector);
SELECT binary_quantize('[-0,1e-45,3.4e38,-3.4e38]'::vector), length(binary_quantize(array_fill(1, array[16000])::vector));
