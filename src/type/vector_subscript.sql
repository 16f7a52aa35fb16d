-- Subscripts: v[i] and v[i:j].

CREATE FUNCTION vector_subscript_handler(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_subscript_handler(internal) IS 'subscripts of vector, counted from 1: v[i] is a real, v[i:j] a vector; NULL beyond its ends, an error to assign there';

ALTER TYPE vector SET (SUBSCRIPT = vector_subscript_handler);

