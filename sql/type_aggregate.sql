-- Sums and means, NULLs left out.
CREATE TEMP TABLE items (class int, v vector);
INSERT INTO items VALUES (1, '[1,2,3]'), (1, '[3,4,5]'), (1, NULL), (2, '[-1,0.5,0]'), (3, NULL);
SELECT sum(v), avg(v), count(v) FROM items;
SELECT class, sum(v), avg(v) FROM items GROUP BY class ORDER BY class;
SELECT sum(v), avg(v) FROM items WHERE false;
SELECT sum(v) FILTER (WHERE class = 1) AS filtered, sum(DISTINCT v) AS distinct_sum, avg(v ORDER BY v) AS ordered FROM items;
SELECT class, sum(v) OVER (ORDER BY class, v) AS running FROM items ORDER BY class, v;
SELECT class, avg(v) OVER (ORDER BY class, v ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS sliding FROM items ORDER BY class, v;

-- Accumulated in float8: no overflow on the way, and terms that float4 would lose.
SELECT sum(v), avg(v) FROM (VALUES ('[3e38]'::vector), ('[3e38]'), ('[-3e38]')) t(v);
SELECT avg(v) FROM (VALUES ('[3e38]'::vector), ('[3e38]')) t(v);
SELECT sum(v) FROM (VALUES ('[3e38]'::vector), ('[3e38]')) t(v);
SELECT sum(v) FROM (VALUES ('[1]'::vector), ('[-3e38]'), ('[-3e38]')) t(v);
SELECT sum(v) AS one FROM (VALUES ('[16777216]'::vector), ('[1]'), ('[-16777216]')) t(v);
SELECT sum('[0.1]'::vector) AS ten_thousand_tenths, avg('[1e-45]'::vector) AS denormal FROM generate_series(1, 10000);

-- Mixed dimensions.
SELECT sum(v) FROM (VALUES ('[1,2,3]'::vector), ('[1,2]')) t(v);
SELECT avg(v) FROM (VALUES ('[1]'::vector), ('[1,2]')) t(v);

-- The state, as pgvector's: the count, then the sums. Called from SQL it is not written to.
SELECT vector_accum('{0}', '[1,2]'), vector_accum('{}', '[1,2]'), vector_accum('{2,10,20}', '[1,2]'), vector_accum(NULL, '[1]');
SELECT vector_combine('{1,2,3}', '{2,10,20}'), vector_combine('{0}', '{1,2}') AS left_empty, vector_combine('{1,2}', '{0}') AS right_empty, vector_combine('{0}', '{0}') AS both;
SELECT vector_avg('{4,2,6}'), vector_avg('{0}') IS NULL AS none, vector_sum('{4,2,6}'), vector_sum('{0}') IS NULL AS none;
CREATE TEMP TABLE states (s float8[]);
INSERT INTO states VALUES ('{1,2,3}');
SELECT vector_accum(s, '[1,1]') AS first, vector_accum(s, '[1,1]') AS again, vector_combine(s, s) AS doubled, s AS untouched FROM states;
-- States that are none.
SELECT vector_accum('{1}', '[1]');
SELECT vector_accum('{1,NULL}', '[1]');
SELECT vector_accum('{{1,2}}', '[1]');
SELECT vector_accum('{1,2}', '[1,2]');
SELECT vector_combine('{1,2}', '{1,2,3}');
SELECT vector_avg('{1,NaN}');
SELECT vector_avg('{1,Infinity}');
SELECT vector_sum(array_fill(1.0::float8, ARRAY[16002]));
SELECT vector_avg('{NULL}');

-- Many groups, large vectors, and from storage out of line.
CREATE TEMP TABLE large AS SELECT i % 3 AS class, (SELECT '[' || string_agg((i + j)::text, ',') || ']' FROM generate_series(1, 2000) j)::vector AS v FROM generate_series(1, 30) i;
SELECT class, vector_norm(avg(v) - (SELECT '[' || string_agg((m + j)::text, ',') || ']' FROM generate_series(1, 2000) j)::vector) AS difference
  FROM large JOIN (SELECT c, avg(i) AS m FROM (SELECT i, i % 3 AS c FROM generate_series(1, 30) i) t GROUP BY c) means ON c = class GROUP BY class, m ORDER BY class;
SELECT count(*), sum(norm(s)) AS norms FROM (SELECT i / 2 AS class, sum(format('[%s,0]', i % 2)::vector) AS s FROM generate_series(0, 9999) i GROUP BY i / 2) t;
SELECT aggfnoid::regprocedure, aggtransfn, aggcombinefn, aggfinalfn, aggtranstype::regtype, proparallel FROM pg_aggregate JOIN pg_proc p ON p.oid = aggfnoid
 WHERE proargtypes = ARRAY['vector'::regtype::oid]::oidvector AND proname IN ('sum', 'avg') ORDER BY 1;
