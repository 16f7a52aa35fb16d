-- Dimensions from 1 to 16,000, tables without rows, without vectors, without a difference; lengths that differ by 76 orders.
CREATE SCHEMA index_edge;
SET search_path = index_edge, public;
SET jit = off;
\getenv abs_srcdir PG_ABS_SRCDIR
\set noises :abs_srcdir '/sql/include/noises.sql'
\i :noises

-- Distances in the order of the scan, by the index or without; fails when the plan is another.
CREATE FUNCTION distances(relation text, operator text, query vector, rows int, by_index boolean) RETURNS float8[] LANGUAGE plpgsql AS $$
DECLARE
	statement text := format('SELECT v %s (SELECT $1) AS d FROM %s ORDER BY v %1$s (SELECT $1) LIMIT %3$s', operator, relation, coalesce(rows, 100000));
	line text;
	uses_index boolean := false;
	result float8[];
BEGIN
	PERFORM set_config('enable_seqscan', (NOT by_index)::text, true), set_config('enable_sort', (NOT by_index)::text, true),
	        set_config('enable_indexscan', by_index::text, true), set_config('enable_bitmapscan', 'off', true);
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || replace(statement, '$1', quote_nullable(query) || '::vector') LOOP
		uses_index := uses_index OR line ~ 'Index Scan using|VecdotSearch';
	END LOOP;
	IF uses_index <> by_index THEN
		RAISE EXCEPTION 'unexpected plan of %', statement;
	END IF;
	EXECUTE format('SELECT array_agg(d) FROM (%s) t', statement) INTO result USING query;
	RETURN coalesce(result, '{}');
END $$;
-- For each operator that the table's indexes know: whether index and table give the same at recall 1, and all rows at others.
CREATE FUNCTION agree(relation text, query vector, OUT operator text, OUT rows int, OUT same boolean, OUT complete boolean) RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
	FOR operator IN SELECT o.oprname FROM pg_index x JOIN pg_opclass c ON c.oid = x.indclass[0] JOIN pg_amop a ON a.amopfamily = c.opcfamily JOIN pg_operator o ON o.oid = a.amopopr
	                 WHERE x.indrelid = relation::regclass AND a.amoppurpose = 'o' ORDER BY o.oprname COLLATE "C" LOOP
		PERFORM set_config('vecdot.recall', '1', true);
		rows := cardinality(distances(relation, operator, query, NULL, true));
		same := distances(relation, operator, query, NULL, true) = distances(relation, operator, query, NULL, false)
			AND distances(relation, operator, query, 3, true) = distances(relation, operator, query, 3, false);
		complete := true;
		FOR setting IN 5..9 LOOP
			PERFORM set_config('vecdot.recall', '0.' || setting, true);
			complete := complete AND ARRAY(SELECT d FROM unnest(distances(relation, operator, query, NULL, true)) d ORDER BY d)
			                       = ARRAY(SELECT d FROM unnest(distances(relation, operator, query, NULL, false)) d ORDER BY d);
		END LOOP;
		RETURN NEXT;
	END LOOP;
END $$;
CREATE PROCEDURE index_all(relation text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE INDEX ON %s USING vecdot (v vector_l2_ops)', relation);
	EXECUTE format('CREATE INDEX ON %s USING vecdot (v vector_ip_ops)', relation);
	EXECUTE format('CREATE INDEX ON %s USING vecdot (v vector_cosine_ops)', relation);
END $$;

-- One dimension: cosine knows three distances.
CREATE TABLE one (id int, v vector(1));
INSERT INTO one SELECT i, ARRAY[i % 50 - 25]::vector FROM generate_series(1, 300) i;
CALL index_all('one');
SELECT q, a.* FROM unnest('{[3],[-3],[0],[2.5],[3.4e38],[1e-45]}'::vector[]) q, LATERAL agree('one', q) a;
SET enable_seqscan = off;
SELECT v, v <-> '[1.2]' AS d FROM one GROUP BY v ORDER BY d LIMIT 3;
SELECT v FROM one ORDER BY v <-> '[30]' LIMIT 8;
SELECT v <=> '[7]' AS d, count(*) FROM (SELECT v FROM one ORDER BY v <=> '[7]' LIMIT 1000) t GROUP BY d ORDER BY d;
RESET enable_seqscan;

-- Two, a grid, and three.
CREATE TABLE two (id int, v vector(2));
INSERT INTO two SELECT x + 20 * y, ARRAY[x - 10, y - 10]::vector FROM generate_series(0, 19) x, generate_series(0, 19) y;
CALL index_all('two');
SELECT q, a.* FROM unnest('{"[0,0]","[0.1,0.2]","[-1e30,1e-30]","[9,9]"}'::vector[]) q, LATERAL agree('two', q) a;
CREATE TABLE three (id int, v vector(3));
INSERT INTO three SELECT i, noises(i, 3) FROM generate_series(1, 500) i;
CALL index_all('three');
SELECT q, a.* FROM unnest('{"[0,0,1]","[1,1,1]"}'::vector[]) q, LATERAL agree('three', q) a;

-- Around the multiples of 64 to which codes are padded, and where a code needs more than a page.
CREATE TABLE wide (v vector);
CREATE FUNCTION agree_in(dimensions int, count int, OUT operator text, OUT rows int, OUT same boolean, OUT complete boolean) RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('DROP TABLE wide; CREATE TABLE wide (id serial, v vector(%s))', dimensions);
	INSERT INTO wide (v) SELECT noises(i % 7, dimensions) + noises(100 + i, dimensions, 0.3) FROM generate_series(1, count) i;
	CALL index_all('wide');
	-- Half built, half inserted, and some zero.
	INSERT INTO wide (v) SELECT noises(i % 5, dimensions) + noises(10000 + i, dimensions, 0.3) FROM generate_series(1, count) i;
	INSERT INTO wide (v) SELECT noises(1, dimensions, 0) FROM generate_series(1, 2);
	RETURN QUERY SELECT a.* FROM agree('wide', noises(3, dimensions)) a;
END $$;
SELECT d, a.* FROM unnest('{63,64,65,127,128,129,1000}'::int[]) d, LATERAL agree_in(d, 100) a;
SELECT d, a.* FROM unnest('{2001,8128,16000}'::int[]) d, LATERAL agree_in(d, 20) a;
SELECT vector_dims(v), count(*) FROM wide GROUP BY 1;

-- No row, then one, then one more beside it; only NULL; only zero.
CREATE TABLE none (id serial, v vector(5));
CALL index_all('none');
SELECT a.* FROM agree('none', '[1,2,3,4,5]') a;
SELECT a.* FROM agree('none', NULL) a;
INSERT INTO none (v) VALUES ('[1,1,1,1,1]');
SELECT a.* FROM agree('none', '[1,2,3,4,5]') a;
INSERT INTO none (v) VALUES ('[1,2,1,1,1]'), (NULL), ('[0,0,0,0,0]');
SELECT a.* FROM unnest('{"[1,2,3,4,5]","[0,0,0,0,0]",NULL}'::vector[]) q, LATERAL agree('none', q) a;
DELETE FROM none;
SELECT a.* FROM agree('none', '[1,2,3,4,5]') a;
VACUUM none;
SELECT a.* FROM agree('none', '[1,2,3,4,5]') a;
INSERT INTO none (v) VALUES ('[5,5,5,5,5]');
SELECT a.* FROM agree('none', '[1,2,3,4,5]') a;
TRUNCATE none;
SELECT a.* FROM agree('none', '[1,2,3,4,5]') a;
CREATE TABLE nulls (id serial, v vector(5));
INSERT INTO nulls (v) SELECT NULL FROM generate_series(1, 1000);
CALL index_all('nulls');
SELECT a.* FROM agree('nulls', '[1,2,3,4,5]') a;
INSERT INTO nulls (v) SELECT NULL FROM generate_series(1, 1000);
INSERT INTO nulls (v) VALUES ('[1,2,3,4,5]');
SELECT a.* FROM agree('nulls', '[1,2,3,4,5]') a;
CREATE TABLE zeros (id serial, v vector(5));
INSERT INTO zeros (v) SELECT CASE WHEN i % 2 = 0 THEN '[0,0,0,0,0]' ELSE '[0,-0,0,-0,0]' END::vector FROM generate_series(1, 1000) i;
CALL index_all('zeros');
SELECT a.* FROM unnest('{"[1,2,3,4,5]","[0,0,0,0,0]"}'::vector[]) q, LATERAL agree('zeros', q) a;
INSERT INTO zeros (v) SELECT '[0,0,0,0,0]' FROM generate_series(1, 1000);
INSERT INTO zeros (v) VALUES ('[5,4,3,2,1]'), ('[-5,4,3,2,1]');
SELECT a.* FROM unnest('{"[1,2,3,4,5]","[0,0,0,0,0]"}'::vector[]) q, LATERAL agree('zeros', q) a;

-- All rows equal, and all but one.
CREATE TABLE equals (id serial, v vector(40));
INSERT INTO equals (v) SELECT noises(1, 40) FROM generate_series(1, 1500);
CALL index_all('equals');
SELECT a.* FROM unnest(ARRAY[noises(1, 40), noises(2, 40), noises(1, 40, 0)]) q, LATERAL agree('equals', q) a;
INSERT INTO equals (v) SELECT noises(1, 40) FROM generate_series(1, 1500);
INSERT INTO equals (v) VALUES (noises(2, 40));
SELECT a.* FROM unnest(ARRAY[noises(1, 40), noises(2, 40)]) q, LATERAL agree('equals', q) a;

-- Largest, least, and everything between; built and inserted; a query of either kind.
CREATE TABLE extremes (id serial, v vector(6));
INSERT INTO extremes (v) SELECT noises(i, 6, 10.0 ^ (i % 77 - 38)) FROM generate_series(1, 400) i;
INSERT INTO extremes (v) VALUES ('[3.4028235e38,3.4028235e38,3.4028235e38,3.4028235e38,3.4028235e38,3.4028235e38]'), ('[-3.4028235e38,-3.4028235e38,-3.4028235e38,-3.4028235e38,-3.4028235e38,-3.4028235e38]'),
	('[1e-45,0,0,0,0,0]'), ('[-1e-45,1e-45,-1e-45,1e-45,-1e-45,1e-45]'), ('[1.1754944e-38,0,0,0,0,0]'), ('[1e38,1e-38,-1e38,-1e-38,0,1]'), ('[0,0,0,0,0,0]');
CALL index_all('extremes');
SELECT n, a.* FROM unnest('{"[1e-45,0,0,0,0,0]","[3.4028235e38,3.4028235e38,3.4028235e38,3.4028235e38,3.4028235e38,3.4028235e38]","[1e38,-1e38,1e38,0,0,0]","[1e-38,1,1e38,-1e-38,-1,-1e38]","[0,0,0,0,0,0]"}'::vector[]) WITH ORDINALITY t(q, n), LATERAL agree('extremes', q) a;
INSERT INTO extremes (v) SELECT noises(i, 6, 10.0 ^ (i % 77 - 38)) FROM generate_series(401, 800) i;
INSERT INTO extremes (v) SELECT v FROM extremes WHERE id > 395 AND id < 410;
SELECT n, a.* FROM unnest('{"[1e-45,0,0,0,0,0]","[3.4028235e38,3.4028235e38,3.4028235e38,3.4028235e38,3.4028235e38,3.4028235e38]","[1e38,-1e38,1e38,0,0,0]","[1e-38,1,1e38,-1e-38,-1,-1e38]","[0,0,0,0,0,0]"}'::vector[]) WITH ORDINALITY t(q, n), LATERAL agree('extremes', q) a;
-- An index that was built over small rows only, and then meets the largest; the other way round.
CREATE TABLE growing (id serial, v vector(6));
INSERT INTO growing (v) SELECT noises(i, 6, 1e-40) FROM generate_series(1, 300) i;
CALL index_all('growing');
INSERT INTO growing (v) SELECT noises(i, 6, 3.4e38) FROM generate_series(1, 300) i;
SELECT n, a.* FROM unnest('{"[1e-40,0,0,1e-40,0,0]","[1,2,3,4,5,6]","[1e38,1e38,0,0,0,-3e38]"}'::vector[]) WITH ORDINALITY t(q, n), LATERAL agree('growing', q) a;
TRUNCATE growing;
INSERT INTO growing (v) SELECT noises(i, 6, 3.4e38) FROM generate_series(1, 300) i;
REINDEX TABLE growing;
INSERT INTO growing (v) SELECT noises(i, 6, 1e-40) FROM generate_series(1, 300) i;
SELECT n, a.* FROM unnest('{"[1e-40,0,0,1e-40,0,0]","[1,2,3,4,5,6]","[1e38,1e38,0,0,0,-3e38]"}'::vector[]) WITH ORDINALITY t(q, n), LATERAL agree('growing', q) a;

-- Inner product: rows of very different lengths, and then each longer than all before. The longest along the query is the nearest.
CREATE TABLE lengths (id serial, v vector(16));
INSERT INTO lengths (v) SELECT noises(i, 16, exp(i % 10)) FROM generate_series(1, 1000) i;
CREATE INDEX ON lengths USING vecdot (v vector_ip_ops);
SELECT a.* FROM generate_series(1, 3) s, LATERAL agree('lengths', noises(s, 16)) a;
DO $$
DECLARE
	query vector := noises(5, 16);
	scale float8 := 1e4;
	setting text;
	nearest int;
	added int;
BEGIN
	SET LOCAL enable_seqscan = off;
	FOR i IN 1..40 LOOP
		scale := scale * 7;
		INSERT INTO lengths (v) VALUES ((query + noises(100 + i, 16, 0.01)) * scale::real) RETURNING id INTO added;
		FOREACH setting IN ARRAY '{0.5,1}'::text[] LOOP
			PERFORM set_config('vecdot.recall', setting, true);
			SELECT id INTO nearest FROM lengths ORDER BY v <#> query LIMIT 1;
			IF nearest <> added THEN
				RAISE NOTICE 'row % instead of % at length %', nearest, added, scale;
			END IF;
		END LOOP;
	END LOOP;
END $$;
SELECT a.* FROM generate_series(1, 3) s, LATERAL agree('lengths', noises(s, 16)) a;
-- Zero rows under inner product lie between those of either sign.
INSERT INTO lengths (v) SELECT noises(1, 16, 0) FROM generate_series(1, 10);
SELECT a.* FROM unnest(ARRAY[noises(7, 16), noises(1, 16, 0)]) q, LATERAL agree('lengths', q) a;

-- Rows that are almost equal: differences in the last bits of large elements.
CREATE TABLE close (id serial, v vector(10));
INSERT INTO close (v) SELECT (SELECT array_agg((1000 + 6.1e-5 * (hashint8extended(n, i) & 3))::real ORDER BY n) FROM generate_series(1, 10) n)::vector FROM generate_series(1, 800) i;
CALL index_all('close');
SELECT a.* FROM close, LATERAL agree('close', v) a WHERE id = 17;
SET client_min_messages = warning;
DROP SCHEMA index_edge CASCADE;
