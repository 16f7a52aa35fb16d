-- ALTER TABLE ... TYPE with dimensions that a column has already: checked, but without a rewrite.
\set SHOW_CONTEXT never
CREATE FUNCTION rewrites(ddl text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	old oid := pg_relation_filenode('changed');
BEGIN
	EXECUTE 'ALTER TABLE changed ALTER v TYPE ' || ddl;
	RETURN pg_relation_filenode('changed') <> old;
END $$;

CREATE TABLE changed (v vector(3));
INSERT INTO changed VALUES ('[1,2,3]'), (NULL);
SELECT rewrites('vector(3)') AS same, rewrites('vector(3) USING v::vector::vector(3)') AS there_and_back, rewrites('vector') AS any_dimensions, rewrites('vector(3)') AS back,
       rewrites('vector(3) USING vector(v, 3, true)') AS by_name, rewrites('vector(3) USING vector(vector(v, 3, false), -1, false)') AS none_by_name;
SELECT rewrites('vector(2)');
SELECT rewrites('vector(3) USING vector(v, 2, true)');
TABLE changed;
EXPLAIN (VERBOSE, COSTS off) SELECT v::vector::vector(3), vector(v, 2, true), vector(v, NULL, true) FROM changed;

-- The same type of another extension: its modifier is believed behind a cast without a function.
CREATE SCHEMA other;
CREATE TYPE other.vector;
-- Not what is only a shell so far: PostgreSQL 19 adds the place.
SET client_min_messages = warning;
CREATE FUNCTION other.vector_in(cstring, oid, integer) RETURNS other.vector AS 'vecdot' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION other.vector_out(other.vector) RETURNS cstring AS 'vecdot' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION other.vector_typmod_in(cstring[]) RETURNS integer AS 'vecdot' LANGUAGE C IMMUTABLE STRICT;
RESET client_min_messages;
CREATE TYPE other.vector (INPUT = other.vector_in, OUTPUT = other.vector_out, TYPMOD_IN = other.vector_typmod_in, ALIGNMENT = int4, STORAGE = external);
CREATE CAST (other.vector AS public.vector) WITHOUT FUNCTION AS ASSIGNMENT;
DROP TABLE changed;
CREATE TABLE changed (v other.vector(3));
INSERT INTO changed VALUES ('[1,2,3]');
SELECT rewrites('vector(3)') AS same_dimensions;
SELECT v <-> '[1,2,5]' AS distance, format_type(atttypid, atttypmod) FROM changed, pg_attribute WHERE attrelid = 'changed'::regclass AND attname = 'v';
DROP TABLE changed;
CREATE TABLE changed (v other.vector);
INSERT INTO changed VALUES ('[1,2,3]');
SELECT rewrites('vector(2)');
SELECT rewrites('vector(3)') AS unknown_dimensions;
-- A type of another name says nothing about dimensions.
CREATE DOMAIN three AS vector(3);
CREATE CAST (bit AS vector) WITHOUT FUNCTION;
DROP TABLE changed;
CREATE TABLE changed (v bit(3));
SELECT rewrites('vector(3) USING v::vector(3)') AS bits;
DROP CAST (bit AS vector);
DROP TABLE changed;
CREATE TABLE changed (v three);
SELECT rewrites('vector') AS of_a_domain;
DROP TABLE changed;
DROP DOMAIN three;

CREATE TABLE changed (v halfvec(3));
INSERT INTO changed VALUES ('[1,2,3]');
SELECT rewrites('halfvec(3)') AS same, rewrites('halfvec') AS any_dimensions, rewrites('halfvec(3)') AS back, rewrites('halfvec(3) USING v::halfvec::halfvec(3)') AS there_and_back;
SELECT rewrites('halfvec(2)');
DROP TABLE changed;
CREATE TABLE changed (v sparsevec(3));
INSERT INTO changed VALUES ('{1:1}/3');
SELECT rewrites('sparsevec(3)') AS same, rewrites('sparsevec') AS any_dimensions, rewrites('sparsevec(3)') AS back, rewrites('sparsevec(3) USING v::sparsevec::sparsevec(3)') AS there_and_back;
SELECT rewrites('sparsevec(2)');
DROP TABLE changed;
\set VERBOSITY terse
DROP SCHEMA other CASCADE;
DROP FUNCTION rewrites;
