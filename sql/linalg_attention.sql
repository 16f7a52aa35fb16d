-- Equal scores: the mean. Score ln 3 against 0: three quarters.
SELECT attention('[0,0]', k, v) FROM (VALUES ('[1,2]'::vector, '[2,0]'::vector), ('[3,4]', '[4,10]')) t(k, v);
SELECT attention('[1]', k, v, ln(3)::float8) FROM (VALUES ('[1]'::vector, '[4]'::vector), ('[0]', '[8]'), (NULL, '[1]'), ('[1]', NULL)) t(k, v);
SELECT attention('[1]', k, k) IS NULL AS no_rows FROM (SELECT '[1]'::vector AS k WHERE false) t;
SELECT attention('[3e38]', k, v) FROM (VALUES ('[3e38]'::vector, '[1,0]'::vector), ('[3e38]', '[0,1]'), ('[-3e38]', '[9,9]')) t(k, v);
SELECT attention('[3e38]', k, v, 1e300) FROM (VALUES ('[3e38]'::vector, '[1,0]'::vector), ('[3e38]', '[0,1]'), ('[-3e38]', '[9,9]')) t(k, v);
SELECT attention_weights('[1]', '{"[0]","[0]"}'::vector[]), attention_scores('{"[1,0,0,0]","[0,2,0,0]"}'::vector[], '{"[4,6,0,0]"}'::vector[]);
SELECT attention('{"[0]","[0]"}'::vector[], '{"[1]","[2]"}'::vector[], '{"[2]","[4]"}'::vector[]) AS plain,
       attention('{"[0]","[0]"}'::vector[], '{"[1]","[2]"}'::vector[], '{"[2]","[4]"}'::vector[], true) AS causal,
       attention('{"[0,0]"}'::vector[], '{"[1,1]","[2,2]"}'::vector[], '{"[2,6]","[4,8]"}'::vector[], heads => 2) AS heads;
-- Parallel workers and one process agree.
CREATE TABLE memory AS SELECT i, ARRAY[sin(i), cos(i)]::vector AS k, ARRAY[i, -i, 1]::vector AS v FROM generate_series(1, 5000) i;
ALTER TABLE memory SET (parallel_workers = 2);
ANALYZE memory;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE serial AS SELECT attention('[1,2]', k, v) AS a, pca(v, 2) AS p, linear_discriminant(k, i % 3) AS l FROM memory;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT attention('[1,2]', k, v), pca(v, 2), linear_discriminant(k, i % 3) FROM memory;
SELECT (s.a <-> m.a) < 1e-3 AS attention,
       abs((s.p).explained_variance[1] / (m.p).explained_variance[1] - 1) < 1e-9 AS variance,
       ((s.p).mean <-> (m.p).mean) < 1e-3 AS mean, (m.p).n,
       ((s.l).bias <-> (m.l).bias) < 1e-4 AS bias, (m.l).classes
  FROM serial s, (SELECT attention('[1,2]', k, v) AS a, pca(v, 2) AS p, linear_discriminant(k, i % 3) AS l FROM memory) m;
DROP TABLE memory, serial;
