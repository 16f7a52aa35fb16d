-- What searches find: for each index the distances of the rows nearest to some of the table's own. Nothing of the C library's.
CREATE FUNCTION pg_temp.nearest(rows text, type text, kind text, operator text, asked integer[], count integer) RETURNS TABLE (query integer, distances float8[]) LANGUAGE plpgsql AS $$
DECLARE
	q text;
BEGIN
	FOREACH query IN ARRAY asked LOOP
		EXECUTE format('SELECT %I::text FROM %I WHERE id = $1 LIMIT 1', kind, rows) INTO q USING query;
		EXECUTE format('SELECT array_agg(d) FROM (SELECT %I %s $1::%s AS d FROM %I ORDER BY %I %s $1::%s LIMIT %s) x', kind, operator, type, rows, kind, operator, type, count)
		  INTO distances USING q;
		RETURN NEXT;
	END LOOP;
END $$;
SELECT 'vector <->', n.* FROM pg_temp.nearest('items', 'vector', 'v', '<->', '{1,55,120,301,2001}', 12) n;
SELECT 'vector <=>', n.* FROM pg_temp.nearest('items', 'vector', 'v', '<=>', '{1,55,120,301,2001}', 12) n;
SELECT '4 bits <=>', n.* FROM pg_temp.nearest('items', 'vector', 'w', '<=>', '{1,55,120,301,2001}', 12) n;
SELECT 'vector <#>', n.* FROM pg_temp.nearest('items', 'vector', 'v', '<#>', '{1,55,120,301,2001}', 12) n;
SELECT 'halfvec <->', n.* FROM pg_temp.nearest('items', 'halfvec', 'h', '<->', '{1,55,120,301,2001}', 12) n;
SELECT 'halfvec <=>', n.* FROM pg_temp.nearest('items', 'halfvec', 'h', '<=>', '{1,55,120,301,2001}', 12) n;
SELECT 'halfvec <#>', n.* FROM pg_temp.nearest('items', 'halfvec', 'h', '<#>', '{1,55,120,301,2001}', 12) n;
SELECT 'bit <~>', n.* FROM pg_temp.nearest('items', 'bit(70)', 'b', '<~>', '{1,55,120,301,2001}', 12) n;
SELECT 'grown <->', n.* FROM pg_temp.nearest('grown', 'vector', 'v', '<->', '{1,55,120,301}', 12) n;
SELECT 'far <->', n.* FROM pg_temp.nearest('far', 'vector', 'v', '<->', '{1,77,200}', 12) n;
SELECT 'wide <=>', n.* FROM pg_temp.nearest('wide', 'vector', 'v', '<=>', '{1,20,40}', 12) n;
SELECT 'all', n.* FROM pg_temp.nearest('grown', 'vector', 'v', '<->', '{301}', 10000) n;
SELECT 'nothing', count(*) FROM (SELECT FROM nothing ORDER BY v <-> '[1,2,3]' LIMIT 5) x;
