-- Principal component analysis. A row costs d * d multiplications: without a COST that says so the planner
-- would not think of workers (a planner's support function is not asked about an aggregate's).

CREATE TYPE pca_model AS (
	mean vector,
	components vector[],
	explained_variance double precision[],
	explained_variance_ratio double precision[],
	n bigint
);
COMMENT ON TYPE pca_model IS 'what pca finds: mean (d), components (k unit vectors of d), their variances (divisor n - 1) and shares of the whole variance, rows';

CREATE FUNCTION vector_pca_accum(internal, vector, integer) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION vector_pca_accum(internal, vector, integer) IS 'transition of pca: mean and scatter matrix in float8';

CREATE FUNCTION vector_pca_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vector_pca_combine(internal, internal) IS 'joins two states of pca by the update of Chan et al.';

CREATE FUNCTION vector_pca_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_pca_serialize(internal) IS 'state of pca for the leader process';

CREATE FUNCTION vector_pca_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_pca_deserialize(bytea, internal) IS 'state of pca from a worker process';

CREATE FUNCTION vector_pca_final(internal) RETURNS pca_model
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vector_pca_final(internal) IS 'final function of pca: eigenvectors of the covariance matrix';

CREATE AGGREGATE pca(v vector, k integer) (
	SFUNC = vector_pca_accum,
	STYPE = internal,
	FINALFUNC = vector_pca_final,
	COMBINEFUNC = vector_pca_combine,
	SERIALFUNC = vector_pca_serialize,
	DESERIALFUNC = vector_pca_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pca(vector, integer) IS 'the k principal components of the rows, most variance first, each with its largest element positive; at least 2 rows, k from 1 to min(n, d); memory d^2 float8 within maintenance_work_mem; NULLs are skipped, NULL on no rows';

CREATE FUNCTION pca_transform(v vector, model pca_model) RETURNS vector
	AS 'MODULE_PATHNAME', 'vector_pca_transform' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pca_transform(vector, pca_model) IS 'coordinates along the components: components[j] @ (v - mean), d to k dimensions, in float8';

CREATE FUNCTION pca_inverse_transform(z vector, model pca_model) RETURNS vector
	AS 'MODULE_PATHNAME', 'vector_pca_inverse_transform' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pca_inverse_transform(vector, pca_model) IS 'mean + sum of z[j] * components[j], k to d dimensions, in float8';

