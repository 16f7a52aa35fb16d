-- What operators and functions refuse, with the SQLSTATE.
\set VERBOSITY verbose
\set SHOW_CONTEXT never
CREATE FUNCTION error_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	EXECUTE 'SELECT (' || query || ')::text' INTO result;
	RETURN 'result: ' || coalesce(result, 'NULL');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

-- Different dimensions, by every operator on two vectors.
SELECT o AS operator, error_of(format('%L::vector %s %L::vector', '[1,2]', o, '[1,2,3]')) AS error
  FROM unnest('{<->,<#>,<=>,<+>,@,##,@/,?-|,?||,+,-,*}'::text[]) WITH ORDINALITY t(o, n) ORDER BY n;
SELECT f AS function, error_of(format('%s(%L::vector, %L::vector)', f, '[1,2,3,4]', '[1]')) AS error
  FROM unnest('{l2_distance,inner_product,dot,cosine_distance,l1_distance,cosine_similarity,angle,vector_l2_squared_distance,vector_negative_inner_product,vector_spherical_distance,projection,scalar_projection,rejection,is_orthogonal,is_parallel,vector_add,vector_sub,vector_mul}'::text[])
  WITH ORDINALITY t(f, n) ORDER BY n;
-- Comparison takes any dimensions.
SELECT o AS operator, error_of(format('%L::vector %s %L::vector', '[1,2]', o, '[1,2,3]')) AS result FROM unnest('{<,<=,=,<>,>=,>}'::text[]) WITH ORDINALITY t(o, n) ORDER BY n;

SELECT q, error_of(q) FROM unnest(ARRAY[
	-- overflow
	$$'[3e38]'::vector + '[3e38]'$$, $$'[-3e38]'::vector - '[3e38]'$$, $$'[1,1e20]'::vector * '[1,1e20]'$$,
	$$'[2]'::vector * 3e38$$, $$1e300 * '[1]'::vector$$, $$'[1]'::vector / 1e-39$$, $$'[1]'::vector / 1e-320$$, $$'[3e38]'::vector / 0.5$$,
	$$'[3e38,3e38]'::vector ## '[1,0.5]'$$,
	-- underflow
	$$'[1e-30]'::vector * '[1e-30]'$$, $$'[1e-45]'::vector * 0.1$$, $$1e-300 * '[1]'::vector$$, $$1e-300 * '[1e-38]'::vector$$, $$'[1e-40]'::vector / 1e300$$, $$'[1]'::vector / 1e46$$,
	-- division by zero
	$$'[1,2]'::vector / 0$$, $$'[0]'::vector / 0$$, $$'[1]'::vector / -0.0$$,
	-- factors that are no numbers
	$$'[1]'::vector * 'NaN'::float8$$, $$'Infinity'::float8 * '[1]'::vector$$, $$'[1]'::vector / '-Infinity'::float8$$, $$'[0]'::vector / 'NaN'::float8$$,
	-- not there; 1 - comes before @
	$$1 - 2 * '[1]'::vector @ '[3]'$$, $$1 / '[1]'::vector$$, $$'[1]'::vector % '[1]'::vector$$, $$'[1]'::vector + 1.0::float8$$
]) WITH ORDINALITY t(q, n) ORDER BY n;

-- No result is NaN or infinite, whatever the finite input.
SELECT count(*) AS pairs, bool_and(abs(a <-> b) < 'Infinity'::float8 AND abs(a @ b) < 'Infinity'::float8 AND a <+> b < 'Infinity'::float8 AND a <=> b BETWEEN 0 AND 2 AND angle(a, b) BETWEEN 0 AND pi()) AS finite
  FROM (SELECT format('[%s,%s]', x, y)::vector FROM unnest('{3.4028235e38,-3.4028235e38,1e-45,-1e-45,1,1e19,1e-19}'::real[]) x, unnest('{3.4028235e38,0,-1e-45,1}'::real[]) y) s(a),
       (SELECT format('[%s,%s]', x, y)::vector FROM unnest('{3.4028235e38,-3.4028235e38,1e-45,-1e-45,1,1e19,1e-19}'::real[]) x, unnest('{3.4028235e38,0,-1e-45,1}'::real[]) y) t(b);

-- Different dimensions within a column, found by the row.
CREATE TEMP TABLE mixed (v vector);
INSERT INTO mixed VALUES ('[1,2]'), ('[1,2,3]'), (NULL);
\set VERBOSITY default
SELECT v FROM mixed ORDER BY v <-> '[1,2]';
SELECT v <-> '[1,2]' AS distance FROM mixed WHERE v IS NULL OR v = '[1,2]' ORDER BY 1;
DROP FUNCTION error_of(text);
