-- What must not become a halfvec, and what its operators refuse, with the message and the SQLSTATE of each.
\set SHOW_CONTEXT never
CREATE FUNCTION error_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text; detail text;
BEGIN
	EXECUTE 'SELECT (' || query || ')::text' INTO result;
	RETURN 'result: ' || coalesce(result, 'NULL');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	-- PostgreSQL 19 says in the detail of an unknown name what 18 says in its hint.
	RETURN concat_ws(' / ', SQLSTATE || ' ' || SQLERRM, CASE WHEN SQLSTATE <> '42883' THEN nullif(detail, '') END);
END $$;

SELECT input, error_of(format('%L::halfvec', input)) FROM unnest(ARRAY['', '[', '[]', '[1', '[1,]', '[,1]', '1,2', '{1}', '[1] x', '[a]', '[1 2]', '[0x]', '[nan]', '[inf]', '[-Infinity]',
	'[65520]', '[-65520]', '[1, 6.6e4 ,x]', '[1e39]', '[0x1p16]', '[65519.999]']) WITH ORDINALITY t(input, n) ORDER BY n;
SELECT error_of(format('%L::halfvec', '[' || repeat('1,', 16000) || '1]')), error_of(format('vector_dims(%L::halfvec)', '[' || repeat('1,', 15999) || '1]'));
SELECT m AS modifier, error_of(format('%L::%s', '[1,2,3]', m)) FROM unnest(ARRAY['halfvec(3)', 'halfvec(2)', 'halfvec(0)', 'halfvec(16001)', 'halfvec(3,3)', 'halfvec(a)']) WITH ORDINALITY t(m, n) ORDER BY n;

SELECT q, error_of(q) FROM unnest(ARRAY[
	-- dimensions
	$$'[1,2]'::halfvec <-> '[3]'$$, $$'[1,2]'::halfvec <#> '[3]'$$, $$'[1,2]'::halfvec <=> '[3]'$$, $$'[1,2]'::halfvec <+> '[3]'$$, $$'[1,2]'::halfvec + '[3]'$$, $$'[1,2]'::halfvec - '[3]'$$, $$'[1,2]'::halfvec * '[3]'$$,
	$$array_fill(0, ARRAY[16000])::halfvec || '[1]'$$, $$subvector('[1,2,3]'::halfvec, 4, 1)$$, $$subvector('[1,2,3]'::halfvec, 1, 0)$$, $$subvector('[1,2,3]'::halfvec, 2147483647, 10)$$,
	-- overflow, underflow
	$$'[65504]'::halfvec + '[65504]'$$, $$'[-65504]'::halfvec - '[65504]'$$, $$'[256]'::halfvec * '[256]'$$, $$'[1e-7]'::halfvec * '[1e-7]'$$, $$'[0]'::halfvec * '[1e-7]'$$, $$'[65504]'::halfvec + '[15.99]'$$, $$'[65504]'::halfvec + '[16]'$$,
	-- casts
	$$'[65520]'::vector::halfvec$$, $$'{65520,-65520}'::real[]::halfvec$$, $$'{70000}'::integer[]::halfvec$$, $$'{1e5}'::float8[]::halfvec$$, $$'{4e38}'::float8[]::halfvec$$, $$'{100000}'::numeric[]::halfvec$$, $$'{1e39}'::numeric[]::halfvec$$,
	$$'{NaN}'::real[]::halfvec$$, $$'{Infinity}'::float8[]::halfvec$$, $$'{NaN}'::numeric[]::halfvec$$, $$'{NULL}'::real[]::halfvec$$, $$'{}'::real[]::halfvec$$, $$'{{1}}'::real[]::halfvec$$,
	$$'{1,2,3}'::real[]::halfvec(2)$$, $$'[1,2,3]'::halfvec::vector(2)$$, $$'[1,2,3]'::vector::halfvec(2)$$, $$array_fill(1, ARRAY[16001])::halfvec$$,
	-- aggregates
	$$(SELECT sum(v) FROM unnest(ARRAY['[1,2]'::halfvec, '[3]']) v)$$, $$(SELECT avg(v) FROM unnest(ARRAY['[1,2]'::halfvec, '[3]']) v)$$, $$(SELECT sum(v) FROM unnest(ARRAY['[65504]'::halfvec, '[65504]']) v)$$,
	$$halfvec_sum_combine('{1,2}', '{1,2,3}')$$, $$halfvec_combine('{1,2}', '{1,2,3}')$$, $$halfvec_avg('{1}')$$,
	-- vecdot's own operators know vector only
	$$'[1]'::halfvec @ '[1]'$$, $$2 * '[1]'::halfvec$$
]) WITH ORDINALITY t(q, n) ORDER BY n;

-- Binary input through COPY.
CREATE TABLE received (v halfvec);
CREATE FUNCTION binary_refusal(field bytea, OUT state text, OUT message text) LANGUAGE plpgsql AS $$
DECLARE
	file text := current_setting('data_directory') || '/vecdot_error_half_' || current_database() || '.bin';
	object oid := lo_from_bytea(0, '\x5047434f50590aff0d0a00' || int4send(0) || int4send(0) || int2send(1::int2) || int4send(length(field)) || field || '\xffff');
BEGIN
	PERFORM lo_export(object, file);
	PERFORM lo_unlink(object);
	EXECUTE format('COPY received FROM %L (FORMAT binary)', file);
	state := 'accepted';
EXCEPTION WHEN others THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
END $$;
SELECT what, r.* FROM (VALUES
	('good', '\x000200003c00c100'::bytea), ('half a header', '\x0001'), ('no elements', '\x00010000'), ('truncated', '\x000200003c0000'), ('one element short', '\x000200003c00'), ('over-long', '\x000100003c0000'),
	('0 dimensions', '\x00000000'), ('16001 dimensions', '\x3e8100003c00'), ('unused 1', '\x000100013c00'), ('NaN', '\x000100007e00'), ('infinity', '\x000100007c00'), ('-infinity', '\x00010000fc00')
) t(what, field), binary_refusal(field) r;
TABLE received;
DROP TABLE received;
DROP FUNCTION binary_refusal, error_of;
