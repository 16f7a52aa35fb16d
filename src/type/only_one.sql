-- One type vector in a schema.

DO $$
BEGIN
	IF pg_catalog.to_regtype(pg_catalog.quote_ident(pg_catalog.current_schema()) || '.vector') IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
			MESSAGE = pg_catalog.format('schema "%s" has a type "vector" already', pg_catalog.current_schema()),
			HINT = 'Beside pgvector, CREATE EXTENSION vecdot_pgvector brings the index and all functions to its columns. For the type of vecdot too, name another schema: CREATE EXTENSION vecdot SCHEMA ...';
	END IF;
END $$;
