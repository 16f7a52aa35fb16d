-- What must not become a sparsevec, and what its operators refuse, with the message and the SQLSTATE of each.
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

SELECT input, error_of(format('%L::sparsevec', input)) FROM unnest(ARRAY['', '{', '{}', '{}/', '{}/x', '{}/1a', '{}/0', '{}/-1', '{}/1000000001', '{}/99999999999999999999', '[1]', '{1}/1', '{1:}/1', '{:1}/1', '{1:1,}/1', '{1:a}/1', '{1:1 2:2}/2',
	'{1:nan}/1', '{1:inf}/1', '{1:1e39}/1', '{1:1e-46}/1', '{0:1}/1', '{2:1}/1', '{-1:1}/1', '{2147483648:1}/1', '{1:1,1:2}/2', '{2:1,1:1,2:1}/2', '{1:1,1:0}/2']) WITH ORDINALITY t(input, n) ORDER BY n;
SELECT error_of(format('%L::sparsevec', '{' || (SELECT string_agg(i || ':1', ',') FROM generate_series(1, 16001) i) || '}/20000')),
       error_of(format('l2_norm(%L::sparsevec)', '{' || (SELECT string_agg(i || ':1', ',') FROM generate_series(1, 16000) i) || ',16001:0}/20000'));
SELECT m AS modifier, error_of(format('%L::%s', '{}/3', m)) FROM unnest(ARRAY['sparsevec(3)', 'sparsevec(2)', 'sparsevec(0)', 'sparsevec(1000000000)', 'sparsevec(1000000001)', 'sparsevec(3,3)']) WITH ORDINALITY t(m, n) ORDER BY n;
-- The errors of input are soft where PostgreSQL knows such.
CREATE FUNCTION soft_state(text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE state text;
BEGIN
	IF current_setting('server_version_num')::integer < 160000 THEN
		RETURN coalesce(substr(error_of(format('%L::sparsevec(3)', $1)), 1, 5));
	END IF;
	EXECUTE 'SELECT coalesce(sql_error_code, ''resul'') FROM pg_input_error_info($1, ''sparsevec(3)'')' INTO state USING $1;
	RETURN state;
END $$;
SELECT input, soft_state(input) FROM unnest(ARRAY['{1:1}/3', '{1:1}/2', '{1:1}/0', '{4:1}/3', '{1:1,1:1}/3', '{1:x}/3', '{}', '{}/3 x']) input;

SELECT q, error_of(q) FROM unnest(ARRAY[
	$$'{1:1}/2'::sparsevec <-> '{1:1}/3'$$, $$'{1:1}/2'::sparsevec <#> '{1:1}/3'$$, $$'{1:1}/2'::sparsevec <=> '{1:1}/3'$$, $$'{1:1}/2'::sparsevec <+> '{1:1}/3'$$,
	$$'{}/16001'::sparsevec::vector$$, $$'{}/16001'::sparsevec::halfvec$$, $$'{1:65520}/1'::sparsevec::halfvec$$, $$'{}/3'::sparsevec::vector(2)$$, $$'{}/3'::sparsevec::halfvec(2)$$, $$'[1,2]'::vector::sparsevec(3)$$, $$'[1,2]'::halfvec::sparsevec(3)$$,
	$$'{NULL}'::real[]::sparsevec$$, $$'{NaN}'::real[]::sparsevec$$, $$'{0,Infinity}'::float8[]::sparsevec$$, $$'{1e39}'::float8[]::sparsevec$$, $$'{1e39}'::numeric[]::sparsevec$$, $$'{}'::real[]::sparsevec$$, $$'{{1}}'::real[]::sparsevec$$, $$'{1,2}'::integer[]::sparsevec(3)$$,
	$$array_fill(1, ARRAY[16001])::sparsevec$$,
	-- not there
	$$'{1:1}/2'::sparsevec + '{1:1}/2'$$, $$(SELECT sum(v) FROM (VALUES ('{1:1}/2'::sparsevec)) t(v))$$, $$vector_dims('{1:1}/2'::sparsevec)$$
]) WITH ORDINALITY t(q, n) ORDER BY n;

-- Binary input through COPY.
CREATE TABLE received (v sparsevec);
CREATE FUNCTION binary_refusal(field bytea, OUT state text, OUT message text) LANGUAGE plpgsql AS $$
DECLARE
	file text := current_setting('data_directory') || '/vecdot_error_sparse_' || current_database() || '.bin';
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
	('good', '\x00000005000000020000000000000000000000023fc00000c0000000'::bytea), ('none', '\x000000050000000000000000'), ('half a header', '\x0000000500000002'),
	('truncated', '\x00000005000000020000000000000000000000023fc00000c00000'), ('over-long', '\x000000050000000100000000000000003fc0000000'),
	('0 dimensions', '\x000000000000000000000000'), ('-1 dimensions', '\xffffffff0000000000000000'), ('1000000001 dimensions', '\x3b9aca010000000000000000'),
	('-1 elements', '\x00000005ffffffff00000000'), ('16001 elements', '\x0000ffff00003e8100000000'), ('more than dimensions', '\x000000010000000200000000'), ('unused 1', '\x000000050000000000000001'),
	('index 5 of 5', '\x000000050000000100000000000000053fc00000'), ('index -1', '\x000000050000000100000000ffffffff3fc00000'),
	('descending', '\x00000005000000020000000000000002000000013fc00000c0000000'), ('twice', '\x00000005000000020000000000000002000000023fc00000c0000000'),
	('zero', '\x0000000500000001000000000000000000000000'), ('-0', '\x0000000500000001000000000000000080000000'), ('NaN', '\x000000050000000100000000000000007fc00000'), ('infinity', '\x000000050000000100000000000000007f800000')
) t(what, field), binary_refusal(field) r;
TABLE received;
DROP TABLE received;
DROP FUNCTION binary_refusal, soft_state, error_of;
