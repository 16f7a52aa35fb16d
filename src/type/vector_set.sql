-- Vectors from parts and parts from vectors.

-- pgvector has these.
CREATE FUNCTION vector_dims(vector) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_dims(vector) IS 'number of dimensions';

CREATE FUNCTION subvector(vector, integer, integer) RETURNS vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION subvector(vector, integer, integer) IS 'subvector(v, start, count): elements start to start + count - 1, counted from 1, clipped to v; an error if none is left';

CREATE FUNCTION vector_concat(vector, vector) RETURNS vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_concat(vector, vector) IS 'the elements of a, then those of b; an error beyond 16000';

CREATE OPERATOR || (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_concat);
COMMENT ON OPERATOR || (vector, vector) IS 'the elements of a, then those of b';

CREATE FUNCTION binary_quantize(vector) RETURNS bit
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION binary_quantize(vector) IS 'one bit per element: 1 where it is greater than 0';
-- pgvector has no more of these.

CREATE FUNCTION vector_unnest_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_unnest_support(internal) IS 'planner support of unnest(vector): its number of rows';

CREATE FUNCTION unnest(vector) RETURNS SETOF real
	AS 'MODULE_PATHNAME', 'vector_unnest' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	ROWS 100 SUPPORT vector_unnest_support;
COMMENT ON FUNCTION unnest(vector) IS 'the elements in their order, one a row';

CREATE FUNCTION vector_agg_accum(internal, double precision) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vector_agg_accum(internal, double precision) IS 'transition function of vector_agg';

CREATE FUNCTION vector_agg_final(internal) RETURNS vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vector_agg_final(internal) IS 'final function of vector_agg';

CREATE AGGREGATE vector_agg(double precision) (
	SFUNC = vector_agg_accum,
	STYPE = internal,
	FINALFUNC = vector_agg_final,
	FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE vector_agg(double precision) IS 'vector_agg(x ORDER BY i): a vector of the values, rounded to float4; NULL for no rows, an error on NULL, NaN, infinity and beyond 16000 values';

