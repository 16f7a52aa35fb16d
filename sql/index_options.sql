-- Settings and storage parameters: what they take, and when they refuse. Operator classes, as amvalidate sees them.
CREATE SCHEMA index_options;
SET search_path = index_options, public;

-- The first vector loads the library, which then knows its settings.
SELECT '[1]'::vector;
-- vecdot.recall: 0.5 to 1.
SHOW vecdot.recall;
SELECT setting, unit, context, vartype, min_val, max_val, boot_val FROM pg_settings WHERE name = 'vecdot.recall';
SET vecdot.recall = 0.5;
SET vecdot.recall = 1;
SET vecdot.recall = 0.4999;
SET vecdot.recall = 1.001;
SET vecdot.recall = 'NaN';
SET vecdot.recall = 'much';
SET vecdot.recall = '';
SHOW vecdot.recall;
-- A misspelt name, once the library is there.
SET vecdot.recal = 0.9;
SET vecdot.probes = 10;
SELECT set_config('vecdot.ef_search', '10', false);
SHOW vecdot.recal;
CREATE FUNCTION f() RETURNS int LANGUAGE sql SET vecdot.recal = 0.9 AS 'SELECT 1';
-- For one statement, one transaction, one function.
BEGIN;
SET LOCAL vecdot.recall = 0.75;
SHOW vecdot.recall;
COMMIT;
SHOW vecdot.recall;
CREATE FUNCTION exact() RETURNS text LANGUAGE sql SET vecdot.recall = 1 AS $$ SELECT current_setting('vecdot.recall') $$;
SET vecdot.recall = 0.8;
SELECT exact(), current_setting('vecdot.recall');
RESET vecdot.recall;
CREATE TABLE items (id int, v vector(3));
INSERT INTO items SELECT i, ARRAY[i % 10, i % 7, i % 3]::vector FROM generate_series(1, 200) i;
EXPLAIN (COSTS off, SETTINGS on) SELECT id FROM items ORDER BY v <-> '[1,2,3]' LIMIT 1;
SET vecdot.recall = 0.9;
EXPLAIN (COSTS off, SETTINGS on) SELECT id FROM items ORDER BY v <-> '[1,2,3]' LIMIT 1;
RESET vecdot.recall;

-- seed: what the index's random numbers start from.
CREATE INDEX items_v ON items USING vecdot (v vector_l2_ops) WITH (seed = 4711);
SELECT reloptions FROM pg_class WHERE oid = 'items_v'::regclass;
SELECT id FROM items ORDER BY v <-> '[1,2,3]', id LIMIT 3;
ALTER INDEX items_v SET (seed = 5);
REINDEX INDEX items_v;
ALTER INDEX items_v RESET (seed);
SELECT reloptions FROM pg_class WHERE oid = 'items_v'::regclass;
CREATE INDEX ON items USING vecdot (v) WITH (seed = -1);
CREATE INDEX ON items USING vecdot (v) WITH (seed = 2147483648);
CREATE INDEX ON items USING vecdot (v) WITH (seed = now);
CREATE INDEX ON items USING vecdot (v) WITH (seed);
CREATE INDEX ON items USING vecdot (v) WITH (seed = 1, seed = 2);
-- refine_bits: how finely rows are coded.
CREATE INDEX items_4 ON items USING vecdot (v vector_l2_ops) WITH (refine_bits = 4, seed = 3);
SELECT reloptions FROM pg_class WHERE oid = 'items_4'::regclass;
SELECT pg_get_indexdef('items_4'::regclass);
CREATE INDEX ON items USING vecdot (v) WITH (refine_bits = 5);
CREATE INDEX ON items USING vecdot (v) WITH (refine_bits = 0);
CREATE INDEX ON items USING vecdot (v) WITH (refine_bits = 16);
CREATE INDEX ON items USING vecdot (v) WITH (refine_bits = '');
CREATE INDEX ON items USING vecdot (v) WITH (refine_bits);
CREATE INDEX ON items USING vecdot (v) WITH (refine_bits = 8.0);
-- Set later it holds from the next REINDEX on.
SELECT refine_bits FROM vecdot_index_info('items_4');
ALTER INDEX items_4 SET (refine_bits = 8);
SELECT refine_bits FROM vecdot_index_info('items_4');
INSERT INTO items VALUES (201, '[1,1,1]');
SELECT vecdot_index_check('items_4', true);
REINDEX INDEX items_4;
SELECT refine_bits FROM vecdot_index_info('items_4');
ALTER INDEX items_4 SET (refine_bits = 7);
ALTER INDEX items_4 RESET (refine_bits);
SELECT reloptions FROM pg_class WHERE oid = 'items_4'::regclass;
DROP INDEX items_4;
-- recall: the index's own, where vecdot.recall is not set.
CREATE INDEX items_recall ON items USING vecdot (v) WITH (recall = 0.75);
SELECT setting FROM vecdot_index_recall('items_recall', 1, 10);
SET vecdot.recall = 0.9;
SELECT setting FROM vecdot_index_recall('items_recall', 1, 10);
-- Also where it is set to what it is by default; RESET takes it back.
SET vecdot.recall = 0.99;
SELECT setting FROM vecdot_index_recall('items_recall', 1, 10);
RESET vecdot.recall;
SELECT setting FROM vecdot_index_recall('items_recall', 1, 10);
BEGIN;
SET LOCAL vecdot.recall = 0.8;
SELECT setting FROM vecdot_index_recall('items_recall', 1, 10);
ROLLBACK;
SELECT setting FROM vecdot_index_recall('items_recall', 1, 10);
-- A search goes by it.
CREATE FUNCTION recall_used() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT id FROM items ORDER BY v <=> '[1,2,3]' LIMIT 1 LOOP
		IF line ~ 'Recall' THEN
			RETURN NEXT trim(line);
		END IF;
	END LOOP;
END $$;
SET enable_seqscan = off;
SELECT recall_used();
SET vecdot.recall = 0.9;
SELECT recall_used();
RESET vecdot.recall;
RESET enable_seqscan;
ALTER INDEX items_recall SET (recall = 1);
SELECT setting FROM vecdot_index_recall('items_recall', 1, 10);
ALTER INDEX items_recall RESET (recall);
SELECT setting FROM vecdot_index_recall('items_recall', 1, 10);
ALTER INDEX items_recall SET (recall = 0.4);
ALTER INDEX items_recall SET (recall = 1.01);
ALTER INDEX items_recall SET (recall = 'NaN');
ALTER INDEX items_recall SET (recall = much);
ALTER INDEX items_recall SET (recall);
DROP INDEX items_recall;
CREATE INDEX ON items USING vecdot (v) WITH (lists = 100);
CREATE INDEX ON items USING vecdot (v) WITH (fillfactor = 50);
ALTER INDEX items_v SET (m = 16);

-- Operator classes.
SELECT opcname, opcdefault, amvalidate(c.oid) FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod WHERE amname = 'vecdot' ORDER BY opcname;
CREATE OPERATOR CLASS lacks_function FOR TYPE vector USING vecdot AS OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops;
CREATE OPERATOR CLASS lacks_operator FOR TYPE vector USING vecdot AS FUNCTION 1 vecdot_vector_l2(internal);
CREATE OPERATOR CLASS searches FOR TYPE vector USING vecdot AS OPERATOR 1 = (vector, vector), FUNCTION 1 vecdot_vector_l2(internal);
CREATE OPERATOR CLASS wrong_function FOR TYPE vector USING vecdot AS OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops, FUNCTION 1 vector_dims(vector);
SELECT opcname, amvalidate(c.oid) FROM pg_opclass c WHERE opcnamespace = 'index_options'::regnamespace ORDER BY opcname;
CREATE INDEX broken ON items USING vecdot (v wrong_function);
SELECT amname, pg_indexam_has_property(oid, 'can_order') AS can_order, pg_indexam_has_property(oid, 'can_unique') AS can_unique,
       pg_indexam_has_property(oid, 'can_multi_col') AS can_multi_col, pg_indexam_has_property(oid, 'can_exclude') AS can_exclude,
       pg_indexam_has_property(oid, 'can_include') AS can_include FROM pg_am WHERE amname = 'vecdot';
SELECT name, pg_index_column_has_property('items_v'::regclass, 1, name) FROM unnest('{orderable,distance_orderable,returnable,search_array,search_nulls}'::text[]) name;

SET client_min_messages = warning;
DROP SCHEMA index_options CASCADE;
