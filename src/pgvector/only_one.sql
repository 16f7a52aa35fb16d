-- One of vecdot, vecdot_pgvector and vecdot as "vector" in a database: each brings the access method.

DO $$
DECLARE
	there name := (SELECT e.extname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid JOIN pg_catalog.pg_am a ON a.oid = d.objid
		WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.classid = 'pg_catalog.pg_am'::pg_catalog.regclass AND a.amname = 'vecdot');
	created name := (SELECT extname FROM pg_catalog.pg_extension WHERE extname IN ('vecdot', 'vecdot_pgvector') AND extname IS DISTINCT FROM there);
BEGIN
	IF there IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
			MESSAGE = CASE there WHEN 'vector' THEN pg_catalog.format('the extension "vector" of this database is vecdot itself, where "%s" has no place beside it', created)
				ELSE pg_catalog.format('extension "%s" is in this database, where "%s" has no place beside it', there, created) END,
			HINT = CASE there WHEN 'vector' THEN 'It has the types, the index and all functions.'
				WHEN 'vecdot' THEN 'DROP EXTENSION vecdot first, if no column of its type vector is needed.'
				ELSE 'It has the index and all functions for the columns of pgvector. DROP EXTENSION vecdot_pgvector first for the type of vecdot.' END;
	END IF;
END $$;
