-- One of vecdot and vecdot_pgvector in a database, and one type vector in a schema.

DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid JOIN pg_catalog.pg_am a ON a.oid = d.objid
		WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.classid = 'pg_catalog.pg_am'::pg_catalog.regclass
		  AND e.extname = 'vector' AND a.amname = 'vecdot') THEN
		RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
			MESSAGE = 'the extension "vector" of this database is vecdot itself, where "vecdot" has no place beside it',
			HINT = 'It has the types, the index and all functions.';
	ELSIF EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'vecdot_pgvector') THEN
		RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
			MESSAGE = 'extension "vecdot_pgvector" is in this database, where "vecdot" has no place beside it',
			HINT = 'It has the index and all functions for the columns of pgvector. DROP EXTENSION vecdot_pgvector first for the type of vecdot.';
	ELSIF pg_catalog.to_regtype(pg_catalog.quote_ident(pg_catalog.current_schema()) || '.vector') IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
			MESSAGE = pg_catalog.format('schema "%s" has a type "vector" already', pg_catalog.current_schema()),
			HINT = 'Beside pgvector, CREATE EXTENSION vecdot_pgvector brings the index and all functions to its columns. For the type of vecdot too, name another schema: CREATE EXTENSION vecdot SCHEMA ...';
	END IF;
END $$;
