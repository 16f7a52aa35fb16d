-- The access methods of pgvector's names: the index of vecdot, with the options of pgvector's.

CREATE FUNCTION hnswhandler(internal) RETURNS index_am_handler
	AS 'MODULE_PATHNAME', 'vecdot_hnsw_handler' LANGUAGE C;
COMMENT ON FUNCTION hnswhandler(internal) IS 'handler of the access method hnsw';

CREATE ACCESS METHOD hnsw TYPE INDEX HANDLER hnswhandler;
COMMENT ON ACCESS METHOD hnsw IS 'the index of vecdot by another name; m and ef_construction have no effect';

CREATE FUNCTION ivfflathandler(internal) RETURNS index_am_handler
	AS 'MODULE_PATHNAME', 'vecdot_ivfflat_handler' LANGUAGE C;
COMMENT ON FUNCTION ivfflathandler(internal) IS 'handler of the access method ivfflat';

CREATE ACCESS METHOD ivfflat TYPE INDEX HANDLER ivfflathandler;
COMMENT ON ACCESS METHOD ivfflat IS 'the index of vecdot by another name; lists has no effect';
