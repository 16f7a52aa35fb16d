-- The operator classes of vector.

CREATE FUNCTION vecdot_vector_l2(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vecdot_vector_l2(internal) IS 'what the access method has to know of vector_l2_ops';

CREATE FUNCTION vecdot_vector_cosine(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vecdot_vector_cosine(internal) IS 'what the access method has to know of vector_cosine_ops';

CREATE FUNCTION vecdot_vector_ip(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vecdot_vector_ip(internal) IS 'what the access method has to know of vector_ip_ops';

CREATE OPERATOR CLASS vector_cosine_ops
	DEFAULT FOR TYPE vector USING vecdot AS
	OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vecdot_vector_cosine(internal);
COMMENT ON OPERATOR CLASS vector_cosine_ops USING vecdot IS 'ORDER BY a <=> b';
COMMENT ON OPERATOR FAMILY vector_cosine_ops USING vecdot IS 'ORDER BY a <=> b';

CREATE OPERATOR CLASS vector_l2_ops
	FOR TYPE vector USING vecdot AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vecdot_vector_l2(internal);
COMMENT ON OPERATOR CLASS vector_l2_ops USING vecdot IS 'ORDER BY a <-> b';
COMMENT ON OPERATOR FAMILY vector_l2_ops USING vecdot IS 'ORDER BY a <-> b';

CREATE OPERATOR CLASS vector_ip_ops
	FOR TYPE vector USING vecdot AS
	OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vecdot_vector_ip(internal);
COMMENT ON OPERATOR CLASS vector_ip_ops USING vecdot IS 'ORDER BY a <#> b';
COMMENT ON OPERATOR FAMILY vector_ip_ops USING vecdot IS 'ORDER BY a <#> b';
