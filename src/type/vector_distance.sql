-- Distances and lengths: float8, from sums accumulated in float8.

CREATE FUNCTION dot(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dot(vector, vector) IS 'dot product: sum of a[i] * b[i], accumulated in float8';

CREATE FUNCTION inner_product(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION inner_product(vector, vector) IS 'dot product: sum of a[i] * b[i], accumulated in float8';

CREATE FUNCTION vector_negative_inner_product(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_negative_inner_product(vector, vector) IS 'minus the dot product';

CREATE FUNCTION l2_distance(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l2_distance(vector, vector) IS 'Euclidean distance: sqrt(sum of (a[i] - b[i])^2)';

CREATE FUNCTION vector_l2_squared_distance(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_l2_squared_distance(vector, vector) IS 'squared Euclidean distance: sum of (a[i] - b[i])^2';

CREATE FUNCTION l1_distance(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l1_distance(vector, vector) IS 'taxicab distance: sum of |a[i] - b[i]|';

CREATE FUNCTION cosine_distance(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cosine_distance(vector, vector) IS '1 - cosine similarity, in [0, 2]; NaN if a vector is zero';

CREATE FUNCTION cosine_similarity(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cosine_similarity(vector, vector) IS 'cosine of the angle: dot(a, b) / (norm(a) * norm(b)), in [-1, 1]; NaN if a vector is zero';

CREATE FUNCTION vector_spherical_distance(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_spherical_distance(vector, vector) IS 'angle between two unit vectors divided by pi: acos(dot(a, b)) / pi, in [0, 1]';

CREATE FUNCTION angle(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle(vector, vector) IS 'angle in radians, in [0, pi], by Kahan''s formula; NaN if a vector is zero';

CREATE FUNCTION vector_norm(vector) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_norm(vector) IS 'Euclidean length: sqrt(dot(v, v))';

CREATE FUNCTION norm(vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'vector_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION norm(vector) IS 'Euclidean length: sqrt(dot(v, v))';

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

