-- For unit vectors |a - b|^2 = 2 - 2 a.b, so <->, <#> and <=> give the same order: random rows.
SELECT setseed(0.25) IS NOT NULL AS seeded;
CREATE TEMPORARY TABLE units AS
SELECT d, i, unit(vector_agg(sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))) AS u
  FROM unnest(ARRAY[1, 2, 3, 17, 128, 784]) d, generate_series(1, 50) i, generate_series(1, d)
 GROUP BY d, i;
CREATE TEMPORARY TABLE pairs AS
SELECT a.d, a.i, a.u <-> b.u AS l2, a.u <#> b.u AS negative_product, a.u <=> b.u AS cosine
  FROM units a JOIN units b USING (d);
SELECT d, count(*), bool_and(abs(l2 * l2 - (2 + 2 * negative_product)) < 1e-6) AS product, bool_and(abs(l2 * l2 - 2 * cosine) < 1e-6) AS cosine
  FROM pairs GROUP BY d ORDER BY d;
-- In the order of one the others never fall, but for the rounding of unit vectors to float4.
SELECT d, bool_and(product_step > -2e-7) AS product_follows, bool_and(cosine_step > -2e-7) AS cosine_follows
  FROM (SELECT d, negative_product - lag(negative_product) OVER nearest AS product_step, cosine - lag(cosine) OVER nearest AS cosine_step
          FROM pairs WINDOW nearest AS (PARTITION BY d, i ORDER BY l2)) t
 GROUP BY d ORDER BY d;
-- Without unit length they differ: the longest wins by product, the closest by distance.
WITH c(v) AS (VALUES ('[9,0]'::vector), ('[1,1.5]'), ('[4,4]'))
SELECT (SELECT v FROM c ORDER BY v <#> '[1,1]' LIMIT 1) AS product,
       (SELECT v FROM c ORDER BY v <-> '[1,1]' LIMIT 1) AS distance,
       (SELECT v FROM c ORDER BY v <=> '[1,1]' LIMIT 1) AS cosine;
