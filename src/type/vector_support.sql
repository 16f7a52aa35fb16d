-- What the planner asks about the functions of vectors.

CREATE FUNCTION vector_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_support(internal) IS 'planner support: the cost of a call by the dimensions of its arguments and by whether they are stored out of line';

