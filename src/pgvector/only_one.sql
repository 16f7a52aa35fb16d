-- One of vecdot and vecdot_pgvector in a database.

DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'vecdot') THEN
		RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
			MESSAGE = 'extension "vecdot" is in this database, where "vecdot_pgvector" has no place beside it',
			HINT = 'DROP EXTENSION vecdot first, if no column of its type vector is needed.';
	END IF;
END $$;
