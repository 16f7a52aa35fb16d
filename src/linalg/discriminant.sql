-- Fisher's linear discriminant: a linear classifier trained in one pass.

CREATE TYPE linear_model AS (
	weights vector[],
	bias vector,
	classes integer[],
	n bigint
);
COMMENT ON TYPE linear_model IS 'a linear classifier: weights (C by d), bias (C), the classes in ascending order (C), rows';

CREATE FUNCTION vector_discriminant_accum(internal, vector, integer) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION vector_discriminant_accum(internal, vector, integer) IS 'transition of linear_discriminant: scatter matrix and class sums in float8';

CREATE FUNCTION vector_discriminant_accum(internal, vector, integer, double precision) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION vector_discriminant_accum(internal, vector, integer, double precision) IS 'transition of linear_discriminant with a shrinkage';

CREATE FUNCTION vector_discriminant_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vector_discriminant_combine(internal, internal) IS 'joins two states of linear_discriminant';

CREATE FUNCTION vector_discriminant_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_discriminant_serialize(internal) IS 'state of linear_discriminant for the leader process';

CREATE FUNCTION vector_discriminant_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_discriminant_deserialize(bytea, internal) IS 'state of linear_discriminant from a worker process';

CREATE FUNCTION vector_discriminant_final(internal) RETURNS linear_model
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vector_discriminant_final(internal) IS 'final function of linear_discriminant: weights and bias';

CREATE AGGREGATE linear_discriminant(x vector, class integer) (
	SFUNC = vector_discriminant_accum,
	STYPE = internal,
	FINALFUNC = vector_discriminant_final,
	COMBINEFUNC = vector_discriminant_combine,
	SERIALFUNC = vector_discriminant_serialize,
	DESERIALFUNC = vector_discriminant_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE linear_discriminant(vector, integer) IS 'Fisher discriminant of the classes: softmax(linear(x, weights, bias)) is the probability of each class; shrinkage 0.01; NULL vectors are skipped, a NULL class is an error, NULL on no rows';

CREATE AGGREGATE linear_discriminant(x vector, class integer, shrinkage double precision) (
	SFUNC = vector_discriminant_accum,
	STYPE = internal,
	FINALFUNC = vector_discriminant_final,
	COMBINEFUNC = vector_discriminant_combine,
	SERIALFUNC = vector_discriminant_serialize,
	DESERIALFUNC = vector_discriminant_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE linear_discriminant(vector, integer, double precision) IS 'Fisher discriminant with the covariance (1 - shrinkage) S + shrinkage trace(S)/d I, shrinkage from 0 to 1';

