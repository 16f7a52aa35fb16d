-- softmax, activations, arg max: worked by hand.
SELECT softmax('[0,0,0,0]') AS uniform, softmax('[3e38,-3e38]') AS extreme, softmax('[5]') AS single;
SELECT round(v::numeric, 5) FROM unnest(softmax('[1,2,3]')::real[]) v;
SELECT round(v::numeric, 5) FROM unnest(softmax('[1,2,3]', 0.5)::real[]) v;
SELECT round(v::numeric, 5) FROM unnest(log_softmax('[1,2,3]')::real[]) v;
SELECT sigmoid('[0,-1000,1000]'), relu('[-1,0,2]'), argmax('[1,3,3]'), argmin('[2,-1,-1]'), element_max('[1,3,2]'), element_min('[1,3,2]'), element_sum('[3e38,3e38]') > 5.9e38 AS wide, element_sum('[1,2,3]');
SELECT softmax(NULL) IS NULL AS nothing;
SELECT matvec('{"[1,2]","[3,4]","[0,-1]"}'::vector[], '[5,6]'), project('[5,6]', '{"[1,2]","[3,4]"}'::vector[]), linear('[5,6]', '{"[1,2]","[3,4]"}'::vector[], '[100,-100]');
SELECT lambert('[0,0,2]', '[0,0,5]') AS lit, round(lambert('[0,0,1]', '[0,1,1]')::numeric, 6) AS slanted, lambert('[0,0,1]', '[0,0,-1]') AS behind, lambert('[0,0,0]', '[0,0,1]') AS zero;
-- For unit vectors the three distances give the same order.
WITH v AS (SELECT i, unit(ARRAY[sin(i), cos(i * 1.7), sin(i * i)]::vector) AS u FROM generate_series(1, 200) i),
     d AS (SELECT a.i, (a.u <-> b.u) AS l2, (a.u <#> b.u) AS ip, (a.u <=> b.u) AS cosine FROM v a, v b WHERE b.i = 7)
SELECT bool_and(abs(l2 * l2 - (2 + 2 * ip)) < 1e-6) AS identity, bool_and(abs(cosine - (1 + ip)) < 1e-6) AS cosine FROM d;
