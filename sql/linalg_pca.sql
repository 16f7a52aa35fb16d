-- Variances 16/3 along the diagonal and 4/3 across it.
CREATE TEMPORARY TABLE points AS SELECT v FROM (VALUES ('[12,2]'::vector), ('[8,-2]'), ('[11,-1]'), ('[9,1]'), (NULL)) t(v);
CREATE TEMPORARY TABLE model AS SELECT pca(v, 2) AS m FROM points;
SELECT (m).mean, (m).n, ARRAY(SELECT round(x::numeric, 6) FROM unnest((m).explained_variance) x) AS variance,
       ARRAY(SELECT round(x::numeric, 6) FROM unnest((m).explained_variance_ratio) x) AS ratio FROM model;
SELECT ARRAY(SELECT round(x::numeric, 5) FROM unnest(c::real[]) x) FROM model, unnest((m).components) c;
SELECT v, ARRAY(SELECT round(x::numeric, 4) FROM unnest(pca_transform(v, m)::real[]) x) AS z,
       (pca_inverse_transform(pca_transform(v, m), m) <-> v) < 1e-5 AS back FROM points, model WHERE v IS NOT NULL;
SELECT (pca(v, 1)).n FROM points;
-- Equal rows: no variance, unit axes. No rows: NULL.
SELECT (pca('[1,2,3]'::vector, 2)).* FROM generate_series(1, 5);
SELECT pca(v, 2) IS NULL AS nothing FROM points WHERE v IS NULL;
-- A classifier worked by hand: S = diag(2/3, 1/6), class means 4 and 2 apart.
CREATE TEMPORARY TABLE cross_shape AS SELECT v, c FROM (VALUES ('[1,0]'::vector, 7), ('[-1,0]', 7), ('[0,0.5]', 7), ('[0,-0.5]', 7),
  ('[5,2]', -3), ('[3,2]', -3), ('[4,2.5]', -3), ('[4,1.5]', -3)) t(v, c);
SELECT ARRAY(SELECT round(x::numeric, 4) FROM unnest(w::real[]) x) FROM (SELECT linear_discriminant(v, c, 0) AS m FROM cross_shape) t, unnest((m).weights) w;
SELECT (m).classes, (m).n, ARRAY(SELECT round(x::numeric, 4) FROM unnest((m).bias::real[]) x) AS bias FROM (SELECT linear_discriminant(v, c, 0) AS m FROM cross_shape) t;
SELECT count(*) FILTER (WHERE (m).classes[argmax(linear(v, (m).weights, (m).bias))] = c) AS right, count(*)
  FROM cross_shape, (SELECT linear_discriminant(v, c) AS m FROM cross_shape) t;
