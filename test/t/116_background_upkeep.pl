# Upkeep by the background worker: inserts don't wait for it, nothing is lost when it is killed, it gives
# way to whoever wants its locks, and where there is none inserts do without. A test module makes the
# worker wait at a point of its way while this session holds an advisory lock.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use VecdotTest;

my $node = start_node_with_pauses('main', q{
	autovacuum = off
	fsync = off
	deadlock_timeout = 100ms
	restart_after_crash = on
	shared_preload_libraries = 'pause_test'
	pause_test.point = ''
	vecdot.background_upkeep = on
});

sub sql { return $node->safe_psql('postgres', $_[0]); }

sub poll
{
	my ($query, $what) = @_;
	$node->poll_query_until('postgres', $query) or die "$what: not in time";
}

# Where workers are to wait; nowhere without a point.
sub pause_workers
{
	my ($point) = @_;
	$node->append_conf('postgresql.conf', "pause_test.point = '$point'");
	$node->reload;
	# Workers are started by the postmaster, which knows it when its new children do.
	poll("SELECT current_setting('pause_test.point') = '$point'", 'setting');
}
sub wait_for_pause
{
	poll(q{SELECT count(*) = 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid)
		WHERE backend_type = 'vecdot upkeep' AND l.locktype = 'advisory' AND NOT l.granted}, 'a worker that waits');
}
sub wait_for_end { poll(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'vecdot upkeep'}, 'no worker left'); }

my $gate;
sub close_gate
{
	$gate = $node->background_psql('postgres', on_error_stop => 1);
	$gate->query_safe('SELECT pg_advisory_lock(1)');
}
sub open_gate { $gate->quit; }

# Rows one by one: each INSERT a statement and a transaction.
my $procedure = q{
	CREATE PROCEDURE fill(target regclass, first integer, last integer) LANGUAGE plpgsql AS $$
	BEGIN
		FOR n IN first .. last LOOP
			EXECUTE format('INSERT INTO %s VALUES ($1, $2)', target) USING n, noise(n, 16)::vector;
			COMMIT;
		END LOOP;
	END $$};
sql($procedure);

sub make_items
{
	my ($kind) = @_;
	sql("DROP TABLE IF EXISTS items; CREATE $kind TABLE items (id integer, v vector(16)); CREATE INDEX items_v ON items USING vecdot (v vector_l2_ops)");
}
sub cells { return sql("SELECT cells FROM vecdot_index_info('items_v')"); }

# Every row once, as the verifier and a scan that is exact have it.
sub is_whole
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $count = sql('SELECT count(*) FROM items');
	is_sql($node, q{
		SET enable_seqscan = off; SET vecdot.recall = 1;
		SELECT vecdot_index_check('items_v', true);
		SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> noise(1, 16)::vector) t}, "\n$count|$count", $name);
}

# --- Inserts go on while the worker is at it ----------------------------------------------------------

make_items('');
close_gate();
pause_workers('upkeep: split');
sql("CALL fill('items', 1, 200)");
wait_for_pause();
# The worker has the structure lock, for which the verifier waits.
sql("CALL fill('items', 201, 600)");
is_sql($node, 'SET enable_seqscan = off; SET vecdot.recall = 1; SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> noise(1, 16)::vector) t',
	'600', 'inserts and searches go on while the worker is held up');
pause_workers('');
open_gate();
poll("SELECT cells >= 4 FROM vecdot_index_info('items_v')", 'cells');
wait_for_end();
is_whole('the worker has split the cell, and has ended');

# Of several sessions' rows, many of them in one transaction that is open, and of another that is rolled back.
my @sessions = map { $node->background_psql('postgres', on_error_stop => 1) } 1 .. 3;
$sessions[0]->query_until(qr/sent/, "\\echo sent\nCALL fill('items', 1001, 4000);\n");
$sessions[1]->query_until(qr/sent/, "\\echo sent\nCALL fill('items', 5001, 8000);\n");
$sessions[2]->query_safe(q{BEGIN; DO $$ BEGIN FOR n IN 9001 .. 10000 LOOP INSERT INTO items VALUES (n, noise(n, 16)); END LOOP; END $$});
$sessions[2]->query_safe(q{SAVEPOINT s; DO $$ BEGIN FOR n IN 10001 .. 11000 LOOP INSERT INTO items VALUES (n, noise(n, 16)); END LOOP; END $$; ROLLBACK TO s; COMMIT});
$_->quit foreach @sessions;
wait_for_end();
is(sql('SELECT count(*) FROM items'), 7600, 'sessions that insert at once');
is_whole('lose nothing');
cmp_ok(cells(), '>', 40, 'the index has grown with them');
is_sql($node, q{
	SELECT calibration_queries > 0 FROM vecdot_index_info('items_v');
	SELECT recall >= 0.97 FROM vecdot_index_recall('items_v', 10, 500)}, "t\nt", 'and has learnt its stopping rule');

# --- The worker does not get to it ----------------------------------------------------------------------

make_items('UNLOGGED');
close_gate();
pause_workers('upkeep: background');
sql("CALL fill('items', 1, 255)");
wait_for_pause();
is(cells(), 1, 'the worker is held up before it has begun');
sql("CALL fill('items', 256, 300)");
cmp_ok(cells(), '>', 1, 'a cell that should have been two is split by an insert');
pause_workers('');
open_gate();
wait_for_end();

# --- It gives way ------------------------------------------------------------------------------------------

# What begins while the worker waits with its locks, in the database where it is.
sub gives_way
{
	my ($statement, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	make_items('');
	close_gate();
	pause_workers('upkeep: split');
	sql("CALL fill('items', 1, 140)");
	wait_for_pause();
	my ($status) = $node->psql('postgres', $statement, timeout => 60);
	is($status, 0, $name);
	pause_workers('');
	open_gate();
	wait_for_end();
}
gives_way('REINDEX INDEX items_v', 'REINDEX does not wait for a worker that is held up');
is_whole('which has left nothing broken');
gives_way('REINDEX INDEX CONCURRENTLY items_v', 'nor REINDEX CONCURRENTLY');
gives_way('TRUNCATE items', 'nor TRUNCATE');
gives_way('DROP INDEX items_v', 'nor DROP INDEX');
unlike(slurp_file($node->logfile), qr/ERROR:/, 'and nobody is told');

# VACUUM and the verifier have it finish first.
make_items('');
close_gate();
pause_workers('upkeep: split');
sql("CALL fill('items', 1, 140)");
wait_for_pause();
my $vacuum = $node->background_psql('postgres', on_error_stop => 1);
$vacuum->query_until(qr/sent/, "\\echo sent\nVACUUM items;\n");
my $verifier = $node->background_psql('postgres', on_error_stop => 1);
$verifier->query_until(qr/sent/, "\\echo sent\nSELECT vecdot_index_check('items_v', true);\n");
# Several times deadlock_timeout.
usleep(400_000);
is(sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'vecdot upkeep'}), 1, 'VACUUM and the verifier wait for the worker');
pause_workers('');
open_gate();
$_->quit foreach $vacuum, $verifier;
is(cells(), 2, 'which ends what it has begun');
wait_for_end();


$node->safe_psql('postgres', 'CREATE DATABASE other TEMPLATE postgres');
$node->safe_psql('other', q{DROP TABLE items; CREATE TABLE items (id integer, v vector(16)); CREATE INDEX ON items USING vecdot (v vector_l2_ops)});
# An advisory lock is of one database.
my $other = $node->background_psql('other', on_error_stop => 1);
$other->query_safe('SELECT pg_advisory_lock(1)');
pause_workers('upkeep: split');
$node->safe_psql('other', "CALL fill('items', 1, 140)");
wait_for_pause();
# The session ends a moment before its lock: the worker is at it then, or still waits.
$other->quit;
is(($node->psql('postgres', 'DROP DATABASE other', timeout => 60))[0], 0, 'nor DROP DATABASE');
pause_workers('');
wait_for_end();

# --- Killed -----------------------------------------------------------------------------------------------

foreach my $point ('upkeep: split', 'upkeep: clustering', 'upkeep: calibration')
{
	make_items('');
	close_gate();
	pause_workers($point);
	sql("CALL fill('items', 1, 2600)");
	wait_for_pause();
	my $pid = sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'vecdot upkeep'});
	pause_workers('');
	kill 'KILL', $pid;
	# All sessions end with it.
	eval { $gate->quit };
	$node->poll_query_until('postgres', 'SELECT pg_postmaster_start_time() IS NOT NULL') or die 'the server does not come back';
	is_whole("killed at '$point': all rows are there");
	sql("CALL fill('items', 2601, 3600)");
	wait_for_end();
	is_whole('and later ones');
	cmp_ok(cells(), '>', 25, 'and the index goes on growing');
}

# --- No worker to be had -------------------------------------------------------------------------------------

$node->append_conf('postgresql.conf', 'max_worker_processes = 0');
$node->restart;
make_items('');
sql("CALL fill('items', 1, 1500)");
cmp_ok(cells(), '>', 12, 'without a worker inserts do their upkeep');
is_whole('all of it');
$node->stop;
done_testing();
