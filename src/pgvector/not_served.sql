-- Operator classes of pgvector whose distance the index does not have: CREATE INDEX says so.

CREATE FUNCTION vecdot_not_served(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vecdot_not_served(internal) IS 'tells the access method that no index can serve the operator class';

CREATE OPERATOR CLASS vector_l1_ops
	FOR TYPE vector USING hnsw AS
	OPERATOR 1 <+> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vecdot_not_served(internal);
COMMENT ON OPERATOR CLASS vector_l1_ops USING hnsw IS 'no index serves ORDER BY a <+> b: CREATE INDEX says so';
COMMENT ON OPERATOR FAMILY vector_l1_ops USING hnsw IS 'no index serves ORDER BY a <+> b: CREATE INDEX says so';

CREATE OPERATOR CLASS halfvec_l1_ops
	FOR TYPE halfvec USING hnsw AS
	OPERATOR 1 <+> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 vecdot_not_served(internal);
COMMENT ON OPERATOR CLASS halfvec_l1_ops USING hnsw IS 'no index serves ORDER BY a <+> b: CREATE INDEX says so';
COMMENT ON OPERATOR FAMILY halfvec_l1_ops USING hnsw IS 'no index serves ORDER BY a <+> b: CREATE INDEX says so';

CREATE OPERATOR CLASS bit_jaccard_ops
	FOR TYPE bit USING hnsw AS
	OPERATOR 1 <%> (bit, bit) FOR ORDER BY float_ops,
	FUNCTION 1 vecdot_not_served(internal);
COMMENT ON OPERATOR CLASS bit_jaccard_ops USING hnsw IS 'no index serves ORDER BY a <%> b: CREATE INDEX says so';
COMMENT ON OPERATOR FAMILY bit_jaccard_ops USING hnsw IS 'no index serves ORDER BY a <%> b: CREATE INDEX says so';

CREATE OPERATOR CLASS sparsevec_l2_ops
	FOR TYPE sparsevec USING hnsw AS
	OPERATOR 1 <-> (sparsevec, sparsevec) FOR ORDER BY float_ops,
	FUNCTION 1 vecdot_not_served(internal);
COMMENT ON OPERATOR CLASS sparsevec_l2_ops USING hnsw IS 'no index serves ORDER BY a <-> b: CREATE INDEX says so';
COMMENT ON OPERATOR FAMILY sparsevec_l2_ops USING hnsw IS 'no index serves ORDER BY a <-> b: CREATE INDEX says so';

CREATE OPERATOR CLASS sparsevec_ip_ops
	FOR TYPE sparsevec USING hnsw AS
	OPERATOR 1 <#> (sparsevec, sparsevec) FOR ORDER BY float_ops,
	FUNCTION 1 vecdot_not_served(internal);
COMMENT ON OPERATOR CLASS sparsevec_ip_ops USING hnsw IS 'no index serves ORDER BY a <#> b: CREATE INDEX says so';
COMMENT ON OPERATOR FAMILY sparsevec_ip_ops USING hnsw IS 'no index serves ORDER BY a <#> b: CREATE INDEX says so';

CREATE OPERATOR CLASS sparsevec_cosine_ops
	FOR TYPE sparsevec USING hnsw AS
	OPERATOR 1 <=> (sparsevec, sparsevec) FOR ORDER BY float_ops,
	FUNCTION 1 vecdot_not_served(internal);
COMMENT ON OPERATOR CLASS sparsevec_cosine_ops USING hnsw IS 'no index serves ORDER BY a <=> b: CREATE INDEX says so';
COMMENT ON OPERATOR FAMILY sparsevec_cosine_ops USING hnsw IS 'no index serves ORDER BY a <=> b: CREATE INDEX says so';

CREATE OPERATOR CLASS sparsevec_l1_ops
	FOR TYPE sparsevec USING hnsw AS
	OPERATOR 1 <+> (sparsevec, sparsevec) FOR ORDER BY float_ops,
	FUNCTION 1 vecdot_not_served(internal);
COMMENT ON OPERATOR CLASS sparsevec_l1_ops USING hnsw IS 'no index serves ORDER BY a <+> b: CREATE INDEX says so';
COMMENT ON OPERATOR FAMILY sparsevec_l1_ops USING hnsw IS 'no index serves ORDER BY a <+> b: CREATE INDEX says so';
