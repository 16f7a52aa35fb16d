-- Looking into an index.

CREATE FUNCTION vecdot_index_check(index regclass, heapallindexed boolean DEFAULT false) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION vecdot_index_check(regclass, boolean) IS
	'raises an error (XX002) if a vecdot index is damaged, or, with heapallindexed, does not agree with its table';
