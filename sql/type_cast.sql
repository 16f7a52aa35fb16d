-- Casts between vector and arrays.
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT castsource::regtype, casttarget::regtype, castcontext, castmethod
FROM pg_cast WHERE 'vector'::regtype IN (castsource, casttarget)
ORDER BY castsource::regtype::text, casttarget::regtype::text;

SELECT array[1,2,3]::vector, array[1,2,3]::real[]::vector, array[1,2,3]::float8[]::vector, array[1.5,-2]::numeric[]::vector;
SELECT '[0:2]={1,2,3}'::integer[]::vector AS other_lower_bound;
SELECT array[2147483647,16777217]::vector AS rounded;
SELECT '[1,2.5,1e-45]'::vector::real[], ('[1,2]'::vector::real[])[2], cardinality('[1,2]'::vector::real[]);
CREATE TABLE assigned (v vector(2), a real[]);
INSERT INTO assigned VALUES (array[1,2], '[3,4]'::vector);
INSERT INTO assigned VALUES (array[1.5,2], NULL), (array[1,2]::float8[], NULL), (array[1,2]::real[], NULL);
TABLE assigned;
-- rounded once, where a step through float8 would round twice
SELECT array[1.00000005960464477539062500001]::numeric[]::vector AS once,
       array[1.00000005960464477539062500001]::float8[]::vector AS twice;
-- too small reads as 0, as in text
SELECT array[1e-50, -1e-50]::float8[]::vector, array[1e-50]::numeric[]::vector;

INSERT INTO assigned VALUES (array[1,2,3], NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT '{}'::integer[]::vector;
\echo :LAST_ERROR_SQLSTATE
SELECT '{}'::real[]::vector;
\echo :LAST_ERROR_SQLSTATE
SELECT '{}'::float8[]::vector;
\echo :LAST_ERROR_SQLSTATE
SELECT '{}'::numeric[]::vector;
\echo :LAST_ERROR_SQLSTATE
SELECT '{{1,2},{3,4}}'::integer[]::vector;
\echo :LAST_ERROR_SQLSTATE
SELECT '{{1,2},{3,4}}'::numeric[]::vector;
\echo :LAST_ERROR_SQLSTATE
SELECT '{1,NULL}'::integer[]::vector;
\echo :LAST_ERROR_SQLSTATE
SELECT '{NULL}'::numeric[]::vector;
\echo :LAST_ERROR_SQLSTATE
SELECT '{1,NaN}'::real[]::vector;
\echo :LAST_ERROR_SQLSTATE
SELECT '{1,-Infinity}'::real[]::vector;
\echo :LAST_ERROR_SQLSTATE
SELECT '{1,NaN}'::float8[]::vector;
\echo :LAST_ERROR_SQLSTATE
SELECT '{1,Infinity}'::float8[]::vector;
\echo :LAST_ERROR_SQLSTATE
SELECT '{1,1e300}'::float8[]::vector;
\echo :LAST_ERROR_SQLSTATE
SELECT '{1,3.4028235677973367e38}'::float8[]::vector;
\echo :LAST_ERROR_SQLSTATE
SELECT '{1,NaN}'::numeric[]::vector;
\echo :LAST_ERROR_SQLSTATE
SELECT '{1,-Infinity}'::numeric[]::vector;
\echo :LAST_ERROR_SQLSTATE
SELECT '{1,1e39}'::numeric[]::vector;
\echo :LAST_ERROR_SQLSTATE
SELECT array_fill(1, array[16001])::vector;
\echo :LAST_ERROR_SQLSTATE
SELECT array_fill(1.5::numeric, array[16001])::vector;
\echo :LAST_ERROR_SQLSTATE
SELECT array[1,2,3]::vector(2);
\echo :LAST_ERROR_SQLSTATE
SELECT vector_dims(array_fill(1.5::numeric, array[16000])::vector);
SELECT NULL::integer[]::vector IS NULL, NULL::vector::real[] IS NULL;
-- no casts from other arrays
SELECT array['1']::text[]::vector;
\echo :LAST_ERROR_SQLSTATE
DROP TABLE assigned;
