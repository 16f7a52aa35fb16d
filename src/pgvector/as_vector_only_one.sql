-- In pgvector's place: the extension "vector" is vecdot itself, and the only one of its family in a database.

DO $$
DECLARE
	other text := (SELECT min(extname) FROM pg_catalog.pg_extension WHERE extname IN ('vecdot', 'vecdot_pgvector'));
BEGIN
	IF other IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
			MESSAGE = pg_catalog.format('extension "%s" is in this database, where vecdot in the place of pgvector has none beside it', other),
			HINT = pg_catalog.format('It has the types and the index already. DROP EXTENSION %s first, if an application needs the name "vector".', other);
	END IF;
END $$;
