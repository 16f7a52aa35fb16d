-- Operator classes of key columns, the ones behind the vector's: columns that WHERE asks for. Strategies are those of btree.

CREATE FUNCTION vecdot_key_signed(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vecdot_key_signed(internal) IS 'how the access method makes keys of integers, dates and times';

CREATE FUNCTION vecdot_key_unsigned(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vecdot_key_unsigned(internal) IS 'how the access method makes keys of booleans, oids and enums';

CREATE FUNCTION vecdot_key_float(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vecdot_key_float(internal) IS 'how the access method makes keys of floating-point numbers';

CREATE FUNCTION vecdot_key_numeric(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vecdot_key_numeric(internal) IS 'how the access method makes keys of numeric';

CREATE FUNCTION vecdot_key_uuid(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vecdot_key_uuid(internal) IS 'how the access method makes keys of uuid';

CREATE FUNCTION vecdot_key_hash(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vecdot_key_hash(internal) IS 'how the access method makes keys of types whose values are told apart by their hash';

CREATE OPERATOR FAMILY integer_ops USING vecdot;
COMMENT ON OPERATOR FAMILY integer_ops USING vecdot IS 'WHERE a < b, a <= b, a = b, a >= b, a > b';
CREATE OPERATOR CLASS int2_ops
	DEFAULT FOR TYPE smallint USING vecdot FAMILY integer_ops AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
	FUNCTION 2 vecdot_key_signed(internal);
COMMENT ON OPERATOR CLASS int2_ops USING vecdot IS 'WHERE a < b, a <= b, a = b, a >= b, a > b';
CREATE OPERATOR CLASS int4_ops
	DEFAULT FOR TYPE integer USING vecdot FAMILY integer_ops AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
	FUNCTION 2 vecdot_key_signed(internal);
COMMENT ON OPERATOR CLASS int4_ops USING vecdot IS 'WHERE a < b, a <= b, a = b, a >= b, a > b';
CREATE OPERATOR CLASS int8_ops
	DEFAULT FOR TYPE bigint USING vecdot FAMILY integer_ops AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
	FUNCTION 2 vecdot_key_signed(internal);
COMMENT ON OPERATOR CLASS int8_ops USING vecdot IS 'WHERE a < b, a <= b, a = b, a >= b, a > b';
ALTER OPERATOR FAMILY integer_ops USING vecdot ADD
	OPERATOR 1 < (smallint, integer), OPERATOR 2 <= (smallint, integer), OPERATOR 3 = (smallint, integer), OPERATOR 4 >= (smallint, integer), OPERATOR 5 > (smallint, integer),
	OPERATOR 1 < (smallint, bigint), OPERATOR 2 <= (smallint, bigint), OPERATOR 3 = (smallint, bigint), OPERATOR 4 >= (smallint, bigint), OPERATOR 5 > (smallint, bigint),
	OPERATOR 1 < (integer, smallint), OPERATOR 2 <= (integer, smallint), OPERATOR 3 = (integer, smallint), OPERATOR 4 >= (integer, smallint), OPERATOR 5 > (integer, smallint),
	OPERATOR 1 < (integer, bigint), OPERATOR 2 <= (integer, bigint), OPERATOR 3 = (integer, bigint), OPERATOR 4 >= (integer, bigint), OPERATOR 5 > (integer, bigint),
	OPERATOR 1 < (bigint, smallint), OPERATOR 2 <= (bigint, smallint), OPERATOR 3 = (bigint, smallint), OPERATOR 4 >= (bigint, smallint), OPERATOR 5 > (bigint, smallint),
	OPERATOR 1 < (bigint, integer), OPERATOR 2 <= (bigint, integer), OPERATOR 3 = (bigint, integer), OPERATOR 4 >= (bigint, integer), OPERATOR 5 > (bigint, integer);

CREATE OPERATOR FAMILY float_ops USING vecdot;
COMMENT ON OPERATOR FAMILY float_ops USING vecdot IS 'WHERE a < b, a <= b, a = b, a >= b, a > b';
CREATE OPERATOR CLASS float4_ops
	DEFAULT FOR TYPE real USING vecdot FAMILY float_ops AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
	FUNCTION 2 vecdot_key_float(internal);
COMMENT ON OPERATOR CLASS float4_ops USING vecdot IS 'WHERE a < b, a <= b, a = b, a >= b, a > b';
CREATE OPERATOR CLASS float8_ops
	DEFAULT FOR TYPE double precision USING vecdot FAMILY float_ops AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
	FUNCTION 2 vecdot_key_float(internal);
COMMENT ON OPERATOR CLASS float8_ops USING vecdot IS 'WHERE a < b, a <= b, a = b, a >= b, a > b';
ALTER OPERATOR FAMILY float_ops USING vecdot ADD
	OPERATOR 1 < (real, double precision), OPERATOR 2 <= (real, double precision), OPERATOR 3 = (real, double precision), OPERATOR 4 >= (real, double precision), OPERATOR 5 > (real, double precision),
	OPERATOR 1 < (double precision, real), OPERATOR 2 <= (double precision, real), OPERATOR 3 = (double precision, real), OPERATOR 4 >= (double precision, real), OPERATOR 5 > (double precision, real);

CREATE OPERATOR FAMILY numeric_ops USING vecdot;
COMMENT ON OPERATOR FAMILY numeric_ops USING vecdot IS 'WHERE a < b, a <= b, a = b, a >= b, a > b';
CREATE OPERATOR CLASS numeric_ops
	DEFAULT FOR TYPE numeric USING vecdot FAMILY numeric_ops AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
	FUNCTION 2 vecdot_key_numeric(internal);
COMMENT ON OPERATOR CLASS numeric_ops USING vecdot IS 'WHERE a < b, a <= b, a = b, a >= b, a > b';

CREATE OPERATOR FAMILY uuid_ops USING vecdot;
COMMENT ON OPERATOR FAMILY uuid_ops USING vecdot IS 'WHERE a < b, a <= b, a = b, a >= b, a > b';
CREATE OPERATOR CLASS uuid_ops
	DEFAULT FOR TYPE uuid USING vecdot FAMILY uuid_ops AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
	FUNCTION 2 vecdot_key_uuid(internal);
COMMENT ON OPERATOR CLASS uuid_ops USING vecdot IS 'WHERE a < b, a <= b, a = b, a >= b, a > b';

CREATE OPERATOR FAMILY bool_ops USING vecdot;
COMMENT ON OPERATOR FAMILY bool_ops USING vecdot IS 'WHERE a < b, a <= b, a = b, a >= b, a > b';
CREATE OPERATOR CLASS bool_ops
	DEFAULT FOR TYPE boolean USING vecdot FAMILY bool_ops AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
	FUNCTION 2 vecdot_key_unsigned(internal);
COMMENT ON OPERATOR CLASS bool_ops USING vecdot IS 'WHERE a < b, a <= b, a = b, a >= b, a > b';

CREATE OPERATOR FAMILY oid_ops USING vecdot;
COMMENT ON OPERATOR FAMILY oid_ops USING vecdot IS 'WHERE a < b, a <= b, a = b, a >= b, a > b';
CREATE OPERATOR CLASS oid_ops
	DEFAULT FOR TYPE oid USING vecdot FAMILY oid_ops AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
	FUNCTION 2 vecdot_key_unsigned(internal);
COMMENT ON OPERATOR CLASS oid_ops USING vecdot IS 'WHERE a < b, a <= b, a = b, a >= b, a > b';

CREATE OPERATOR FAMILY date_ops USING vecdot;
COMMENT ON OPERATOR FAMILY date_ops USING vecdot IS 'WHERE a < b, a <= b, a = b, a >= b, a > b';
CREATE OPERATOR CLASS date_ops
	DEFAULT FOR TYPE date USING vecdot FAMILY date_ops AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
	FUNCTION 2 vecdot_key_signed(internal);
COMMENT ON OPERATOR CLASS date_ops USING vecdot IS 'WHERE a < b, a <= b, a = b, a >= b, a > b';

CREATE OPERATOR FAMILY time_ops USING vecdot;
COMMENT ON OPERATOR FAMILY time_ops USING vecdot IS 'WHERE a < b, a <= b, a = b, a >= b, a > b';
CREATE OPERATOR CLASS time_ops
	DEFAULT FOR TYPE time USING vecdot FAMILY time_ops AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
	FUNCTION 2 vecdot_key_signed(internal);
COMMENT ON OPERATOR CLASS time_ops USING vecdot IS 'WHERE a < b, a <= b, a = b, a >= b, a > b';

CREATE OPERATOR FAMILY timestamp_ops USING vecdot;
COMMENT ON OPERATOR FAMILY timestamp_ops USING vecdot IS 'WHERE a < b, a <= b, a = b, a >= b, a > b';
CREATE OPERATOR CLASS timestamp_ops
	DEFAULT FOR TYPE timestamp USING vecdot FAMILY timestamp_ops AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
	FUNCTION 2 vecdot_key_signed(internal);
COMMENT ON OPERATOR CLASS timestamp_ops USING vecdot IS 'WHERE a < b, a <= b, a = b, a >= b, a > b';

CREATE OPERATOR FAMILY timestamptz_ops USING vecdot;
COMMENT ON OPERATOR FAMILY timestamptz_ops USING vecdot IS 'WHERE a < b, a <= b, a = b, a >= b, a > b';
CREATE OPERATOR CLASS timestamptz_ops
	DEFAULT FOR TYPE timestamptz USING vecdot FAMILY timestamptz_ops AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
	FUNCTION 2 vecdot_key_signed(internal);
COMMENT ON OPERATOR CLASS timestamptz_ops USING vecdot IS 'WHERE a < b, a <= b, a = b, a >= b, a > b';

-- New values of an enum may come between old ones: their order is not in what is stored.
CREATE OPERATOR FAMILY enum_ops USING vecdot;
COMMENT ON OPERATOR FAMILY enum_ops USING vecdot IS 'WHERE a = b';
CREATE OPERATOR CLASS enum_ops
	DEFAULT FOR TYPE anyenum USING vecdot FAMILY enum_ops AS
	OPERATOR 3 =,
	FUNCTION 2 vecdot_key_unsigned(internal);
COMMENT ON OPERATOR CLASS enum_ops USING vecdot IS 'WHERE a = b';

CREATE OPERATOR FAMILY text_ops USING vecdot;
COMMENT ON OPERATOR FAMILY text_ops USING vecdot IS 'WHERE a = b';
CREATE OPERATOR CLASS text_ops
	DEFAULT FOR TYPE text USING vecdot FAMILY text_ops AS
	OPERATOR 3 =,
	FUNCTION 2 vecdot_key_hash(internal);
COMMENT ON OPERATOR CLASS text_ops USING vecdot IS 'WHERE a = b';

CREATE OPERATOR FAMILY bpchar_ops USING vecdot;
COMMENT ON OPERATOR FAMILY bpchar_ops USING vecdot IS 'WHERE a = b';
CREATE OPERATOR CLASS bpchar_ops
	DEFAULT FOR TYPE bpchar USING vecdot FAMILY bpchar_ops AS
	OPERATOR 3 =,
	FUNCTION 2 vecdot_key_hash(internal);
COMMENT ON OPERATOR CLASS bpchar_ops USING vecdot IS 'WHERE a = b';

CREATE OPERATOR FAMILY bytea_ops USING vecdot;
COMMENT ON OPERATOR FAMILY bytea_ops USING vecdot IS 'WHERE a = b';
CREATE OPERATOR CLASS bytea_ops
	DEFAULT FOR TYPE bytea USING vecdot FAMILY bytea_ops AS
	OPERATOR 3 =,
	FUNCTION 2 vecdot_key_hash(internal);
COMMENT ON OPERATOR CLASS bytea_ops USING vecdot IS 'WHERE a = b';

CREATE OPERATOR FAMILY interval_ops USING vecdot;
COMMENT ON OPERATOR FAMILY interval_ops USING vecdot IS 'WHERE a = b';
CREATE OPERATOR CLASS interval_ops
	DEFAULT FOR TYPE interval USING vecdot FAMILY interval_ops AS
	OPERATOR 3 =,
	FUNCTION 2 vecdot_key_hash(internal);
COMMENT ON OPERATOR CLASS interval_ops USING vecdot IS 'WHERE a = b';

CREATE OPERATOR FAMILY timetz_ops USING vecdot;
COMMENT ON OPERATOR FAMILY timetz_ops USING vecdot IS 'WHERE a = b';
CREATE OPERATOR CLASS timetz_ops
	DEFAULT FOR TYPE timetz USING vecdot FAMILY timetz_ops AS
	OPERATOR 3 =,
	FUNCTION 2 vecdot_key_hash(internal);
COMMENT ON OPERATOR CLASS timetz_ops USING vecdot IS 'WHERE a = b';

CREATE OPERATOR FAMILY inet_ops USING vecdot;
COMMENT ON OPERATOR FAMILY inet_ops USING vecdot IS 'WHERE a = b';
CREATE OPERATOR CLASS inet_ops
	DEFAULT FOR TYPE inet USING vecdot FAMILY inet_ops AS
	OPERATOR 3 =,
	FUNCTION 2 vecdot_key_hash(internal);
COMMENT ON OPERATOR CLASS inet_ops USING vecdot IS 'WHERE a = b';

CREATE OPERATOR FAMILY macaddr_ops USING vecdot;
COMMENT ON OPERATOR FAMILY macaddr_ops USING vecdot IS 'WHERE a = b';
CREATE OPERATOR CLASS macaddr_ops
	DEFAULT FOR TYPE macaddr USING vecdot FAMILY macaddr_ops AS
	OPERATOR 3 =,
	FUNCTION 2 vecdot_key_hash(internal);
COMMENT ON OPERATOR CLASS macaddr_ops USING vecdot IS 'WHERE a = b';
