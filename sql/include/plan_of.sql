-- A plan as every version of PostgreSQL prints it: 17, 18 and 19 name initial plans and disabled nodes in other ways.
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
		CONTINUE WHEN line ~ 'Disabled: true';
		RETURN NEXT replace(replace(replace(line, ' (returns $0)', ''), 'InitPlan expr_1', 'InitPlan 1'), '(InitPlan 1).col1', '$0');
	END LOOP;
END $$;
