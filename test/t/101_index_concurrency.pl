# Searches, inserts, updates, deletes, vacuum, splits and reindexing at once. Every search is compared
# with the table within its snapshot. VECDOT_CONCURRENCY_SECONDS says for how long.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;
use IndexLoad;

my $seconds = $ENV{VECDOT_CONCURRENCY_SECONDS} // 20;

my $node = new_node('main');
$node->append_conf('postgresql.conf', q{
	max_prepared_transactions = 5
	max_connections = 60
	deadlock_timeout = 500ms
	autovacuum = off
	vecdot.background_upkeep = on
	max_wal_size = 4GB
});
$node->start;
# From nothing: every cell comes from a split, and the origin with the first.
create_items($node, rows => 0, offset => 1000);
my $load = start_load($node, $seconds, {
	insert => 2, batch => 2, rollback => 1, update => 4, nearest => 2, delete => 1, vacuum => 1,
	prepared => 1, search => 4, drain => 2, repeatable => 2, cursor => 1, reindex => 1, checkpoint => 1 });
finish_load($load);
is(errors_of_log($node), '', 'no error in the log');
is_consistent($node, 'index and table agree at rest');
$node->safe_psql('postgres', 'VACUUM items');
is_consistent($node, 'and after a vacuum');
$node->safe_psql('postgres', 'DELETE FROM items');
$node->safe_psql('postgres', 'VACUUM items');
is_sql($node, q{SET enable_seqscan = off; SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]') t}, '0', 'all rows deleted');
$node->safe_psql('postgres', 'INSERT INTO items (v) SELECT random_vector(n) FROM generate_series(1, 3000) n');
is_consistent($node, 'and filled again');
$node->stop;
done_testing();
