-- What searches find: the distances of the rows nearest to some of the table's own, of those that meet a condition.
SET vecdot.filter_way = last;
SET jit = off;
CREATE FUNCTION pg_temp.nearest(rows text, operator text, condition text, asked integer[], count integer) RETURNS TABLE (query integer, distances float8[]) LANGUAGE plpgsql AS $$
DECLARE
	q text;
BEGIN
	FOREACH query IN ARRAY asked LOOP
		EXECUTE format('SELECT v::text FROM %I WHERE id = $1 AND v IS NOT NULL LIMIT 1', rows) INTO q USING query;
		EXECUTE format('SELECT array_agg(d) FROM (SELECT v %1$s $1::vector AS d FROM %2$I WHERE %3$s ORDER BY v %1$s $1::vector LIMIT %4$s) x', operator, rows, condition, count)
		  INTO distances USING q;
		RETURN NEXT;
	END LOOP;
END $$;
SELECT c, n.* FROM unnest(ARRAY['tenant = 7', 'tenant = 13', 'tenant IS NULL', 'tenant > 25', 'flag', 'measure = 0', 'measure = ''NaN''', 'measure < -3', 'price = 1 / 3.0', 'price > 16', 'token = md5(''5'')::uuid',
	'code = ''code 7''', 'code IN (''code 1'', ''code 39'')', 'code IS NULL', 'tenant = 4 AND flag AND price < 5']) c, pg_temp.nearest('items', '<->', c, '{1,55,701}', 12) n;
SELECT c, n.* FROM unnest(ARRAY['id = 77', 'id BETWEEN 100 AND 110', 'id > 1090', 'id < 40']) c, pg_temp.nearest('items', '<#>', c, '{1,55,701}', 12) n;
SELECT c, n.* FROM unnest(ARRAY['tenant = 7', 'tenant = 107', 'tenant BETWEEN 110 AND 111', 'id > 1590', 'tenant < 0']) c, pg_temp.nearest('grown', '<->', c, '{1,55,1501}', 12) n;
SELECT c, n.* FROM unnest(ARRAY['tenant = 7', 'tenant = 70']) c, pg_temp.nearest('few', '<=>', c, '{1,55}', 12) n;
