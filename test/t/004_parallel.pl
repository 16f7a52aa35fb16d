# Parallel workers: the same sums and means, the same neighbours.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;

my $node = start_node('main');
$node->safe_psql('postgres', q{
	CREATE EXTENSION vecdot;
	-- Small whole numbers: their sums are exact in any order.
	CREATE TABLE items AS
		SELECT n AS id, n % 7 AS class,
		       CASE WHEN n % 11 > 0 THEN format('[%s,%s,%s,1]', n % 100, (n * 37) % 101 - 50, n % 3)::vector(4) END AS v,
		       (SELECT '[' || string_agg(sin(n * i)::text, ',') || ']' FROM generate_series(1, 16) i)::vector(16) AS w
		  FROM generate_series(1, 20000) n;
	ALTER TABLE items SET (parallel_workers = 3);
	ANALYZE items;
});
my $serial = 'SET max_parallel_workers_per_gather = 0;';
my $parallel = 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
	SET max_parallel_workers_per_gather = 3;';

foreach my $query (
	'SELECT sum(v), avg(v), count(v) FROM items',
	'SELECT class, sum(v), avg(v) FROM items GROUP BY class ORDER BY class',
	'SELECT sum(v), avg(v) FROM items WHERE id < 0',
	'SELECT sum(v), avg(v) FROM items WHERE id = 4711',
	'SELECT avg(v) FROM items WHERE v IS NULL',
	'SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY w <-> (SELECT w FROM items WHERE id = 77), id LIMIT 20) t',
	'SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY w <=> (SELECT w FROM items WHERE id = 99), id LIMIT 20) t',
	'SELECT count(*), min(v <+> \'[1,2,3,4]\'), max(v @ \'[1,0,0,0]\') FROM items',
	'SELECT count(*) FROM (SELECT DISTINCT v FROM items) t')
{
	my $plan = $node->safe_psql('postgres', "$parallel EXPLAIN (COSTS off) $query");
	like($plan, qr/Parallel Seq Scan/, "parallel plan of $query");
	is_sql($node, "$parallel $query", $node->safe_psql('postgres', "$serial $query"), 'the same answer as without workers');
}
like($node->safe_psql('postgres', "$parallel EXPLAIN (COSTS off) SELECT sum(v), avg(v) FROM items"), qr/Partial Aggregate/,
	'sum and avg are aggregated partially');

# Sums that round: float8 states, so the order of the rows shows in the last bits of float4 at most.
my $close = $node->safe_psql('postgres', "$serial CREATE TABLE mean AS SELECT avg(w) AS serial FROM items;
	$parallel SELECT count(*) FROM (SELECT avg(w) AS parallel FROM items) t, mean
	 WHERE parallel <-> serial <= 2e-7 * (1 + \"norm\"(serial))");
is($close, '1', 'avg of irrational numbers');

# Workers take over the session's instruction set.
is_sql($node, "LOAD 'vecdot'; SET vecdot.instruction_set = 'baseline'; $parallel
	SET force_parallel_mode = on; SELECT current_setting('vecdot.instruction_set')", 'baseline',
	'the setting reaches a worker') if $node->pg_version < 16;
is_sql($node, "LOAD 'vecdot'; SET vecdot.instruction_set = 'baseline'; $parallel
	SET debug_parallel_query = on; SELECT current_setting('vecdot.instruction_set')", 'baseline',
	'the setting reaches a worker') if $node->pg_version >= 16;

$node->stop;
done_testing();
