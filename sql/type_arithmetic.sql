-- Element by element.
SELECT '[1,2,3]'::vector + '[10,20,30]' AS sum, '[1,2,3]'::vector - '[10,20,30]' AS difference, '[1,2,3]'::vector * '[10,20,30]' AS product;
SELECT vector_add('[1]', '[2]'), vector_sub('[1]', '[2]'), vector_mul('[3]', '[2]');
SELECT 2 * '[1,-2,0]'::vector AS scaled, '[1,-2,0]'::vector * 0.5 AS scaled_right, '[1,-2,0]'::vector / 4 AS divided, - '[1,-2,0]'::vector AS negated;
SELECT vector_scale(3, '[1,2]'), vector_scale('[1,2]', 3), vector_divide('[1,2]', 2), vector_negate('[1,-2]');
-- Computed in float8, rounded once.
SELECT '[1,10]'::vector * 0.1 AS tenth, '[3]'::vector / 3 AS third;
-- @ binds more loosely than -, hence the parentheses.
SELECT 1 - (2 * '[1]'::vector @ '[3]') AS parenthesised;
-- Precision of float4: rounded to nearest, ties to even.
SELECT '[16777216]'::vector + '[1]' AS even, '[16777216]'::vector + '[3]' AS up;
SELECT '[1e-45]'::vector + '[1e-45]' AS denormal, '[1e-45]'::vector - '[1e-45]' AS zero, '[1e-20]'::vector * '[1e-20]' AS denormal_product;
SELECT '[3e38]'::vector + '[-3e38]' AS cancelled, '[0,1]'::vector * '[1e-45,1]' AS zero_is_no_underflow;
-- Scaling by 0 and of 0.
SELECT 0 * '[1,-1,1e-45]'::vector AS zero, '[0,0]'::vector * 1e-300 AS still_zero, '[0,1]'::vector / 1e38 AS small, '-0'::float8 * '[1]'::vector AS minus_zero;
-- A factor that float4 does not hold.
SELECT '[1e-38]'::vector * 1e39 AS large, '[1e38]'::vector / 1e39 AS divided;

-- Unit length.
SELECT l2_normalize('[3,4]'::vector), l2_normalize('[0,0]'::vector) AS zero, unit('[3,4]'), unit('[0,0]') IS NULL AS no_direction, "normalize"('[0,5]'::vector), "normalize"('[0,0]'::vector) IS NULL AS none;
SELECT l2_normalize('[3e38,4e-45]'::vector) AS large, l2_normalize('[4.2e-45,5.6e-45]'::vector) AS denormal, unit('[-7]') AS one;
SELECT bool_and(abs(norm(l2_normalize(v)) - 1) < 1e-7) AS unit_length, bool_and(l2_normalize(v) = unit(v)) AS the_same
  FROM (SELECT format('[%s,%s,%s]', sin(i), cos(i * 7), sqrt(i))::vector AS v FROM generate_series(1, 200) i) t;
SELECT normalize('é', NFC) = 'é' AS sql_normalize_still_works;

SELECT NULL::vector + '[1]' AS plus, '[1]'::vector * NULL::float8 AS times, - NULL::vector AS minus, l2_normalize(NULL::vector), unit(NULL);
-- Small vectors have one byte of header in a row, large ones are out of line: the same results.
CREATE TEMP TABLE stored (v vector, w vector);
INSERT INTO stored VALUES ('[1,2,3]', '[4,5,6]');
INSERT INTO stored SELECT v, v * 2 FROM (SELECT ('[1' || repeat(',2', 2999) || ']')::vector) t(v);
SELECT sum(norm(v + v - 2 * v)) AS zero, sum((v + w) @ (v - w)) AS difference_of_squares, sum(norm(v) ^ 2 - norm(w) ^ 2)::numeric(12,4) AS the_same,
       bool_and(w * v = v * w) AS commutes, bool_and(- (- v) = v) AS twice, bool_and((v * 4) / 4 = v) AS back FROM stored;
