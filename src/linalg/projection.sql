-- Matrices (arrays of vectors, one vector a row) times vectors, and Lambert's law.

CREATE FUNCTION matvec(matrix vector[], v vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'vector_matvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION matvec(vector[], vector) IS 'matrix m by d times vector d: m elements, matrix[i] @ v in float8';

CREATE FUNCTION project(v vector, axes vector[]) RETURNS vector
	AS 'MODULE_PATHNAME', 'vector_project' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION project(vector, vector[]) IS 'scalar products with m axes of d dimensions at once: m elements, axes[i] @ v in float8';

CREATE FUNCTION linear(x vector, weights vector[], bias vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'vector_linear' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION linear(vector, vector[], vector) IS 'linear layer: weights (m by d) times x (d) plus bias (m): m elements, in float8';

CREATE FUNCTION lambert(normal vector, light vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'vector_lambert' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lambert(vector, vector) IS 'max(0, cosine of the angle between normal and light): brightness of a matt surface; 0 for a zero vector';

