# What a search is going to need is asked for before it is waited for, where it is not in shared buffers.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;

my $node = start_node_with_pauses('main', "shared_buffers = 64MB\nautovacuum = off\nfsync = off");
$node->safe_psql('postgres', q{
	CREATE TABLE items (id integer, v vector(64));
	INSERT INTO items SELECT i, noise(i, 64)::vector FROM generate_series(1, 12000) i;
	CREATE INDEX ON items USING vecdot (v vector_l2_ops);
	VACUUM (FREEZE, ANALYZE) items;
});

my $query = q{SELECT id FROM items ORDER BY v <-> noise(20000, 64)::vector LIMIT 20};

# How often a session comes to a point in one query, after a restart: what it reads is on disk, or in the file cache. And
# the answer.
sub reached
{
	my ($point, $recall, $ahead, $warm) = @_;
	$node->restart;
	my $answer = $node->safe_psql('postgres', qq{
		SET enable_seqscan = off;
		SET vecdot.recall = $recall;
		SET effective_io_concurrency = $ahead;
		} . ($warm ? "DO 'BEGIN PERFORM pause_reached(); FOR i IN 1..2 LOOP PERFORM id FROM items ORDER BY v <-> noise(20000, 64)::vector LIMIT 20; END LOOP; END';" : '') . qq{
		SELECT pause_at('read ahead: $point', 1);
		SELECT array(} . $query . qq{);
		SELECT pause_reached();
	});
	my ($ids, $count) = (split /\n/, $answer)[-2, -1];
	return ($ids, $count);
}

for my $recall ('0.9', '1')
{
	for my $point ('index', 'table')
	{
		my ($ids, $none) = reached($point, $recall, 0, 0);
		is($none, 0, "recall $recall, $point: nothing is asked for with effective_io_concurrency = 0");
		my ($same, $some) = reached($point, $recall, 16, 0);
		cmp_ok($some, '>', 10, "recall $recall, $point: pages are asked for");
		is($same, $ids, "recall $recall, $point: the answer is the one without");
		my ($again, $warm) = reached($point, $recall, 16, 1);
		# What was asked for beyond the last that was needed is not in shared buffers.
		cmp_ok($warm, '<', $some / 2, "recall $recall, $point: hardly any when what is needed is in shared buffers");
		is($again, $ids, "recall $recall, $point: nor does it change the answer");
	}
}
my ($one) = reached('index', '0.9', 1000, 0);
is($one, (reached('index', '0.9', 1, 0))[0], 'much or little ahead: the same rows');

$node->stop;
done_testing();
