-- Projections.
SELECT '[2,3]'::vector ## '[1,0]' AS onto_x, '[2,3]'::vector ## '[0,-5]' AS onto_minus_y, projection('[1,2,2]', '[3,0,4]');
SELECT rejection('[2,3]', '[1,0]') AS y, rejection('[2,4]', '[1,2]') AS none, '[2,3]'::vector @/ '[0,-5]' AS shadow, scalar_projection('[1,2,2]', '[3,0,4]');
-- (11/25) * [3,0,4] = [1.32,0,1.76]; the rejection of [1,2,2] is [-0.32,2,0.24]; 11/5 = 2.2
SELECT projection('[1,2,2]', '[3,0,4]') = '[1.32,0,1.76]' AS projection, rejection('[1,2,2]', '[3,0,4]') = '[-0.32,2,0.24]' AS rejection;
-- The lengths differ by 76 powers of ten.
SELECT '[1e38,0]'::vector ## '[1e-38,0]' AS large, '[1e38,1e38]'::vector @/ '[1e-45,0]' = 1e38::real::float8 AS shadow, '[1e-45,0]'::vector ## '[1e38,1e38]' AS small;
-- A zero vector as direction and as what is projected.
SELECT '[1,2]'::vector ## '[0,0]' IS NULL AS projection, rejection('[1,2]', '[0,0]') IS NULL AS rejection, '[1,2]'::vector @/ '[0,0]' AS shadow;
SELECT '[0,0]'::vector ## '[1,2]' AS projection, rejection('[0,0]', '[1,2]'), '[0,0]'::vector @/ '[1,2]' AS shadow;
-- Parts add up, and the rejection is orthogonal.
SELECT bool_and(norm((a ## b) + rejection(a, b) - a) <= 2e-7 * norm(a)) AS add_up,
       bool_and(abs(rejection(a, b) @ b) <= 3e-7 * norm(a) * norm(b)) AS orthogonal, bool_and(abs((a @/ b) - norm(a) * cos(angle(a, b))) <= 1e-14 * norm(a)) AS shadow
  FROM (SELECT format('[%s,%s,%s]', sin(i), cos(i * 7), sqrt(i))::vector AS a, format('[%s,%s,%s]', cos(i), i % 7 - 3, sin(i * 3))::vector AS b FROM generate_series(1, 300) i) t;

-- Orthogonal and parallel: relative to the lengths.
SELECT '[1,2]'::vector ?-| '[-2,1]' AS yes, '[1,2]'::vector ?-| '[1,2]' AS no, is_orthogonal('[1,0]', '[1e-7,1]') AS nearly, is_orthogonal('[1,0]', '[1e-5,1]') AS not_enough;
SELECT '[1,2]'::vector ?|| '[3,6]' AS yes, '[1,2]'::vector ?|| '[-3,-6]' AS opposite, '[1,2]'::vector ?|| '[2,1]' AS no,
       is_parallel('[1,0]', '[1,1e-7]') AS nearly, is_parallel('[1,0]', '[1,1e-5]') AS not_enough;
SELECT s AS scale, ('[1,2,3]'::vector * s) ?-| '[3,0,-1]' AS orthogonal, ('[1,2,3]'::vector * s) ?|| '[1,2,3]' AS parallel,
       ('[1,2,3]'::vector * s) ?-| '[3,0,-1.001]' AS not_orthogonal, ('[1,2,3]'::vector * s) ?|| '[1,2,3.001]' AS not_parallel
  FROM (VALUES (1e-35::float8), (1), (-1e6), (1e38)) t(s);
SELECT '[0,0]'::vector ?-| '[1,2]' AS zero_orthogonal, '[0,0]'::vector ?|| '[1,2]' AS zero_parallel;
SELECT bool_and(v ?|| (v * s)) AS multiples FROM (SELECT format('[%s,%s,%s]', sin(i), cos(i * 7), sqrt(i))::vector AS v, i * 0.37 - 20 AS s FROM generate_series(1, 200) i) t;
-- 16,000 ones are parallel to themselves, orthogonal to those of alternating sign.
SELECT a ?|| a AS itself, a ?-| b AS alternating, a ?|| b AS neither
  FROM (SELECT ('[1' || repeat(',1', 15999) || ']')::vector AS a, ('[1,-1' || repeat(',1,-1', 7999) || ']')::vector AS b) t;

SELECT NULL::vector ## '[1]' AS projection, rejection('[1]', NULL), '[1]'::vector @/ NULL AS shadow, '[1]'::vector ?-| NULL AS orthogonal, NULL::vector ?|| '[1]' AS parallel;
SELECT oprname, oprcom::regoperator, oprrest, oprjoin FROM pg_operator WHERE oprleft = 'vector'::regtype AND oprname IN ('?-|', '?||') ORDER BY 1;
