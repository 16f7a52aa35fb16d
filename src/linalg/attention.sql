-- Attention: softmax(q k scale) weighted means of values.

CREATE FUNCTION vector_attention_accum(internal, vector, vector, vector) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION vector_attention_accum(internal, vector, vector, vector) IS 'transition of attention: running maximum, sum of weights, weighted sums in float8';

CREATE FUNCTION vector_attention_accum(internal, vector, vector, vector, double precision) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION vector_attention_accum(internal, vector, vector, vector, double precision) IS 'transition of attention with a scale';

CREATE FUNCTION vector_attention_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vector_attention_combine(internal, internal) IS 'joins two states of attention';

CREATE FUNCTION vector_attention_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_attention_serialize(internal) IS 'state of attention for the leader process';

CREATE FUNCTION vector_attention_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_attention_deserialize(bytea, internal) IS 'state of attention from a worker process';

CREATE FUNCTION vector_attention_final(internal) RETURNS vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vector_attention_final(internal) IS 'final function of attention: weighted sums / sum of weights';

CREATE AGGREGATE attention(query vector, key vector, value vector) (
	SFUNC = vector_attention_accum,
	STYPE = internal,
	FINALFUNC = vector_attention_final,
	COMBINEFUNC = vector_attention_combine,
	SERIALFUNC = vector_attention_serialize,
	DESERIALFUNC = vector_attention_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE attention(vector, vector, vector) IS 'softmax(query @ key / sqrt(d)) weighted mean of the values, in one pass and float8; query and key d, value and result e dimensions; rows with a NULL are skipped, NULL on no rows';

CREATE AGGREGATE attention(query vector, key vector, value vector, scale double precision) (
	SFUNC = vector_attention_accum,
	STYPE = internal,
	FINALFUNC = vector_attention_final,
	COMBINEFUNC = vector_attention_combine,
	SERIALFUNC = vector_attention_serialize,
	DESERIALFUNC = vector_attention_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE attention(vector, vector, vector, double precision) IS 'softmax((query @ key) * scale) weighted mean of the values, in one pass and float8; scale must be finite; rows with a NULL are skipped, NULL on no rows';

CREATE FUNCTION attention_weights(query vector, keys vector[]) RETURNS vector
	AS 'MODULE_PATHNAME', 'vector_attention_weights' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION attention_weights(vector, vector[]) IS 'softmax over the m keys of query @ keys[i] / sqrt(d): m elements';

CREATE FUNCTION attention_weights(query vector, keys vector[], scale double precision) RETURNS vector
	AS 'MODULE_PATHNAME', 'vector_attention_weights_scaled' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION attention_weights(vector, vector[], double precision) IS 'softmax over the m keys of (query @ keys[i]) * scale: m elements';

CREATE FUNCTION attention_scores(queries vector[], keys vector[]) RETURNS vector[]
	AS 'MODULE_PATHNAME', 'vector_attention_scores' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION attention_scores(vector[], vector[]) IS 'queries (n by d) times transposed keys (m by d) / sqrt(d): n by m';

CREATE FUNCTION attention(queries vector[], keys vector[], vals vector[], causal boolean DEFAULT false, heads integer DEFAULT 1) RETURNS vector[]
	AS 'MODULE_PATHNAME', 'vector_attention_matrix' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION attention(vector[], vector[], vector[], boolean, integer) IS 'softmax(Q K^T / sqrt(d/heads)) V for n by d queries, m by d keys, m by e values: n by e; causal: query i sees the keys up to i + m - n; heads cuts the columns into equal slices that attend on their own';

