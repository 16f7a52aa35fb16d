# A build with workers gives the same bytes as one without, and so does each further one.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;

my $node = new_node('main');
$node->append_conf('postgresql.conf', q{
	autovacuum = off
	fsync = off
	log_min_messages = debug1
	max_worker_processes = 8
	max_parallel_workers = 8
});
$node->start;

# Clusters of different lengths that have much in common, near copies, equal rows, rows for each of the lists.
$node->safe_psql('postgres', q{
	CREATE EXTENSION vecdot;
	CREATE TABLE items (id integer, v vector(20)) WITH (parallel_workers = 3);
	INSERT INTO items SELECT i, (SELECT array_agg((5 + sin(i * n) + sin(n * (i % 40)) * (1 + i % 3))::real ORDER BY n) FROM generate_series(1, 20) n)::vector
	  FROM generate_series(1, 12000) i;
	INSERT INTO items SELECT id, v FROM items WHERE id % 11 = 3;
	INSERT INTO items SELECT id, v + v FROM items WHERE id % 17 = 3;
	INSERT INTO items SELECT i, CASE WHEN i % 2 = 0 THEN array_fill(0, '{20}')::vector END FROM generate_series(1, 40) i;
	INSERT INTO items VALUES (0, array_fill(3e38::real, '{20}')::vector);
	DELETE FROM items WHERE id % 23 = 5;
});

# The pages of an index without what no two files share: the LSN, and the checksum.
sub pages
{
	my ($index) = @_;
	my $path = $node->data_dir . '/' . $node->safe_psql('postgres', "CHECKPOINT; SELECT pg_relation_filepath('$index')");
	return [ map { substr($_, 0, 10) = "\0" x 10; $_ } unpack('(a8192)*', slurp_file($path)) ];
}

sub is_same
{
	my ($first, $second, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @different = grep { ($first->[$_] // '') ne ($second->[$_] // '') } 0 .. ($#$first > $#$second ? $#$first : $#$second);
	is(scalar(@different), 0, $name) or diag("different blocks: @different[0 .. ($#different > 9 ? 9 : $#different)]");
}

# Builds it, and says how many workers were started for it.
sub build
{
	my ($statement, $workers) = @_;
	my $offset = -s $node->logfile;
	$node->safe_psql('postgres', "SET max_parallel_maintenance_workers = $workers; SET maintenance_work_mem = '256MB'; $statement");
	my $log = slurp_file($node->logfile, $offset);
	return scalar(() = $log =~ /starting background worker process "parallel worker/g);
}

foreach my $metric (qw(cosine l2 ip))
{
	my $options = 'refine_bits = ' . ($metric eq 'ip' ? 4 : 8);
	my $create = "ON items USING vecdot (v vector_${metric}_ops) WITH ($options";
	is(build("CREATE INDEX serial $create)", 0), 0, "$metric: built alone");
	cmp_ok($node->safe_psql('postgres', q{SELECT cells FROM vecdot_index_info('serial')}), '>', 50, 'many cells');
	my $serial = pages('serial');
	foreach my $workers (1, 3)
	{
		is(build("CREATE INDEX parallel_$workers $create)", $workers), $workers, "with $workers workers");
		is_same($serial, pages("parallel_$workers"), 'gives the same bytes');
	}
	build('REINDEX INDEX parallel_3', 3);
	is_same($serial, pages('parallel_3'), 'REINDEX too');
	build("CREATE INDEX other $create, seed = 1)", 3);
	my $other = pages('other');
	cmp_ok(scalar(grep { ($serial->[$_] // '') ne ($other->[$_] // '') } 0 .. $#$other), '>', @$other / 2, 'another seed gives another index');
	$node->safe_psql('postgres', 'DROP INDEX serial, parallel_1, parallel_3, other');
}

$node->stop;
done_testing();
