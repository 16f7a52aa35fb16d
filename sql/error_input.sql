-- What must not become a vector, with the message and the SQLSTATE of each.
\set VERBOSITY default
\set SHOW_CONTEXT never

-- Reports how text is refused; what is accepted is shown as it was read.
CREATE FUNCTION refusal(text, typename text DEFAULT 'vector',
	OUT state text, OUT message text, OUT detail text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT %L::%s', $1, typename) INTO message;
	state := 'accepted';
EXCEPTION WHEN others THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
END $$;

SELECT input, r.* FROM (VALUES
	(''), (' '), ('['), (']'), ('[]'), ('[ ]'), ('[1'), ('[1,'), ('[1,]'), ('[,1]'), ('[1,,2]'), ('[1 2]'),
	('1,2'), ('{1,2}'), ('(1,2)'), ('[[1]]'), ('[1]]'), ('[1][2]'), ('[1],'), ('[1] x'), ('x [1]'), ('[1;2]'),
	('[a]'), ('[1a]'), ('[1,a]'), ('[--1]'), ('[+-1]'), ('[-+1]'), ('[- 1]'), ('[-]'), ('[.]'), ('[e1]'),
	('[1e]'), ('[1e+]'), ('[1.2.3]'), ('[1_000]'), ('[0x]'), ('[0xg]'), ('[0x-1]'), ('[0xinf]'), ('[0x1p]'),
	('[nan]'), ('[NaN]'), ('[-nan]'), ('[nan(1)]'), ('[1,nan'), ('[inf]'), ('[-inf]'), ('[Infinity]'), ('[infinit]'),
	('[1e39]'), ('[-1e39]'), ('[1e999999999999]'), ('[0x1p128]'), ('[3.4028235677973366e38]'), ('[3.4028235677973367e38]'),
	('[1,"2"]'), ('[null]'), ('[NULL]'), ('NULL'), ('[true]'), ('[1)'), (E'[1\u00a0]'), ('[１]'), (E'[1,\u2212 2]'),
	('[$1]'), ('[1/2]'), ('[1e5 e]'), ('[%s%n]')
) t(input), refusal(input) r;

-- Where PostgreSQL asks without an exception (pg_input_is_valid, from 16 on) the answer is the same.
CREATE FUNCTION soft_state(text, typename text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
BEGIN
	IF current_setting('server_version_num')::integer < 160000 THEN
		RETURN (refusal($1, typename)).state;
	END IF;
	EXECUTE 'SELECT coalesce(sql_error_code, ''accepted'') FROM pg_input_error_info($1, $2)' INTO state
		USING $1, typename;
	RETURN state;
END $$;
SELECT left(input, 10) AS input, typename, soft_state(input, typename) FROM (VALUES
	('[1,2]', 'vector'), ('[1,2]', 'vector(2)'), ('[1,2]', 'vector(3)'), ('[1,a]', 'vector'), ('x', 'vector'),
	('[]', 'vector'), ('[1] x', 'vector'), ('[1e39]', 'vector'), ('[nan]', 'vector'), ('[inf]', 'vector'),
	('[1', 'vector'), ('[' || repeat('1,', 16000) || '1]', 'vector')
) t(input, typename);
DROP FUNCTION soft_state;

-- long text is quoted in part, and a character of several bytes is not cut
SELECT state, length(message), left(message, 50), right(message, 10), detail FROM refusal(repeat('x', 1000000));
SELECT state, length(message), left(message, 50), right(message, 10), detail FROM refusal(repeat('ä', 500000));
SELECT state, length(message), left(message, 50), right(message, 10), detail FROM refusal('x' || repeat('漢', 333333));
SELECT state, length(message), right(message, 40), detail FROM refusal('[1' || repeat('0', 1000000) || ']');
SELECT state, length(message), right(message, 40), detail FROM refusal('[' || repeat('[', 1000000));
-- so is a number that is too large for an element
SELECT state, length(message), left(message, 20), right(message, 40), detail
	FROM refusal('{1,1' || repeat('0', 131071) || '}', 'numeric[]::vector');
SELECT state, length(message), right(message, 40) FROM refusal('{-1' || repeat('0', 100) || '}', 'numeric[]::vector');
SELECT state, message FROM refusal('[0.' || repeat('0', 100000) || '1e100001]');
SELECT state, message FROM refusal('[' || repeat(' ', 1000000) || '1' || repeat(' ', 1000000) || ']');

-- too many
SELECT state, message FROM refusal('[' || repeat('1,', 16000) || '1]');
SELECT state, message FROM refusal('[' || repeat('1,', 1000000));
SELECT state, length(message) FROM refusal('[' || repeat('1,', 15999) || '1]');

-- type modifiers
SELECT modifier, r.* FROM (VALUES
	('vector(3)'), ('vector(1)'), ('vector(0)'), ('vector(-1)'), ('vector(16000)'), ('vector(16001)'),
	('vector(2147483647)'), ('vector(2147483648)'), ('vector(99999999999999999999)'), ('vector(3,3)'), ('vector()'),
	('vector(NULL)'), ('vector(''3'')'), ('vector(''a'')'), ('vector('''')'), ('vector(''3); DROP TABLE x; --'')'),
	('vector(1.5)'), ('vector(a)'), ('vector(1+1)')
) t(modifier), refusal('[1,2,3]', modifier) r;
SELECT vector_typmod_in('{}');
\echo :LAST_ERROR_SQLSTATE
SELECT vector_typmod_in('{{1,2}}');
\echo :LAST_ERROR_SQLSTATE
SELECT vector_typmod_in('{NULL}');
\echo :LAST_ERROR_SQLSTATE

-- Binary input through COPY: a file of one field of the given bytes.
CREATE TABLE received (v vector);
CREATE TABLE received_two (v vector(2));
CREATE FUNCTION binary_refusal(field bytea, target regclass DEFAULT 'received',
	OUT state text, OUT message text) LANGUAGE plpgsql AS $$
DECLARE
	file text := current_setting('data_directory') || '/vecdot_error_input_' || current_database() || '.bin';  -- the suite runs side by side in several databases
	content bytea := '\x5047434f50590aff0d0a00' || int4send(0) || int4send(0)
		|| int2send(1::int2) || int4send(length(field)) || field || '\xffff';
	object oid := lo_from_bytea(0, content);
BEGIN
	PERFORM lo_export(object, file);
	PERFORM lo_unlink(object);
	BEGIN
		EXECUTE format('COPY %s FROM %L (FORMAT binary)', target, file);
		state := 'accepted';
	EXCEPTION WHEN others THEN
		GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
	END;
END $$;
SELECT what, r.* FROM (VALUES
	('good', '\x000100003f800000'::bytea),
	('nothing', ''), ('half a header', '\x0001'), ('no elements', '\x00010000'),
	('truncated', '\x000200003f8000003f8000'), ('one element short', '\x000200003f800000'),
	('over-long', '\x000100003f80000000'), ('one element more', '\x000100003f8000003f800000'),
	('0 dimensions', '\x00000000'), ('0 dimensions, with an element', '\x000000003f800000'),
	('-1 dimensions', '\xffff0000'), ('16001 dimensions', '\x3e8100003f800000'),
	('unused 1', '\x000100013f800000'), ('unused -1', '\x0001ffff3f800000'),
	('NaN', '\x000100007fc00000'), ('signalling NaN', '\x00010000ff800001'),
	('infinity', '\x000100007f800000'), ('-infinity', '\x00010000ff800000')
) t(what, field), binary_refusal(field) r;
SELECT * FROM binary_refusal('\x3e800000' || decode(repeat('3f800000', 16000), 'hex'));
SELECT * FROM binary_refusal('\x3e810000' || decode(repeat('3f800000', 16001), 'hex'));
SELECT * FROM binary_refusal('\x000100003f800000', 'received_two');
SELECT vector_dims(v), v[1] FROM received;
DROP FUNCTION binary_refusal;
DROP TABLE received, received_two;

-- bytes that are no text of the database never reach the type
SELECT convert_from('\x5b31ff5d', 'UTF8')::vector;
\echo :LAST_ERROR_SQLSTATE
SELECT E'[1\xff]'::vector;
\echo :LAST_ERROR_SQLSTATE
DROP FUNCTION refusal;
