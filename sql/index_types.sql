-- The index over halfvec and bit: the rows of a sequential scan at recall 1, grown and built, checked against the table.
CREATE SCHEMA index_types;
SET search_path = index_types, public;
\set VERBOSITY terse
\getenv abs_srcdir PG_ABS_SRCDIR
\set noises :abs_srcdir '/sql/include/noises.sql'
\i :noises

-- Ten clusters; copies, NULL and zero vectors; half of the rows come after the indexes.
CREATE TABLE items (id int PRIMARY KEY, h halfvec(30), b bit(70));
CREATE FUNCTION add_items(first int, last int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO items
	SELECT i, CASE WHEN i % 97 = 0 THEN NULL WHEN i % 101 = 0 THEN noises(1, 30, 0)::halfvec ELSE v::halfvec END,
	       CASE WHEN i % 97 = 0 THEN NULL ELSE binary_quantize(v || v || subvector(v, 1, 10)) END
	  FROM (SELECT i, noises(i % 10, 30) + noises(1000 + CASE WHEN i % 5 = 0 THEN i - 1 ELSE i END, 30, 0.5) AS v
	          FROM generate_series(first, last) i) t $$;
SELECT add_items(1, 1000);
CREATE INDEX items_l2 ON items USING vecdot (h halfvec_l2_ops);
CREATE INDEX items_cosine ON items USING vecdot (h);
CREATE INDEX items_ip ON items USING vecdot (h halfvec_ip_ops);
CREATE INDEX items_hamming ON items USING vecdot (b);
SELECT add_items(1001, 2000);
DELETE FROM items WHERE id % 11 = 0;
VACUUM ANALYZE items;
SELECT metric, dimensions, rows FROM unnest('{items_l2,items_cosine,items_ip,items_hamming}'::regclass[]) i, vecdot_index_info(i);
SELECT i, vecdot_index_check(i, true) FROM unnest('{items_l2,items_cosine,items_ip,items_hamming}'::regclass[]) i;

-- Distances of the nearest 25 rows of 20 queries, by the index and by a scan; and how often the index was used.
CREATE FUNCTION differences(op text, col text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	statement text := format('SELECT array_agg(d) FROM (SELECT %2$s %1$s (%3$s) AS d FROM items ORDER BY %2$s %1$s (%3$s) LIMIT 25) t', op, col, query);
	found float8[];
	truth float8[];
	plan text;
	wrong int := 0;
	used int := 0;
BEGIN
	FOR q IN 1..20 LOOP
		SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_indexscan = on;
		EXECUTE 'EXPLAIN (FORMAT json) ' || replace(statement, '$1', q::text) INTO plan;
		used := used + (plan ~ ('items_(l2|cosine|ip|hamming)'))::int;
		EXECUTE replace(statement, '$1', q::text) INTO found;
		SET LOCAL enable_seqscan = on; SET LOCAL enable_sort = on; SET LOCAL enable_indexscan = off;
		EXECUTE replace(statement, '$1', q::text) INTO truth;
		wrong := wrong + (found IS DISTINCT FROM truth)::int;
	END LOOP;
	RETURN format('%s of 20 by the index, %s differ', used, wrong);
END $$;
SET vecdot.recall = 1;
SELECT op, differences(op, 'h', '(noises($1 % 12, 30) + noises(9000 + $1, 30, 0.5))::halfvec(30)')
  FROM unnest('{<->,<=>,<#>}'::text[]) op;
SELECT differences('<~>', 'b', 'SELECT b FROM items WHERE id = 3 * $1 + 1');
SELECT count(*) FROM (SELECT id FROM items ORDER BY b <~> (SELECT b FROM items WHERE id = 7) LIMIT 5000) t;
RESET vecdot.recall;
SELECT recall >= 0.97 AS halfvec FROM vecdot_index_recall('items_l2', 10, 50);
SELECT recall >= 0.97 AS bit FROM vecdot_index_recall('items_hamming', 10, 50);
-- Hamming distances are whole numbers, and so are the bounds: few rows beyond the wanted are fetched.
SELECT fetched_rows < 100 AS few FROM vecdot_index_recall('items_hamming', 10, 50);

-- What doesn't fit.
SELECT id FROM items ORDER BY h <-> '[1,2]' LIMIT 1;
SELECT id FROM items ORDER BY b <~> B'101' LIMIT 1;
CREATE TABLE others (h halfvec, b bit varying, s sparsevec(3), wide bit(16001));
CREATE INDEX ON others USING vecdot (h);
CREATE INDEX ON others USING vecdot (s);
CREATE INDEX ON others USING vecdot (wide);
INSERT INTO others (h) VALUES ('[1,2,3]'), ('[1,2]');
CREATE INDEX ON others USING vecdot ((h::halfvec(3)));
CREATE INDEX ON others USING vecdot ((b::bit(8)) bit_hamming_ops);
SELECT amvalidate(oid), opcname FROM pg_opclass WHERE opcname ~ '^(halfvec|bit)_' AND opcmethod = (SELECT oid FROM pg_am WHERE amname = 'vecdot') ORDER BY 2;
SET client_min_messages = warning;
DROP SCHEMA index_types CASCADE;
