-- What the planner asks about the casts to vector(n), halfvec(n) and sparsevec(n).

CREATE FUNCTION vecdot_typmod_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecdot_typmod_support(internal) IS 'planner support of the casts that check a type modifier: leaves out those of values that have the dimensions already';

