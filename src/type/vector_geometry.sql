-- Projections and relations between directions.

CREATE FUNCTION projection(vector, vector) RETURNS vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION projection(vector, vector) IS 'vector projection of a onto b: (dot(a, b) / dot(b, b)) * b; sums in float8, rounded once; NULL if b is zero; an error on overflow; an error if the dimensions differ';

CREATE FUNCTION rejection(vector, vector) RETURNS vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION rejection(vector, vector) IS 'what the projection of a onto b leaves: a - projection(a, b); sums in float8, rounded once; NULL if b is zero; an error on overflow; an error if the dimensions differ';

CREATE FUNCTION scalar_projection(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION scalar_projection(vector, vector) IS 'signed length of the shadow of a along b: dot(a, b) / norm(b); NaN if b is zero; an error if the dimensions differ';

CREATE FUNCTION is_orthogonal(vector, vector) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION is_orthogonal(vector, vector) IS 'whether |dot(a, b)| <= 1e-6 * norm(a) * norm(b); a zero vector is orthogonal to all; an error if the dimensions differ';

CREATE FUNCTION is_parallel(vector, vector) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION is_parallel(vector, vector) IS 'whether the sine of the angle is at most 1e-6, in either direction; a zero vector is parallel to all; an error if the dimensions differ';

CREATE OPERATOR ## (
	LEFTARG = vector,
	RIGHTARG = vector,
	FUNCTION = projection
);
COMMENT ON OPERATOR ## (vector, vector) IS 'vector projection of the left onto the right';

CREATE OPERATOR @/ (
	LEFTARG = vector,
	RIGHTARG = vector,
	FUNCTION = scalar_projection
);
COMMENT ON OPERATOR @/ (vector, vector) IS 'signed length of the shadow of the left along the right';

CREATE OPERATOR ?-| (
	LEFTARG = vector,
	RIGHTARG = vector,
	FUNCTION = is_orthogonal,
	COMMUTATOR = ?-|,
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR ?-| (vector, vector) IS 'are the vectors orthogonal?';

CREATE OPERATOR ?|| (
	LEFTARG = vector,
	RIGHTARG = vector,
	FUNCTION = is_parallel,
	COMMUTATOR = ?||,
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR ?|| (vector, vector) IS 'are the vectors parallel?';

