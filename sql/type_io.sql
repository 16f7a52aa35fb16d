-- Text and binary input and output of vector, and its type modifier.

-- text
SELECT '[1,2,3]'::vector;
SELECT '[-1.5,2.50,3e2]'::vector;
SELECT E' [ 1 ,\t2\n, 3\r] \x0b\f'::vector AS white_space;
SELECT '[+1,.5,5.,1e0,1E+1,0e99999]'::vector AS spellings;
SELECT '[0x1p3,0X.8,-0x1.8P-1,0xA]'::vector AS hexadecimal;
SELECT '[0,-0,1e-46,-1e-46,1e-999999]'::vector AS zeros;
SELECT '[1e-45,1.17549435e-38,3.4028235e38,-3.4028235e38]'::vector AS extremes;
SELECT '[16777217,0.1,0.3333333333333333,1e5,1e6,123456,1234567,0.0001,0.00001]'::vector AS rounding;
-- just below and above the middle between two float4
SELECT '[1.00000005960464477539062499999,1.000000059604644775390625,1.00000005960464477539062500001]'::vector AS ties;
SELECT '[3.4028235677973367e38]'::vector AS rounds_to_infinity;
\echo :LAST_ERROR_SQLSTATE
SELECT '[3.4028235677973366e38]'::vector AS rounds_to_the_largest;
-- as float4 writes it
SELECT count(*) AS written_otherwise
FROM (SELECT (random() * 2 - 1)::real * 10::real ^ (random() * 76 - 38) AS x
      FROM generate_series(1, 20000)) t
WHERE array[x::real]::vector::text <> '[' || x::real || ']';
SELECT count(*) AS read_otherwise
FROM (SELECT ((random() * 2 - 1) * 10 ^ (random() * 76 - 38))::text AS x
      FROM generate_series(1, 20000)) t
WHERE ('[' || x || ']')::vector::real[] <> array[x::real];

-- the size of a value
SELECT pg_column_size('[1,2,3]'::vector), pg_column_size(array_fill(0, array[16000])::vector);

-- type modifier
CREATE TABLE typed (v vector(3), w vector);
INSERT INTO typed VALUES ('[1,2,3]', '[1]');
INSERT INTO typed VALUES ('[1,2]', '[1]');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO typed VALUES ('[1,2,3,4]'::vector, '[1]');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO typed (v) VALUES (array[1,2]);
\echo :LAST_ERROR_SQLSTATE
SELECT atttypid::regtype, atttypmod, format_type(atttypid, atttypmod), attstorage, attalign
FROM pg_attribute WHERE attrelid = 'typed'::regclass AND attnum > 0;
SELECT '[1,2,3]'::vector(3), '[1,2,3]'::vector(2);
\echo :LAST_ERROR_SQLSTATE
SELECT ('[1,2,3]'::vector)::vector(2);
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE typed ALTER w TYPE vector(2);
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE typed ALTER w TYPE vector(1);
DROP TABLE typed;

-- binary
SELECT vector_send('[1,-2,0.5]');
CREATE TABLE sent (v vector);
INSERT INTO sent SELECT array[i, -i / 3.0, 1e-45, 3.4028235e38]::real[]::vector FROM generate_series(1, 100) i;
INSERT INTO sent SELECT array_fill(0.1::real, array[16000])::vector;
CREATE TABLE received (v vector);
DO $$
DECLARE
	file text := current_setting('data_directory') || '/vecdot_type_io.bin';
BEGIN
	EXECUTE format('COPY sent TO %L (FORMAT binary)', file);
	EXECUTE format('COPY received FROM %L (FORMAT binary)', file);
END $$;
SELECT count(*) FROM (TABLE sent EXCEPT TABLE received) d;
SELECT count(*) FROM received;
DROP TABLE sent, received;

-- stored long and short, compressed never
CREATE TABLE stored (v vector);
INSERT INTO stored VALUES ('[1]'), (array_fill(1, array[31])::vector), (array_fill(1, array[5000])::vector);
SELECT vector_dims(v), left(v::text, 8), pg_column_size(v) FROM stored ORDER BY 1;
DROP TABLE stored;
