-- Looking into an index.

CREATE FUNCTION vecdot_index_check(index regclass, heapallindexed boolean DEFAULT false) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION vecdot_index_check(regclass, boolean) IS
	'raises an error (XX002) if a vecdot index is damaged, or, with heapallindexed, does not agree with its table';

CREATE FUNCTION vecdot_index_info(index regclass,
	OUT format_version integer, OUT metric text, OUT dimensions integer, OUT padded_dimensions integer, OUT refine_bits integer,
	OUT rows bigint, OUT dead_rows bigint, OUT loose_rows bigint, OUT undefined_rows bigint, OUT null_rows bigint,
	OUT cells integer, OUT smallest_cell integer, OUT median_cell integer, OUT mean_cell double precision,
	OUT p95_cell integer, OUT largest_cell integer,
	OUT sign_bytes bigint, OUT refinement_bytes bigint, OUT key_bytes bigint, OUT address_bytes bigint, OUT centroid_bytes bigint,
	OUT directory_bytes bigint, OUT free_bytes bigint, OUT total_bytes bigint,
	OUT calibration_queries integer, OUT calibration_rows bigint)
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION vecdot_index_info(regclass) IS
	'what a vecdot index consists of: rows, cells and their sizes, bytes, calibration';

CREATE FUNCTION vecdot_index_recall(index regclass, k integer DEFAULT 10, queries integer DEFAULT 100,
	OUT setting double precision, OUT queries_used integer, OUT recall double precision, OUT lowest_recall double precision,
	OUT cells double precision, OUT scored_rows double precision, OUT refined_rows double precision,
	OUT fetched_rows double precision, OUT milliseconds double precision)
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION vecdot_index_recall(regclass, integer, integer) IS
	'recall at k of a vecdot index at the current vecdot.recall, measured with rows of the table as queries, and the mean work of a query';
