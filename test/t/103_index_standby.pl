# A streaming standby gives the answers of the primary while that inserts, splits and vacuums; from a
# base backup of the running server; promotion; an archive recovery to a point in time.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;
use IndexLoad;

my $seconds = $ENV{VECDOT_STANDBY_SECONDS} // 8;

my $primary = new_node('primary', allows_streaming => 1, has_archiving => 1);
# Replay compares each page with the primary's image of it.
$primary->append_conf('postgresql.conf', q{
	vecdot.background_upkeep = on
	wal_consistency_checking = 'generic'
	max_prepared_transactions = 5
	max_connections = 40
	autovacuum = off
	max_wal_size = 2GB
	wal_keep_size = 1GB
	log_line_prefix = '%m [%p] %e %q%a '
});
$primary->start;
create_items($primary, rows => 400);

# The backup is taken while rows come and go.
my $load = start_load($primary, 6, { insert => 2, batch => 1, update => 1, delete => 1, vacuum => 1 });
$primary->backup('running');
my %standbys;
foreach my $feedback ('on', 'off')
{
	my $standby = PostgreSQL::Test::Cluster->new("feedback_$feedback");
	$standby->init_from_backup($primary, 'running', has_streaming => 1);
	$standby->append_conf('postgresql.conf', "archive_mode = off\nhot_standby_feedback = $feedback\nmax_standby_streaming_delay = "
		  . ($feedback eq 'on' ? '-1' : '200ms') . "\n");
	$standby->start;
	$standbys{$feedback} = $standby;
}
finish_load($load);

# Searches on both standbys under load. A wrong answer ends the client; a cancelled query is tried again,
# and a client whose connection a conflict ends (it was idle in its transaction) is gone.
$load = start_load($primary, $seconds, { insert => 2, batch => 2, update => 2, nearest => 1, delete => 1, vacuum => 1, prepared => 1, checkpoint => 1 });
my $with_feedback = start_load($standbys{on}, $seconds, { search => 1, drain => 1, repeatable => 1 }, name => 'on');
my $without = start_load($standbys{off}, $seconds, { search => 2, drain => 2, repeatable => 4, cursor => 4 }, options => ['--max-tries=1000'], name => 'off');
finish_load($load);
finish_load($with_feedback, name => 'standby with feedback');
finish_load($without, name => 'standby without feedback', allowed => qr/conflict with recovery/);

foreach my $feedback ('on', 'off')
{
	my $standby = $standbys{$feedback};
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	is_consistent($standby, "standby with feedback $feedback: index and table agree");
	# The same rows in the same order, with ties too: the same pages.
	foreach my $setting (0.5, 0.95, 1)
	{
		my $query = "SET enable_seqscan = off; SET vecdot.recall = $setting;
			SELECT md5(string_agg(id::text, ',')) FROM (SELECT id FROM items ORDER BY v <-> '[3,1,4,1,5,9,2,6]') t;
			SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY v <=> '[3,1,4,1,5,9,2,6]' LIMIT 50) t";
		is_sql($standby, $query, $primary->safe_psql('postgres', $query), "the same answers at recall $setting");
	}
}
# A load in one transaction uses its space again, but not what a standby with feedback may still read.
$primary->safe_psql('postgres', 'CREATE TABLE loaded (id int, v vector(8)); CREATE INDEX loaded_v ON loaded USING vecdot (v vector_l2_ops); INSERT INTO loaded SELECT n, random_vector(n) FROM generate_series(1, 3000) n');
$primary->wait_for_catchup($standbys{on}, 'replay', $primary->lsn('insert'));
my $reader = $standbys{on}->background_psql('postgres', on_error_stop => 0);
$reader->query_safe(q{SET enable_seqscan = off; BEGIN ISOLATION LEVEL REPEATABLE READ; DECLARE c CURSOR FOR SELECT id FROM loaded ORDER BY v <-> '[3,1,4,1,5,9,2,6]'});
my $first = $reader->query_safe('FETCH 10 FROM c');
# The primary has been told.
$primary->poll_query_until('postgres', 'SELECT count(backend_xmin) = 1 FROM pg_stat_replication');
$primary->safe_psql('postgres', 'INSERT INTO loaded SELECT n, random_vector(n) FROM generate_series(1, 12000) n');
$primary->wait_for_catchup($standbys{on}, 'replay', $primary->lsn('insert'));
my ($rest) = $reader->query('FETCH ALL FROM c');
is(scalar(split /\n/, "$first\n$rest"), 3000, 'a cursor on the standby keeps its rows while the primary loads more');
$reader->quit;

is_error($standbys{on}, 'CREATE INDEX ON items USING vecdot (v)', '25006', 'read-only transaction', 'no index is built on a standby');

# What the standbys complained about: conflicts, and only where feedback is off.
my $conflict = qr/conflict with recovery| 40001 | 25006 |terminating walreceiver|could not receive data from WAL|could not connect to the primary/;
is(errors_of_log($standbys{on}, $conflict), '', 'nothing else in the log of the standby with feedback');
is(errors_of_log($standbys{off}, $conflict), '', 'nothing but conflicts in the log of the standby without feedback');
unlike(slurp_file($_->logfile), qr/inconsistent page found|PANIC/, 'replay found every page as the primary has it') for values %standbys;

# A base backup passes its own verification; a standby becomes a primary.
command_ok(['pg_verifybackup', $primary->backup_dir . '/running'], 'the backup is complete');
$standbys{off}->promote;
my $new = $standbys{off};
$new->safe_psql('postgres', 'INSERT INTO items (v) SELECT random_vector(n) FROM generate_series(1, 2000) n; DELETE FROM items WHERE id % 3 = 0');
$new->safe_psql('postgres', 'VACUUM items');
is_consistent($new, 'after promotion the index takes rows and vacuum');
my $after = start_load($new, 3, { insert => 1, batch => 1, search => 1, vacuum => 1 });
finish_load($after);
is_consistent($new, 'and load');

# To a point in time, from the archive, while the primary went on.
$primary->safe_psql('postgres', "SELECT pg_create_restore_point('here')");
my $query = "SET enable_seqscan = off; SELECT md5(string_agg(id::text, ',')) FROM (SELECT id FROM items ORDER BY v <-> '[2,7,1,8,2,8,1,8]') t";
my $expected = $primary->safe_psql('postgres', $query);
$primary->safe_psql('postgres', 'INSERT INTO items (v) SELECT random_vector(n) FROM generate_series(1, 1000) n; SELECT pg_switch_wal()');
my $restored = PostgreSQL::Test::Cluster->new('restored');
$restored->init_from_backup($primary, 'running', has_restoring => 1, standby => 0);
$restored->append_conf('postgresql.conf', "recovery_target_name = 'here'\nrecovery_target_action = promote\nrecovery_target_timeline = current\narchive_mode = off\n");
$restored->start;
$restored->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'no promotion';
is_sql($restored, $query, $expected, 'recovery to a point in time');
is_consistent($restored, 'index and table agree after recovery to a point in time');

$_->stop for ($restored, values %standbys, $primary);
done_testing();
