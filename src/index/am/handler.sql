-- The access method and its operator classes.

CREATE FUNCTION vecdot_handler(internal) RETURNS index_am_handler
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION vecdot_handler(internal) IS 'handler of the access method vecdot';

CREATE ACCESS METHOD vecdot TYPE INDEX HANDLER vecdot_handler;
COMMENT ON ACCESS METHOD vecdot IS 'nearest neighbours at a promised recall';

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

CREATE FUNCTION vecdot_halfvec_cosine(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vecdot_halfvec_cosine(internal) IS 'what the access method has to know of halfvec_cosine_ops';

CREATE OPERATOR CLASS halfvec_cosine_ops
	DEFAULT FOR TYPE halfvec USING vecdot AS
	OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 vecdot_halfvec_cosine(internal);
COMMENT ON OPERATOR CLASS halfvec_cosine_ops USING vecdot IS 'ORDER BY a <=> b';
COMMENT ON OPERATOR FAMILY halfvec_cosine_ops USING vecdot IS 'ORDER BY a <=> b';

CREATE FUNCTION vecdot_halfvec_l2(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vecdot_halfvec_l2(internal) IS 'what the access method has to know of halfvec_l2_ops';

CREATE OPERATOR CLASS halfvec_l2_ops
	FOR TYPE halfvec USING vecdot AS
	OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 vecdot_halfvec_l2(internal);
COMMENT ON OPERATOR CLASS halfvec_l2_ops USING vecdot IS 'ORDER BY a <-> b';
COMMENT ON OPERATOR FAMILY halfvec_l2_ops USING vecdot IS 'ORDER BY a <-> b';

CREATE FUNCTION vecdot_halfvec_ip(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vecdot_halfvec_ip(internal) IS 'what the access method has to know of halfvec_ip_ops';

CREATE OPERATOR CLASS halfvec_ip_ops
	FOR TYPE halfvec USING vecdot AS
	OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 vecdot_halfvec_ip(internal);
COMMENT ON OPERATOR CLASS halfvec_ip_ops USING vecdot IS 'ORDER BY a <#> b';
COMMENT ON OPERATOR FAMILY halfvec_ip_ops USING vecdot IS 'ORDER BY a <#> b';

CREATE FUNCTION vecdot_bit_hamming(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vecdot_bit_hamming(internal) IS 'what the access method has to know of bit_hamming_ops';

CREATE OPERATOR CLASS bit_hamming_ops
	DEFAULT FOR TYPE bit USING vecdot AS
	OPERATOR 1 <~> (bit, bit) FOR ORDER BY float_ops,
	FUNCTION 1 vecdot_bit_hamming(internal);
COMMENT ON OPERATOR CLASS bit_hamming_ops USING vecdot IS 'ORDER BY a <~> b';
COMMENT ON OPERATOR FAMILY bit_hamming_ops USING vecdot IS 'ORDER BY a <~> b';
