-- Distances of bit strings.
SELECT B'111' <~> B'110' AS one, hamming_distance('111', '000') AS three, hamming_distance('', '') AS none, '10101010101010101010'::bit(20) <~> '01010101010101010101' AS twenty;
SELECT B'1111' <%> B'1110' AS quarter, jaccard_distance('1100', '1000') AS half, jaccard_distance('1111', '1111') AS same, jaccard_distance('1111', '0000') AS nothing_shared, jaccard_distance('0000', '0000') AS zeros, jaccard_distance('', '') AS empty;
SELECT hamming_distance('111', '000'::varbit(4)), NULL::bit <~> B'1' AS unknown, NULL::bit <%> B'1' AS unknown;
-- All lengths, in rows with and without a long header, against PostgreSQL's own operators.
CREATE TABLE strings AS
SELECT n, a, b FROM generate_series(1, 700) n,
	LATERAL (SELECT string_agg((i * n * 7 / 3 % 2)::text, '' ORDER BY i)::varbit AS a, string_agg((i * i / n % 2)::text, '' ORDER BY i)::varbit AS b FROM generate_series(1, n) i) v;
CREATE FUNCTION ones(varbit) RETURNS float8 LANGUAGE sql AS $$ SELECT length(replace($1::text, '0', '')) $$;
SELECT count(*) FILTER (WHERE a <~> b = ones(a # b) AND b <~> a = a <~> b AND a <~> a = 0) AS hamming,
       count(*) FILTER (WHERE a <%> b = CASE WHEN ones(a & b) = 0 THEN 1 ELSE 1 - ones(a & b) / ones(a | b) END) AS jaccard, count(*) FROM strings;
-- The nearest by Hamming distance to a code of a vector.
SELECT n, binary_quantize(v) <~> B'1010' AS distance FROM (VALUES (1, '[1,1,1,1]'::vector), (2, '[1,-1,1,-1]'), (3, '[-1,1,-1,1]'), (4, '[1,0,0.5,1]')) t(n, v) ORDER BY distance, n;
-- Out of line, and the same value again and again.
CREATE TABLE long (v varbit);
ALTER TABLE long ALTER v SET STORAGE external;
INSERT INTO long VALUES (repeat('1', 100003)::varbit), (repeat('10', 50001)::varbit || B'1');
SELECT a.v <~> b.v AS hamming, a.v <%> b.v AS jaccard FROM long a, long b ORDER BY 1;
-- Different lengths.
SELECT B'111' <~> B'1111';
\echo :LAST_ERROR_SQLSTATE
SELECT jaccard_distance('1111', '000');
\echo :LAST_ERROR_SQLSTATE
SELECT hamming_distance('111', '0000'::varbit(4));
DROP TABLE strings, long;
DROP FUNCTION ones;
