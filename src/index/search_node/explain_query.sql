-- Why a query uses an index, or does not.

CREATE FUNCTION vecdot_explain(query text, OUT relation text, OUT index text, OUT explanation text) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT ROWS 2;
COMMENT ON FUNCTION vecdot_explain(text) IS
	'plans a query without executing it, and says of each of its tables that has a vecdot index whether that is used, and if not, why';
