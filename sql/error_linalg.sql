-- Every bad input of the linear algebra, with its SQLSTATE.
\set VERBOSITY terse
CREATE FUNCTION outcome(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text; message text; state text; hint text;
BEGIN
	EXECUTE query INTO result;
	RETURN coalesce(result, 'NULL');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, state = RETURNED_SQLSTATE, hint = PG_EXCEPTION_HINT;
	RETURN state || ': ' || message || coalesce(' -- ' || nullif(hint, ''), '');
END $$;
SELECT outcome(q) FROM unnest(ARRAY[
	$$SELECT softmax('[1,2]', 0)$$,
	$$SELECT softmax('[1,2]', -1)$$,
	$$SELECT softmax('[1,2]', 'NaN')$$,
	$$SELECT log_softmax('[1,2]', 'Infinity')$$,
	$$SELECT log_softmax('[1,2]', 0)$$,
	$$SELECT matvec('{}', '[1]')$$,
	$$SELECT matvec('{"[1]",NULL}', '[1]')$$,
	$$SELECT matvec('{{"[1]"},{"[2]"}}', '[1]')$$,
	$$SELECT matvec('{"[1,2]","[1,2]","[1]"}', '[1,2]')$$,
	$$SELECT matvec('{"[1,2]"}', '[1,2,3]')$$,
	$$SELECT matvec('{"[3e38]"}', '[3e38]')$$,
	$$SELECT project('[1]', '{"[1,2]"}')$$,
	$$SELECT linear('[1,2]', '{"[1,2]"}', '[1,2]')$$,
	$$SELECT lambert('[1]', '[1,2]')$$,
	$$SELECT attention('[1]'::vector, '[1,2]'::vector, '[1]'::vector)$$,
	$$SELECT attention('[1]', v, v) FROM (VALUES ('[1]'::vector), ('[1,2]')) t(v)$$,
	$$SELECT attention('[1]', '[1]', v) FROM (VALUES ('[1]'::vector), ('[1,2]')) t(v)$$,
	$$SELECT attention('[1]'::vector, '[1]'::vector, '[1]'::vector, 'NaN')$$,
	$$SELECT attention('[1]'::vector, '[1]'::vector, '[1]'::vector, 'Infinity')$$,
	$$SELECT attention_weights('[1]', '{}')$$,
	$$SELECT attention_weights('[1]', '{"[1,2]"}')$$,
	$$SELECT attention_scores('{"[1]"}', '{"[1,2]"}')$$,
	$$SELECT attention('{"[1]"}'::vector[], '{"[1]","[2]"}'::vector[], '{"[1]"}'::vector[])$$,
	$$SELECT attention('{"[1,2,3]"}'::vector[], '{"[1,2,3]"}'::vector[], '{"[1,2,3]"}'::vector[], false, 2)$$,
	$$SELECT attention('{"[1]"}'::vector[], '{"[1]"}'::vector[], '{"[1]"}'::vector[], false, 0)$$,
	$$SELECT attention('{"[1]","[2]"}'::vector[], '{"[1]"}'::vector[], '{"[1]"}'::vector[], true)$$,
	$$SELECT pca('[1,2]'::vector, 0) FROM generate_series(1, 3)$$,
	$$SELECT pca('[1,2]'::vector, -1) FROM generate_series(1, 3)$$,
	$$SELECT pca('[1,2]'::vector, 3) FROM generate_series(1, 3)$$,
	$$SELECT pca('[1,2,3]'::vector, 3) FROM generate_series(1, 2)$$,
	$$SELECT pca('[1,2]'::vector, NULL)$$,
	$$SELECT pca('[1,2]'::vector, 1)$$,
	$$SELECT pca('[1,2]'::vector, i) FROM generate_series(1, 2) i$$,
	$$SELECT pca(v, 1) FROM (VALUES ('[1,2]'::vector), ('[1,2,3]')) t(v)$$,
	$$SELECT pca(array_fill(1::real, ARRAY[16000])::vector, 1)$$,
	$$SELECT pca_transform('[1]', ROW('[1,2]', '{"[1,2]"}', NULL, NULL, 1)::pca_model)$$,
	$$SELECT pca_transform('[1]', ROW(NULL, NULL, NULL, NULL, 1)::pca_model)$$,
	$$SELECT pca_inverse_transform('[1,2]', ROW('[1,2]', '{"[1,2]"}', NULL, NULL, 1)::pca_model)$$,
	$$SELECT linear_discriminant('[1]'::vector, NULL::int)$$,
	$$SELECT linear_discriminant('[1]'::vector, 1, 2)$$,
	$$SELECT linear_discriminant(v, 1, 0) FROM (VALUES ('[1,5]'::vector), ('[2,5]')) t(v)$$]) q;
-- A NULL argument gives NULL, as from any strict function of PostgreSQL; a NULL row inside a matrix is
-- an error, and so are no rows and rows of different lengths.
SELECT outcome(q) FROM unnest(ARRAY[
	$$SELECT matvec(NULL, '[1]')$$,
	$$SELECT project('[1]', NULL)$$,
	$$SELECT linear('[1]', NULL, '[1]')$$,
	$$SELECT linear('[1]', '{"[1]"}', NULL)$$,
	$$SELECT attention_weights('[1]', NULL)$$,
	$$SELECT attention_weights('[1]', '{"[1]"}', NULL)$$,
	$$SELECT attention_scores(NULL, '{"[1]"}')$$,
	$$SELECT attention('{"[1]"}'::vector[], NULL::vector[], '{"[1]"}'::vector[])$$,
	$$SELECT attention('{"[1]"}'::vector[], '{"[1]"}'::vector[], '{"[1]"}'::vector[], heads => NULL)$$,
	$$SELECT pca_transform('[1]', NULL)$$,
	$$SELECT pca_inverse_transform('[1]', NULL)$$,
	$$SELECT project('[1]', '{NULL}')$$,
	$$SELECT linear('[1]', '{"[1]",NULL}', '[1,1]')$$,
	$$SELECT attention_weights('[1]', '{"[1]",NULL}')$$,
	$$SELECT attention_scores('{"[1]",NULL}', '{"[1]"}')$$,
	$$SELECT attention('{"[1]"}'::vector[], '{"[1]"}'::vector[], '{NULL}'::vector[])$$,
	$$SELECT project('[1]', '{}')$$,
	$$SELECT linear('[1]', '{}', '[1]')$$,
	$$SELECT attention_scores('{}', '{"[1]"}')$$,
	$$SELECT attention('{"[1]"}'::vector[], '{"[1]"}'::vector[], '{}'::vector[])$$,
	$$SELECT linear('[1,2]', '{"[1,2]","[1]"}', '[1,1]')$$,
	$$SELECT attention_scores('{"[1,2]"}', '{"[1,2]","[1,2]","[1,2,3]"}')$$,
	$$SELECT attention('{"[1]"}'::vector[], '{"[1]","[1]"}'::vector[], '{"[1]","[1,2]"}'::vector[])$$,
	$$SELECT attention_weights('[1]', '{"[1]"}', 'Infinity')$$,
	$$SELECT attention_weights('[1]', '{"[1]"}', 'NaN')$$,
	$$SELECT pca_transform('[1,2]', ROW('[1,2]', '{"[1,2]",NULL}', NULL, NULL, 1)::pca_model)$$,
	$$SELECT linear_discriminant('[1]'::vector, c, 0.5) FROM (VALUES (1), (NULL)) t(c)$$,
	$$SELECT linear_discriminant('[1]'::vector, 1, NULL)$$,
	$$SELECT linear_discriminant(v, 1) FROM (VALUES ('[1]'::vector), ('[1,2]')) t(v)$$,
	$$SELECT linear_discriminant('[1]'::vector, 1, -0.1)$$,
	$$SELECT linear_discriminant('[1]'::vector, 1, 'NaN')$$]) q;
-- One row, and equal rows, are enough for a classifier, though not for pca.
SELECT outcome(q) FROM unnest(ARRAY[
	$$SELECT linear_discriminant('[1,2]'::vector, 7)$$,
	$$SELECT (m).classes FROM (SELECT linear_discriminant('[1,2]'::vector, i % 2) AS m FROM generate_series(1, 4) i) t$$,
	$$SELECT attention('[1,2]'::vector, '[1,2]'::vector, '[3]'::vector)$$]) q;
-- A result that no array can hold is refused before it is computed: the first score is too large for
-- an element, which nobody gets to see.
SELECT outcome(q) FROM unnest(ARRAY[
	$$SELECT attention_scores(array_fill('[3e38]'::vector, ARRAY[18000]), array_fill('[3e38]'::vector, ARRAY[16000]))$$,
	$$SELECT attention_scores(array_fill('[3e38]'::vector, ARRAY[100]), array_fill('[3e38]'::vector, ARRAY[16000]))$$,
	$$SELECT attention_scores('{"[1]"}', array_fill('[1]'::vector, ARRAY[16001]))$$,
	$$SELECT attention(array_fill('[1]'::vector, ARRAY[18000]), '{"[1]"}',
		ARRAY[array_fill(1::real, ARRAY[16000])::vector])$$]) q;
-- A long pca ends with the statement, and its memory with it.
SET maintenance_work_mem = '1GB';
SELECT sum(total_bytes) AS before FROM pg_backend_memory_contexts \gset
SET statement_timeout = '700ms';
-- While rows come in.
SELECT pca(v, 3) FROM (SELECT ARRAY(SELECT sin(i * j) FROM generate_series(1, 2500) j)::vector AS v FROM generate_series(1, 3) i) t, generate_series(1, 100000);
-- In the eigensolver.
SELECT pca(v, 3) FROM (SELECT ARRAY(SELECT sin(i * j) FROM generate_series(1, 5000) j)::vector AS v FROM generate_series(1, 3) i) t;
RESET statement_timeout;
SELECT sum(total_bytes) - :before < 2e6 AS memory_is_back FROM pg_backend_memory_contexts;
DROP FUNCTION outcome;
