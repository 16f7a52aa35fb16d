-- The operator classes of halfvec and bit.

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
