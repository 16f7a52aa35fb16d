-- Distances and lengths: float8, from sums accumulated in float8.

CREATE FUNCTION dot(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION dot(vector, vector) IS 'dot product: sum of a[i] * b[i], accumulated in float8; an error if the dimensions differ';

-- pgvector has these.
CREATE FUNCTION inner_product(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION inner_product(vector, vector) IS 'dot product: sum of a[i] * b[i], accumulated in float8; an error if the dimensions differ';

CREATE FUNCTION vector_negative_inner_product(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION vector_negative_inner_product(vector, vector) IS 'minus the dot product: -sum of a[i] * b[i], accumulated in float8; an error if the dimensions differ';

CREATE FUNCTION l2_distance(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION l2_distance(vector, vector) IS 'Euclidean distance: sqrt(sum of (a[i] - b[i])^2), accumulated in float8; an error if the dimensions differ';

CREATE FUNCTION vector_l2_squared_distance(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION vector_l2_squared_distance(vector, vector) IS 'squared Euclidean distance: sum of (a[i] - b[i])^2, accumulated in float8; an error if the dimensions differ';

CREATE FUNCTION l1_distance(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION l1_distance(vector, vector) IS 'taxicab distance: sum of |a[i] - b[i]|, accumulated in float8; an error if the dimensions differ';

CREATE FUNCTION cosine_distance(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION cosine_distance(vector, vector) IS '1 - dot(a, b) / (norm(a) * norm(b)), in [0, 2], accumulated in float8; NaN if a vector is zero; an error if the dimensions differ';
-- pgvector has no more of these.

CREATE FUNCTION cosine_similarity(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION cosine_similarity(vector, vector) IS 'cosine of the angle: dot(a, b) / (norm(a) * norm(b)), in [-1, 1], accumulated in float8; NaN if a vector is zero; an error if the dimensions differ';

-- pgvector has these.
CREATE FUNCTION vector_spherical_distance(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION vector_spherical_distance(vector, vector) IS 'angle between two unit vectors divided by pi: acos(dot(a, b)) / pi, in [0, 1]; an error if the dimensions differ';
-- pgvector has no more of these.

CREATE FUNCTION angle(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION angle(vector, vector) IS 'angle in radians, in [0, pi], 2 * atan2(norm(a'' - b''), norm(a'' + b'')) of the unit vectors (W. Kahan, How Futile are Mindless Assessments of Roundoff, 2006); NaN if a vector is zero; an error if the dimensions differ';

-- pgvector has these.
CREATE FUNCTION vector_norm(vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION vector_norm(vector) IS 'Euclidean length: sqrt(sum of v[i]^2), accumulated in float8';
-- pgvector has no more of these.

CREATE FUNCTION norm(vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'vector_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT vector_support;
COMMENT ON FUNCTION norm(vector) IS 'Euclidean length: sqrt(sum of v[i]^2), accumulated in float8';

-- pgvector has these.
CREATE OPERATOR <-> (
	LEFTARG = vector,
	RIGHTARG = vector,
	FUNCTION = l2_distance,
	COMMUTATOR = <->
);
COMMENT ON OPERATOR <-> (vector, vector) IS 'Euclidean distance';

CREATE OPERATOR <#> (
	LEFTARG = vector,
	RIGHTARG = vector,
	FUNCTION = vector_negative_inner_product,
	COMMUTATOR = <#>
);
COMMENT ON OPERATOR <#> (vector, vector) IS 'minus the dot product: the nearest comes first';

CREATE OPERATOR <=> (
	LEFTARG = vector,
	RIGHTARG = vector,
	FUNCTION = cosine_distance,
	COMMUTATOR = <=>
);
COMMENT ON OPERATOR <=> (vector, vector) IS 'cosine distance';

CREATE OPERATOR <+> (
	LEFTARG = vector,
	RIGHTARG = vector,
	FUNCTION = l1_distance,
	COMMUTATOR = <+>
);
COMMENT ON OPERATOR <+> (vector, vector) IS 'taxicab distance';
-- pgvector has no more of these.

CREATE OPERATOR @ (
	LEFTARG = vector,
	RIGHTARG = vector,
	FUNCTION = dot,
	COMMUTATOR = @
);
COMMENT ON OPERATOR @ (vector, vector) IS 'dot product';

CREATE OPERATOR @-@ (
	RIGHTARG = vector,
	FUNCTION = norm
);
COMMENT ON OPERATOR @-@ (NONE, vector) IS 'Euclidean length';

