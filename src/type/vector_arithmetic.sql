-- Element by element.

-- pgvector has these.
CREATE FUNCTION vector_add(vector, vector) RETURNS vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION vector_add(vector, vector) IS 'a[i] + b[i]; an error on overflow; an error if the dimensions differ';

CREATE FUNCTION vector_sub(vector, vector) RETURNS vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION vector_sub(vector, vector) IS 'a[i] - b[i]; an error on overflow; an error if the dimensions differ';

CREATE FUNCTION vector_mul(vector, vector) RETURNS vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION vector_mul(vector, vector) IS 'a[i] * b[i]; an error on overflow and on underflow to 0; an error if the dimensions differ';
-- pgvector has no more of these.

CREATE FUNCTION vector_scale(double precision, vector) RETURNS vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION vector_scale(double precision, vector) IS 's * v[i], computed in float8 and rounded once; an error on overflow and on underflow to 0';

CREATE FUNCTION vector_scale(vector, double precision) RETURNS vector
	AS 'MODULE_PATHNAME', 'vector_scale_right' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION vector_scale(vector, double precision) IS 'v[i] * s, computed in float8 and rounded once; an error on overflow and on underflow to 0';

CREATE FUNCTION vector_divide(vector, double precision) RETURNS vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION vector_divide(vector, double precision) IS 'v[i] / s, computed in float8 and rounded once; an error if s is 0, on overflow and on underflow to 0';

CREATE FUNCTION vector_negate(vector) RETURNS vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION vector_negate(vector) IS '-v[i]';

-- pgvector has these.
CREATE FUNCTION l2_normalize(vector) RETURNS vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION l2_normalize(vector) IS 'v / norm(v); a zero vector stays a zero vector';
-- pgvector has no more of these.

CREATE FUNCTION unit(vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'vector_unit' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION unit(vector) IS 'unit vector of the same direction: v / norm(v); NULL for a zero vector, which has no direction';

-- SQL reserves normalize(...) for Unicode: this one is called with its schema or in double quotes.
CREATE FUNCTION "normalize"(vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'vector_unit' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION "normalize"(vector) IS 'the same as unit(vector)';

-- pgvector has these.
CREATE OPERATOR + (
	LEFTARG = vector,
	RIGHTARG = vector,
	FUNCTION = vector_add,
	COMMUTATOR = +
);
COMMENT ON OPERATOR + (vector, vector) IS 'element by element: a[i] + b[i]';

CREATE OPERATOR - (
	LEFTARG = vector,
	RIGHTARG = vector,
	FUNCTION = vector_sub
);
COMMENT ON OPERATOR - (vector, vector) IS 'element by element: a[i] - b[i]';

CREATE OPERATOR * (
	LEFTARG = vector,
	RIGHTARG = vector,
	FUNCTION = vector_mul,
	COMMUTATOR = *
);
COMMENT ON OPERATOR * (vector, vector) IS 'element by element: a[i] * b[i]';
-- pgvector has no more of these.

CREATE OPERATOR * (
	LEFTARG = double precision,
	RIGHTARG = vector,
	FUNCTION = vector_scale,
	COMMUTATOR = *
);
COMMENT ON OPERATOR * (double precision, vector) IS 'scaling: s * v[i]';

CREATE OPERATOR * (
	LEFTARG = vector,
	RIGHTARG = double precision,
	FUNCTION = vector_scale,
	COMMUTATOR = *
);
COMMENT ON OPERATOR * (vector, double precision) IS 'scaling: v[i] * s';

CREATE OPERATOR / (
	LEFTARG = vector,
	RIGHTARG = double precision,
	FUNCTION = vector_divide
);
COMMENT ON OPERATOR / (vector, double precision) IS 'scaling: v[i] / s';

CREATE OPERATOR - (
	RIGHTARG = vector,
	FUNCTION = vector_negate
);
COMMENT ON OPERATOR - (NONE, vector) IS '-v[i]';

