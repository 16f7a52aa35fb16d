-- One of vecdot and vecdot_pgvector in a database.

DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid JOIN pg_catalog.pg_am a ON a.oid = d.objid
		WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.classid = 'pg_catalog.pg_am'::pg_catalog.regclass
		  AND e.extname = 'vector' AND a.amname = 'vecdot') THEN
		RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
			MESSAGE = 'the extension "vector" of this database is vecdot itself, where "vecdot_pgvector" has no place beside it',
			HINT = 'It has the types, the index and all functions.';
	ELSIF EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'vecdot') THEN
		RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
			MESSAGE = 'extension "vecdot" is in this database, where "vecdot_pgvector" has no place beside it',
			HINT = 'DROP EXTENSION vecdot first, if no column of its type vector is needed.';
	END IF;
END $$;
