# Random queries with random WHERE clauses: the search node, whichever way it takes, gives what a scan of the table
# gives. VECDOT_FUZZ_SECONDS (15) says how long, or VECDOT_FUZZ_QUERIES how many, VECDOT_FUZZ_SEED what to begin with.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;

my $queries = $ENV{VECDOT_FUZZ_QUERIES} // 0;
my $seconds = $ENV{VECDOT_FUZZ_SECONDS} // 15;
my $seed = $ENV{VECDOT_FUZZ_SEED} // int(rand(1 << 30));
srand($seed);
note("seed $seed");

my $node = start_node('fuzz');
$node->safe_psql('postgres', q{
	CREATE EXTENSION vecdot;
	CREATE TABLE items (id int PRIMARY KEY, a int, b int, t text, v vector(6));
	INSERT INTO items SELECT i, nullif(i % 50, 7), (random() * 1000)::int, CASE WHEN i % 4 > 0 THEN 'x' || i % 30 END,
	       CASE WHEN i % 97 > 0 THEN ARRAY(SELECT (i % 13) * sin(n * (i % 13)) + random() FROM generate_series(1, 6) n)::real[]::vector END
	  FROM generate_series(1, 5000) i;
	INSERT INTO items SELECT i, i % 50, i % 1000, 'x', CASE WHEN i % 2 = 0 THEN '[0,0,0,0,0,0]'::vector END FROM generate_series(6001, 6020) i;
	CREATE TABLE other AS SELECT id, a, b FROM items WHERE id % 37 = 1;
	CREATE INDEX ON items (a); CREATE INDEX ON items (b); CREATE INDEX ON items (t);
	CREATE INDEX ON items USING vecdot (v vector_l2_ops, a, t); CREATE INDEX ON items USING vecdot (v, b) WHERE b < 700;
	CREATE INDEX ON items USING vecdot (v vector_ip_ops);
	VACUUM ANALYZE;
	UPDATE items SET b = b + 1 WHERE id % 11 = 0; DELETE FROM items WHERE id % 41 = 0;});

sub one_of { return $_[ int(rand(@_)) ] }

sub condition {
	my ($depth) = @_;
	if ($depth > 0 && rand() < 0.6) {
		return 'NOT (' . condition($depth - 1) . ')' if rand() < 0.2;
		return '(' . condition($depth - 1) . one_of(' AND ', ' OR ') . condition($depth - 1) . ')';
	}
	my $n = int(rand(1000));
	return one_of('a = ' . $n % 50, 'a < ' . $n % 50, 'a IS NULL', 'a IN (1, NULL, ' . $n % 50 . ')', "b < $n",
		"b BETWEEN $n AND $n + 40", "b = $n", "t = 'x" . $n % 30 . "'", 't IS NULL', "t > 'x2'", "id % 300 = " . $n % 300,
		'v IS NOT NULL', 'v <-> Q < ' . $n / 100, 'v <=> Q >= ' . $n / 2000, 'v <=> Q <= ' . $n / 500, 'cosine_similarity(v, Q) > ' . $n / 1000, '1 - (v <=> Q) >= ' . $n / 1000,
		'v @ Q > ' . $n / 20, "id = $n", 'false',
		'EXISTS (SELECT 1 FROM other o WHERE o.a = items.a)', "b > (SELECT avg(b) FROM other WHERE a < " . $n % 50 . ')',
		'id IN (SELECT id FROM other)', 'b < $2');
}

my @statements;
my ($asked, $used) = (0, 0);
my @wrong;
my $end = time + $seconds;
while (($queries ? $asked < $queries : time < $end) && @wrong < 3) {
	my $where = condition(2);
	$where .= ' AND b < 700' if rand() < 0.3;
	my $operator = one_of('<->', '<->', '<=>');
	my $query = '[' . join(',', map { sprintf '%.2f', 10 * rand() - 5 } 1 .. 6) . ']';
	my $limit = one_of('1', '10', '300', '$3', 'NULL') . (rand() < 0.2 ? ' OFFSET 5' : '');
	my $value = one_of('v @ Q', 'dot(Q, v)', 'cosine_similarity(v, Q)', '1 - (v <=> Q)', '-(v <#> Q)');
	my $range = one_of('v <-> Q < ' . rand(10), 'v <=> Q BETWEEN 0.1 AND ' . rand(1), 'v @ Q > ' . rand(60), '1 - (v <=> Q) > ' . rand(1));
	my $nulls = one_of('', '', ' NULLS LAST');
	my $select = one_of(
		"SELECT $value AS d FROM items WHERE $where ORDER BY $value DESC$nulls LIMIT $limit",
		"SELECT id AS d FROM items WHERE $where ORDER BY v $operator Q, id LIMIT $limit",
		"SELECT id AS d FROM items WHERE $range AND $where ORDER BY 1",
		"SELECT $value AS d FROM items WHERE $range AND $where ORDER BY $value DESC$nulls LIMIT $limit",
		"SELECT count(*) AS d FROM items WHERE $range AND $where",
		"SELECT v $operator Q AS d FROM items WHERE $where ORDER BY v $operator Q LIMIT $limit",
		"SELECT d FROM (SELECT v $operator Q AS d, a FROM items WHERE $where ORDER BY v $operator Q LIMIT $limit) s",
		"SELECT i.d FROM (VALUES (1), (2)) x(n), LATERAL (SELECT v $operator Q AS d FROM items WHERE b % x.n = 0 AND $where ORDER BY v $operator Q LIMIT $limit) i ORDER BY 1");
	$select =~ s/Q/\$1/g;
	my ($b, $rows) = (int(rand(1000)), int(rand(20)));
	my $plan = one_of('force_generic_plan', 'force_custom_plan');
	my $arguments = "('$query', $b, $rows)";
	my $result = $node->safe_psql('postgres', qq{
		SET vecdot.recall = 1; SET plan_cache_mode = $plan; SET jit = off; SET max_parallel_workers_per_gather = 0;
		SET enable_indexscan = off; SET enable_bitmapscan = off;
		PREPARE by_table(vector, int, int) AS SELECT coalesce(string_agg(r.d::text, ','), '') FROM ($select) r;
		EXECUTE by_table$arguments;
		SET enable_indexscan = on; SET enable_bitmapscan = on; SET enable_seqscan = off; SET enable_sort = off;
		PREPARE by_node(vector, int, int) AS SELECT coalesce(string_agg(r.d::text, ','), '') FROM ($select) r;
		SET vecdot.filter_way = last; EXECUTE by_node$arguments;
		SET vecdot.filter_way = index; EXECUTE by_node$arguments;
		SET vecdot.filter_way = first; EXECUTE by_node$arguments;
		RESET vecdot.filter_way; EXECUTE by_node$arguments;
		EXPLAIN (COSTS off) EXECUTE by_node$arguments;});
	my @lines = split /\n/, $result, -1;
	$asked++;
	$used++ if $result =~ /VecdotSearch/;
	push @wrong, "$select with $arguments, $plan: $result" if grep { $_ ne $lines[0] } @lines[ 1 .. 4 ];
}
is("@wrong", '', "random queries give what a scan gives (seed $seed)");
cmp_ok($used, '>', $asked / 4, "of $asked queries $used used the node") if $asked > 8;
$node->stop;
done_testing();
