-- Vectors of random numbers between -1 and 1 (times scale), the same for the same seed; used by several tests.
CREATE FUNCTION noise(seed bigint, n int) RETURNS real IMMUTABLE LANGUAGE sql
	AS $$ SELECT ((hashint8extended(n, seed) & 65535)::float8 / 32768 - 1)::real $$;
CREATE FUNCTION noises(seed bigint, dimensions int, scale float8 DEFAULT 1) RETURNS vector IMMUTABLE LANGUAGE sql
	AS $$ SELECT array_agg((scale * noise(seed, n))::real ORDER BY n)::vector FROM generate_series(1, dimensions) n $$;
