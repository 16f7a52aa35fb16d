-- Functions of one vector: softmax, activations, arg max and sums of elements.

CREATE FUNCTION softmax(vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'vector_softmax' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION softmax(vector) IS 'e^v[i] / sum of e^v[j], d elements; computed in float8 with the maximum subtracted, so finite for any input';

CREATE FUNCTION softmax(vector, temperature double precision) RETURNS vector
	AS 'MODULE_PATHNAME', 'vector_softmax' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION softmax(vector, double precision) IS 'e^(v[i]/t) / sum of e^(v[j]/t), d elements; the temperature t must be finite and greater than 0';

CREATE FUNCTION log_softmax(vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'vector_log_softmax' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION log_softmax(vector) IS 'v[i] - ln(sum of e^v[j]), d elements; never below the lowest float4';

CREATE FUNCTION log_softmax(vector, temperature double precision) RETURNS vector
	AS 'MODULE_PATHNAME', 'vector_log_softmax' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION log_softmax(vector, double precision) IS 'v[i]/t - ln(sum of e^(v[j]/t)), d elements; the temperature t must be finite and greater than 0';

CREATE FUNCTION sigmoid(vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'vector_sigmoid' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sigmoid(vector) IS '1 / (1 + e^-v[i]), d elements';

CREATE FUNCTION relu(vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'vector_relu' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION relu(vector) IS 'max(0, v[i]), d elements';

CREATE FUNCTION argmax(vector) RETURNS integer
	AS 'MODULE_PATHNAME', 'vector_argmax' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION argmax(vector) IS 'position of the largest element, from 1; the first of several';

CREATE FUNCTION argmin(vector) RETURNS integer
	AS 'MODULE_PATHNAME', 'vector_argmin' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION argmin(vector) IS 'position of the smallest element, from 1; the first of several';

CREATE FUNCTION element_max(vector) RETURNS real
	AS 'MODULE_PATHNAME', 'vector_element_max' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION element_max(vector) IS 'largest element';

CREATE FUNCTION element_min(vector) RETURNS real
	AS 'MODULE_PATHNAME', 'vector_element_min' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION element_min(vector) IS 'smallest element';

CREATE FUNCTION element_sum(vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'vector_element_sum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION element_sum(vector) IS 'sum of the elements, in float8';

