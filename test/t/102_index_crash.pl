# kill -9 in the middle of builds, insertions, splits and vacuum: after recovery the index holds every
# committed row once. VECDOT_CRASH_ROUNDS says how often.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use VecdotTest;
use IndexLoad;

my $rounds = $ENV{VECDOT_CRASH_ROUNDS} // 3;
my $seed = $ENV{VECDOT_CRASH_SEED} // time;
srand($seed);
note("VECDOT_CRASH_SEED=$seed");

my $node = new_node('main');
$node->append_conf('postgresql.conf', q{
	max_prepared_transactions = 5
	autovacuum = off
	vecdot.background_upkeep = on
	restart_after_crash = on
	max_wal_size = 1GB
	wal_level = replica
	log_line_prefix = '%m [%p] %e %q%a '
});
$node->start;
create_items($node, rows => 500);
$node->safe_psql('postgres', q{
	CREATE TABLE built (id int, v vector(40));
	INSERT INTO built SELECT n, (SELECT array_agg(sin(n * i)::real) FROM generate_series(1, 40) i)::vector FROM generate_series(1, 8000) n;
	CREATE UNLOGGED TABLE unlogged (id int, v vector(8));
	CREATE INDEX unlogged_v ON unlogged USING vecdot (v vector_l2_ops);
	INSERT INTO unlogged SELECT id, v FROM items;
});

# The postmaster and all its children, at once.
sub kill_all
{
	my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
	my @children = split ' ', `ps -o pid= --ppid $postmaster`;
	kill 'KILL', $postmaster, @children;
	# Until the last of them has let go of the shared memory.
	foreach (1 .. 600)
	{
		last unless grep { kill 0, $_ } $postmaster, @children;
		usleep(50_000);
	}
	$node->kill9;
}

my %kinds = (
	'insertions and splits' => { insert => 3, batch => 2, prepared => 1 },
	'vacuum' => { batch => 2, delete => 1, update => 2, vacuum => 1, nearest => 1 },
	'all of it' => { insert => 1, batch => 1, rollback => 1, update => 2, delete => 1, vacuum => 1, nearest => 1, reindex => 1, checkpoint => 1 });
my @kinds = sort keys %kinds;

for my $round (1 .. $rounds)
{
	my $kind = $kinds[$round % @kinds];
	# Without images of whole pages recovery depends on the deltas alone (no page is torn: the system goes on).
	$node->safe_psql('postgres', 'ALTER SYSTEM SET full_page_writes = ' . ($round % 2 ? 'off' : 'on'));
	$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
	$node->safe_psql('postgres', 'CHECKPOINT') if rand() < 0.5;
	my $load = start_load($node, 60, $kinds{$kind});
	my ($output, $errors) = ('', '');
	my $build = IPC::Run::start(['psql', '-X', '-q', '-h', $node->host, '-p', $node->port, '-d', 'postgres', '-c', 'SET maintenance_work_mem = \'1MB\'',
		'-c', 'DROP INDEX IF EXISTS built_v', '-c', 'CREATE INDEX built_v ON built USING vecdot (v)'], '<', \undef, '>', \$output, '2>', \$errors);
	usleep(300_000 + rand(2_500_000));
	my $whole = rand() < 0.6;
	if ($whole)
	{
		kill_all();
	}
	else
	{
		# One backend: the postmaster ends all others and recovers.
		my @pids = split /\n/, $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND state = 'active' AND pid <> pg_backend_pid()});
		@pids or die 'no load';
		kill 'KILL', $pids[rand @pids];
	}
	finish_load($load, quiet => 1);
	IPC::Run::finish($build);
	$node->start if $whole;
	$node->poll_query_until('postgres', 'SELECT true') or die 'no recovery';
	$node->safe_psql('postgres', qq{ROLLBACK PREPARED '$_'}) for split /\n/, $node->safe_psql('postgres', 'SELECT gid FROM pg_prepared_xacts');
	# Only reads may come before the first check: neither vacuum nor an insert has mended anything.
	is_consistent($node, "round $round, $kind: index and table agree after recovery" . ($whole ? '' : ' from the death of one process'));
	is_sql($node, q{SELECT count(*) FROM (SELECT id FROM unlogged ORDER BY v <-> '[1,2,3,4,5,6,7,8]') t}, '0', 'the unlogged table is empty') if $round == 1;
	$node->safe_psql('postgres', q{
		SET enable_seqscan = off;
		INSERT INTO unlogged SELECT id, v FROM items WHERE id % 7 = 0;
		DO $$
		BEGIN
			IF (SELECT count(*) FROM unlogged) <> (SELECT count(DISTINCT id) FROM (SELECT id FROM unlogged ORDER BY v <-> '[1,2,3,4,5,6,7,8]') t) THEN
				RAISE EXCEPTION 'unlogged index and table differ';
			END IF;
			-- The index of the build is there as a whole or not at all.
			IF (SELECT count(*) FROM built) <> (SELECT count(DISTINCT id) FROM (SELECT id FROM built ORDER BY v <=> (SELECT v FROM built WHERE id = 1)) t) THEN
				RAISE EXCEPTION 'built index and table differ';
			END IF;
		END $$;
	});
	$node->safe_psql('postgres', 'INSERT INTO items (v) SELECT random_vector(n) FROM generate_series(1, 300) n');
	$node->safe_psql('postgres', 'VACUUM items') if rand() < 0.7;
	is_consistent($node, "round $round: and after insertions and perhaps a vacuum");
	# Keep it small.
	$node->safe_psql('postgres', 'DELETE FROM items WHERE id < (SELECT max(id) - 20000 FROM items)');
}

# What the end of a client or of a statement leaves behind is no different from a rollback.
my $load = start_load($node, 3, { insert => 1, search => 1, vacuum => 1 });
for my $statement ('INSERT INTO items (v) SELECT random_vector(n) FROM generate_series(1, 100000) n', 'UPDATE items SET v = random_vector(id)', 'REINDEX INDEX items_l2', 'CREATE INDEX too_late ON built USING vecdot (v)')
{
	my ($status, $output, $errors) = $node->psql('postgres', "SET statement_timeout = 100; $statement");
	like($errors, qr/^$|canceling statement due to statement timeout/, 'cancelled, or fast');
}
finish_load($load);
is_consistent($node, 'index and table agree after cancelled statements');

my $log = slurp_file($node->logfile);
unlike($log, qr/PANIC|TRAP|could not read block| XX\w{3} |invalid page/, 'no panic and no damage in the log');
$node->stop;
done_testing();
