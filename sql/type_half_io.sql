-- Text and binary input and output of halfvec, its type modifier, and its casts.

-- text: as vector's, each element a half; written as the float4 that it is
SELECT '[1,2,3]'::halfvec, ' [ -1.5 ,2.50 , 0x1p3 ] '::halfvec, '[1.23456,0.1,-3e-4]'::halfvec AS rounded;
SELECT '[65504,65519.9,-65519.9]'::halfvec AS largest, '[5.9604645e-08,3e-8,2e-8,-2e-8,1e-46]'::halfvec AS smallest, '[6.1035156e-05,6.0976e-05]'::halfvec AS normal;
-- through float4, as in pgvector: what lies just above the middle between two halves is first rounded to it
SELECT '[1.00048828125,1.000488281251,1.0004885]'::halfvec AS twice;
SELECT count(*) AS halves, count(*) FILTER (WHERE ('[' || x || ']')::halfvec::real[] <> array[x]) AS changed
  FROM (SELECT ((i - 2048) * 2::float8 ^ e)::real AS x FROM generate_series(1, 4095) i, generate_series(-24, 4) e) t;

-- type modifier
CREATE TABLE halves (v halfvec(3), w halfvec);
INSERT INTO halves VALUES ('[1,2,3]', '[1]'), (array[1,2,3], array[1.5,2]), ('[0.1,0.2,0.3]'::vector, '[1]'::vector);
INSERT INTO halves VALUES ('[1,2]', '[1]');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO halves VALUES ('[1,2]'::vector, '[1]');
\echo :LAST_ERROR_SQLSTATE
TABLE halves;
SELECT format_type(atttypid, atttypmod), attstorage, attalign FROM pg_attribute WHERE attrelid = 'halves'::regclass AND attnum > 0;
DROP TABLE halves;

-- binary and in a row
SELECT halfvec_send('[1,-2.5]'), halfvec_send('[65504,5.9604645e-08,-0]');
SELECT pg_column_size('[1,2,3]'::halfvec), pg_column_size(array_fill(0, array[16000])::halfvec);
CREATE TABLE sent (v halfvec);
INSERT INTO sent SELECT array[i, -i / 3.0, 6e-8, 65504]::real[]::halfvec FROM generate_series(1, 100) i;
INSERT INTO sent SELECT array_fill(0.1::real, array[16000])::halfvec;
CREATE TABLE received (v halfvec);
DO $$
DECLARE
	file text := current_setting('data_directory') || '/vecdot_type_half_' || current_database() || '.bin';
BEGIN
	EXECUTE format('COPY sent TO %L (FORMAT binary)', file);
	EXECUTE format('COPY received FROM %L (FORMAT binary)', file);
END $$;
SELECT count(*) FROM (TABLE sent EXCEPT TABLE received) d;
SELECT count(*), sum(vector_dims(v)) FROM received;
DROP TABLE sent, received;
CREATE TABLE stored (v halfvec);
INSERT INTO stored VALUES ('[1]'), (array_fill(1, array[60])::halfvec), (array_fill(1, array[5000])::halfvec);
SELECT vector_dims(v), left(v::text, 8), pg_column_size(v), l2_norm(v) FROM stored ORDER BY 1;
DROP TABLE stored;

-- casts
SELECT castsource::regtype, casttarget::regtype, castcontext, castmethod
FROM pg_cast WHERE 'halfvec'::regtype IN (castsource, casttarget)
ORDER BY castsource::regtype::text, casttarget::regtype::text;
SELECT array[1,2,3]::halfvec, array[1,2.5]::real[]::halfvec, array[1,0.1]::float8[]::halfvec, array[1.5,-2]::numeric[]::halfvec, '[0:1]={1,2}'::integer[]::halfvec;
SELECT '[1,0.1]'::halfvec::real[], '[1,0.1]'::halfvec::vector, '[1,0.1]'::vector::halfvec, '[1e-8,-1e-8]'::vector::halfvec AS too_small;
SELECT '[1,2]'::halfvec::vector(2), '[1,2]'::vector::halfvec(2), '{1,2}'::real[]::halfvec(2);
-- implicitly only from vector
SELECT '[1,0.1]'::vector <-> '[1,0.1]'::halfvec AS as_halves;
