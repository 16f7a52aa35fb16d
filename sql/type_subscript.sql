-- v[i] and v[i:j], read and assigned.
\set VERBOSITY default
\set SHOW_CONTEXT never
CREATE TABLE subscripted (id integer, v vector(4));
INSERT INTO subscripted VALUES (1, '[1,2,3,4]'), (2, NULL);

-- as arrays: beyond the ends is NULL, slices are clipped
SELECT v[1], v[4], v[0], v[5], v[-1], v[NULL], v[2147483647], v[-2147483648] FROM subscripted;
SELECT v[2:3], v[:2], v[3:], v[:], v[0:2], v[3:9], v[-5:-1], v[3:2], v[5:6] FROM subscripted WHERE id = 1;
SELECT v[NULL:2], v[1:NULL] FROM subscripted WHERE id = 1;
SELECT v['2'], v[1.6], v[id + 1] FROM subscripted WHERE id = 1;
SELECT pg_typeof(v[1]), pg_typeof(v[1:2]) FROM subscripted WHERE id = 1;
SELECT ('[1,2,3]'::vector)[2:3], (v[2:3])[2] FROM subscripted WHERE id = 1;
SELECT sum(v[1]), count(v[1]) FROM subscripted;
SELECT v[1][1] FROM subscripted;
\echo :LAST_ERROR_SQLSTATE
SELECT v[1:2][1] FROM subscripted;
\echo :LAST_ERROR_SQLSTATE
SELECT v[true] FROM subscripted;
\echo :LAST_ERROR_SQLSTATE

-- out of line
CREATE TABLE far_away (v vector);
INSERT INTO far_away SELECT vector_agg(i ORDER BY i) FROM generate_series(1, 16000) i;
SELECT v[1], v[8000], v[16000], v[16001], v[15999:20000], vector_dims(v[2:]) FROM far_away;
UPDATE far_away SET v[8000] = -1;
SELECT v[7999:8001], vector_dims(v) FROM far_away;

-- assignment
UPDATE subscripted SET v[2] = 20 WHERE id = 1 RETURNING v;
UPDATE subscripted SET v[2:3] = '[5,6]' WHERE id = 1 RETURNING v;
UPDATE subscripted SET v[:2] = '[7,8]', v[4] = v[1] WHERE id = 1 RETURNING v;
UPDATE subscripted SET v[:] = array[1,2,3,4] WHERE id = 1 RETURNING v;
UPDATE subscripted SET v[3:] = v[1:2] WHERE id = 1 RETURNING v;
UPDATE subscripted SET v[0] = 1 WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
UPDATE subscripted SET v[5] = 1 WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
UPDATE subscripted SET v[-1] = 1 WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
UPDATE subscripted SET v[NULL] = 1 WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
UPDATE subscripted SET v[1] = NULL WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
UPDATE subscripted SET v[1:2] = NULL WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
UPDATE subscripted SET v[1:NULL] = '[1]' WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
UPDATE subscripted SET v[1] = 'NaN' WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
UPDATE subscripted SET v[1] = '-Infinity' WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
UPDATE subscripted SET v[1] = 1e39 WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
UPDATE subscripted SET v[4:5] = '[1,2]' WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
UPDATE subscripted SET v[0:1] = '[1,2]' WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
UPDATE subscripted SET v[3:2] = '[1]' WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
UPDATE subscripted SET v[1:2] = '[1]' WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
UPDATE subscripted SET v[1:2] = '[1,2,3]' WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
UPDATE subscripted SET v[1] = 1 WHERE id = 2;
\echo :LAST_ERROR_SQLSTATE
UPDATE subscripted SET v[1][2] = 1 WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
UPDATE subscripted SET v[1] = 'a'::text WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
INSERT INTO subscripted (v[1], v[2]) VALUES (1, 2);
\echo :LAST_ERROR_SQLSTATE
SELECT v FROM subscripted WHERE id = 1;

-- in PL/pgSQL
DO $$
DECLARE
	v vector := '[0,0,0]';
BEGIN
	FOR i IN 1 .. 3 LOOP
		v[i] := i * i;
	END LOOP;
	RAISE NOTICE '%', v;
END $$;

-- a view keeps the subscripts
CREATE VIEW parts AS SELECT v[2] AS e, v[2:] AS s FROM subscripted;
TABLE parts;
SELECT pg_get_viewdef('parts') LIKE '%v[2] AS e%v[2:] AS s%' AS shown;
DROP VIEW parts;
DROP TABLE subscripted, far_away;
