-- What an index refuses, when, and with which SQLSTATE; and what it can't be used for, where the table is read.
CREATE SCHEMA error_index;
SET search_path = error_index, public;
\set VERBOSITY sqlstate
\set SHOW_CONTEXT never
SET jit = off;
CREATE FUNCTION error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	-- PostgreSQL 18 names the schema of types and operators, 19 has one sentence of a hint in the detail.
	RETURN replace(concat_ws(' | ', SQLSTATE || ' ' || replace(SQLERRM, 'public.', ''), nullif(detail, ''), nullif(hint, '')),
		'No operator of that name accepts the given argument types. | You', 'No operator matches the given name and argument types. You');
END $$;
CREATE FUNCTION plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; result text := 'table';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
		IF line ~ 'Index Scan|Custom Scan' THEN result := trim(line); END IF;
	END LOOP;
	RETURN result;
END $$;
CREATE TABLE items (id int PRIMARY KEY, v vector(3), free vector, a real[], name text, w vector(3));
INSERT INTO items SELECT i, ARRAY[i, i % 7, 1]::vector, ARRAY[i, 2]::vector, '{1,2,3}', 'x', ARRAY[1, i, i % 5]::vector FROM generate_series(1, 200) i;

-- Creating one.
SELECT s AS "CREATE INDEX ON items USING vecdot", error_of('CREATE INDEX ON items USING vecdot ' || s) FROM unnest(ARRAY[
	'(free)', '((v::vector))', '((free::vector(2)))', '((free::vector(3)))', '(a)', '(name)', '(id)', '(v no_such_ops)', '(v vector_ops)',
	'(v, w)', '(v) INCLUDE (id)', '(v DESC)', '(v NULLS FIRST)', '(v) WITH (lists = 100)', '(v) WITH (m = 16)', '(v) WITH (seed = -1)', '(v) WITH (seed = 2147483648)', '(v) WITH (seed = many)',
	'(v) WITH (seed = 42)', '(v) WITH (fillfactor = 70)', '((v || w))', '((subvector(v, 1, 2)))', '((subvector(v, 1, 2)::vector(2)))', '((v + random()::real))', '(v) WHERE id > 100', '(v vector_ip_ops)', '(v vector_l2_ops)']) s;
SELECT error_of('CREATE UNIQUE INDEX ON items USING vecdot (v)');
SELECT error_of('CREATE INDEX ON items USING vecdot (v COLLATE "C")');
SELECT error_of('ALTER TABLE items ADD EXCLUDE USING vecdot (v WITH <->)');
SELECT error_of('ALTER TABLE items ADD EXCLUDE USING vecdot (v WITH =)');
SELECT error_of(format('CLUSTER items USING %I', indexrelid::regclass)) FROM pg_index WHERE indrelid = 'items'::regclass AND indexrelid::regclass::text ~ 'v_idx$';
SELECT error_of(format('ALTER INDEX %I SET (%s)', 'items_v_idx', s)) FROM unnest('{lists = 1,seed = 7,seed = -7}'::text[]) s;
SELECT error_of('ALTER INDEX items_v_idx RESET (seed)');
DO $$ DECLARE i regclass; BEGIN FOR i IN SELECT indexrelid FROM pg_index WHERE indrelid = 'items'::regclass AND NOT indisprimary LOOP EXECUTE 'DROP INDEX ' || i; END LOOP; END $$;

-- Rows and queries of another dimension.
CREATE INDEX items_l2 ON items USING vecdot (v vector_l2_ops);
SET enable_seqscan = off; SET enable_sort = off;
SELECT error_of(s) FROM unnest(ARRAY[
	'INSERT INTO items (id, v) VALUES (1001, ''[1,2]'')', 'INSERT INTO items (id, v) VALUES (1001, ''[1,2,3,4]'')', 'UPDATE items SET v = ''[1]'' WHERE id = 1',
	'SELECT id FROM items ORDER BY v <-> ''[1,2]'' LIMIT 1', 'SELECT id FROM items ORDER BY v <-> ''[1,2,3,4]'' LIMIT 1', 'SELECT id FROM items ORDER BY v <-> (SELECT free FROM items WHERE id = 1) LIMIT 1',
	'SELECT id FROM items ORDER BY v <-> ''[1,2]'' LIMIT 0', 'SELECT id FROM items ORDER BY v <-> ''[1,NaN,2]'' LIMIT 1', 'SELECT id FROM items ORDER BY v <-> ''[1,infinity,2]'' LIMIT 1', 'SELECT id FROM items ORDER BY v <-> '''' LIMIT 1',
	'SELECT id FROM items ORDER BY v <-> ''{1,2,3}''::real[] LIMIT 1', 'INSERT INTO items (id, v) VALUES (1001, ''[NaN,1,1]'')']) s;
-- An expression whose dimension differs from row to row.
CREATE INDEX items_free ON items USING vecdot ((free::vector(2)) vector_l2_ops);
SELECT error_of('INSERT INTO items (id, free) VALUES (1002, ''[1,2,3]'')');
SELECT error_of('INSERT INTO items (id, free) VALUES (1003, ''[1,2]'')');
DROP INDEX items_free;
INSERT INTO items (id, free) VALUES (1004, '[1,2,3]');
SELECT error_of('CREATE INDEX items_free ON items USING vecdot ((free::vector(2)) vector_l2_ops)');
-- One kind of rows in an index of its own.
CREATE INDEX items_free ON items USING vecdot ((free::vector(2)) vector_l2_ops) WHERE vector_dims(free) = 2;
SELECT plan_of('SELECT id FROM items WHERE vector_dims(free) = 2 ORDER BY free::vector(2) <-> ''[1,2]'' LIMIT 1');
SELECT id FROM items WHERE vector_dims(free) = 2 ORDER BY free::vector(2) <-> '[1,2]' LIMIT 1;
-- An error leaves nothing behind.
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> '[1,2,3]') t;

-- Settings.
SELECT s AS "SET vecdot.", error_of('SET vecdot.' || s) FROM unnest(ARRAY['recall = 0.49', 'recall = 1.01', 'recall = 0', 'recall = -1', 'recall = ''NaN''', 'recall = ''infinity''', 'recall = high', 'recall = ''''', 'recall = 95', 'recal = 0.9', 'probes = 10', 'recall = 0.5', 'recall = 1', 'recall = 9e-1', 'recall TO DEFAULT', 'instruction_set = mmx', 'background_upkeep = sometimes']) s;
SHOW vecdot.recall;
SELECT name, setting, unit, vartype, min_val, max_val, context FROM pg_settings WHERE name = 'vecdot.recall';
CREATE FUNCTION with_setting() RETURNS text LANGUAGE sql SET vecdot.recall = 0.75 AS $$ SELECT current_setting('vecdot.recall') $$;
SELECT with_setting(), current_setting('vecdot.recall') AS outside;
SELECT error_of('CREATE FUNCTION bad_setting() RETURNS int LANGUAGE sql SET vecdot.recall = 2 AS $x$ SELECT 1 $x$');
SELECT error_of('ALTER ROLE CURRENT_USER SET vecdot.recall = 3');
SELECT error_of('ALTER ROLE CURRENT_USER SET vecdot.recal = 0.9');

-- Where the index does not help, the table is read: another metric's operator, no order, descending, an operand from the table, another column.
SELECT q AS "SELECT id FROM items", plan_of('SELECT id FROM items ' || q) FROM unnest(ARRAY[
	'ORDER BY v <-> ''[1,2,3]'' LIMIT 1', 'ORDER BY ''[1,2,3]''::vector <-> v LIMIT 1', 'ORDER BY v <=> ''[1,2,3]'' LIMIT 1', 'ORDER BY v <#> ''[1,2,3]'' LIMIT 1', 'ORDER BY v <+> ''[1,2,3]'' LIMIT 1', 'ORDER BY v <-> ''[1,2,3]'' DESC LIMIT 1',
	'ORDER BY v <-> ''[1,2,3]'' NULLS FIRST LIMIT 1', 'ORDER BY (v <-> ''[1,2,3]'') + 0 LIMIT 1', 'ORDER BY -(v @ ''[1,2,3]'') LIMIT 1', 'ORDER BY l2_distance(v, ''[1,2,3]'') LIMIT 1', 'WHERE v <-> ''[1,2,3]'' < 5', 'ORDER BY v <-> w LIMIT 1', 'ORDER BY w <-> ''[1,2,3]'' LIMIT 1', 'ORDER BY v LIMIT 1', 'WHERE v = ''[1,2,3]''',
	'ORDER BY name, v <-> ''[1,2,3]'' LIMIT 1', 'ORDER BY v <-> ''[1,2,3]'', v <-> ''[3,2,1]'' LIMIT 1', 'ORDER BY v <-> random()::text::vector LIMIT 1']) q;
SELECT id FROM items ORDER BY v <=> '[1,2,3]', id LIMIT 2;
SELECT id FROM items ORDER BY v <#> '[1,2,3]' LIMIT 2;
SELECT id FROM items WHERE v <-> '[3,3,1]' < 1;
SELECT min(v <-> '[3,3,1]') FROM items;
-- A backward step of a cursor that can't.
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM items ORDER BY v <-> '[9,2,1]';
FETCH 3 FROM c;
FETCH BACKWARD 1 FROM c;
ROLLBACK;
-- The index goes away under a cursor, or with its column.
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM items ORDER BY v <-> '[9,2,1]';
FETCH 1 FROM c;
DROP INDEX items_l2;
ROLLBACK;
SELECT plan_of('SELECT id FROM items ORDER BY v <-> ''[1,2,3]'' LIMIT 1');
SELECT error_of('ALTER TABLE items ALTER COLUMN v TYPE vector(4)');
-- Without dimensions the index stays what it was, until it is to be built again.
SELECT error_of('ALTER TABLE items ALTER COLUMN v TYPE vector');
SELECT error_of(s) FROM unnest(ARRAY['INSERT INTO items (id, v) VALUES (1005, ''[1,2]'')', 'INSERT INTO items (id, v) VALUES (1005, ''[9,2,2]'')', 'REINDEX INDEX items_l2', 'TRUNCATE items', 'SELECT id FROM items ORDER BY v <-> ''[1,2]'' LIMIT 1']) s;
SELECT id FROM items ORDER BY v <-> '[9,2,2]' LIMIT 2;
SELECT error_of('ALTER TABLE items ALTER COLUMN v TYPE vector(2) USING subvector(v, 1, 2)');
SELECT plan_of('SELECT id FROM items ORDER BY v <-> ''[1,2]'' LIMIT 1');
SELECT id FROM items ORDER BY v <-> '[1.1,2]' LIMIT 1;
SELECT error_of('DROP OPERATOR CLASS vector_l2_ops USING vecdot');
SELECT error_of('DROP ACCESS METHOD vecdot');
-- Checks of the access method's own catalog entries.
SELECT opcname, opcdefault, amvalidate(c.oid) FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod WHERE amname = 'vecdot' ORDER BY 1;
SELECT p, pg_index_column_has_property('items_l2', 1, p) FROM unnest('{orderable,distance_orderable,returnable,search_array,search_nulls}'::text[]) p;
SELECT p, pg_indexam_has_property(a.oid, p) FROM pg_am a, unnest('{can_order,can_unique,can_multi_col,can_exclude,can_include}'::text[]) p WHERE amname = 'vecdot';
SET client_min_messages = warning;
DROP SCHEMA error_index CASCADE;
