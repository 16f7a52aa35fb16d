# The verifier and its siblings where other sessions, a crash or a standby have a part: no false alarms
# beside inserts, splits and VACUUM; locks; other sessions' temporary tables; unlogged indexes; a standby.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;

my $node = new_node('main', allows_streaming => 1);
$node->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\nhot_standby_feedback = on\n");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION vecdot;
	CREATE FUNCTION noise(seed integer) RETURNS vector LANGUAGE sql IMMUTABLE AS
		$$ SELECT array_agg(sin(seed * i::float8) + seed % 5)::real[]::vector FROM generate_series(1, 16) i $$;
	CREATE TABLE items (id integer, v vector(16));
	INSERT INTO items SELECT i, noise(i) FROM generate_series(1, 1500) i;
	CREATE INDEX items_l2 ON items USING vecdot (v vector_l2_ops);
	CREATE INDEX items_ip ON items USING vecdot (v vector_ip_ops);
	CREATE UNLOGGED TABLE unlogged AS SELECT * FROM items;
	CREATE INDEX unlogged_index ON unlogged USING vecdot (v);
});

# --- beside inserts, splits and VACUUM ------------------------------------------------------------

sub start_session
{
	my ($sql, $server) = @_;
	my ($in, $out, $err) = ("$sql\nSELECT 'the end';\n", '', '');
	my $run = IPC::Run::start([ 'psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', ($server // $node)->connstr('postgres'), '-f', '-' ],
		'<', \$in, '>', \$out, '2>', \$err);
	return { run => $run, out => \$out, err => \$err };
}

sub is_running
{
	my ($session) = @_;
	$session->{run}->pump_nb if $session->{run}->pumpable;
	return ${ $session->{out} } !~ /the end/ && ${ $session->{err} } eq '';
}

my $rounds = 15;
my @sessions = map { start_session($_) } (
	# Small transactions, of which some abort.
	(map {
		my $first = 10000 * $_;
		join "\n", map {
			my $from = $first + 60 * $_;
			"BEGIN; INSERT INTO items SELECT i, noise(i) FROM generate_series($from, $from + 59) i; " . ($_ % 4 == 3 ? 'ROLLBACK;' : 'COMMIT;')
		} 1 .. 3 * $rounds
	} 1 .. 2),
	join("\n", map { "DELETE FROM items WHERE id % 13 = $_ % 13; VACUUM (INDEX_CLEANUP ON) items;" } 1 .. $rounds));
my $checks = 0;
while (grep { is_running($_) } @sessions)
{
	foreach my $index ('items_l2', 'items_ip')
	{
		my $flag = $checks % 2 ? 'true' : 'false';
		my ($status, undef, $errors) = $node->psql('postgres', "SELECT vecdot_index_check('$index', $flag)");
		if ($status) { fail("a check beside changes: $errors"); last; }
	}
	my ($status, undef, $errors) = $node->psql('postgres', q{SELECT vecdot_index_info('items_l2'), vecdot_index_recall('items_l2', 3, 5)});
	if ($status) { fail("counts and recall beside changes: $errors"); last; }
	$checks += 1;
}
foreach my $session (@sessions)
{
	$session->{run}->finish;
	is(${ $session->{err} }, '', 'a session that changes the table ends well');
}
cmp_ok($checks, '>', 0, "no false alarm in $checks rounds of checks");
is_sql($node, q{SELECT vecdot_index_check('items_l2', true), vecdot_index_check('items_ip', true)}, '|', 'nor in the end');
is_sql($node, q{SELECT (vecdot_index_info('items_l2')).rows - count(*) FROM items}, '0', 'all rows are counted, after VACUUM')
  if $node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items; SELECT true');

# --- locks ----------------------------------------------------------------------------------------

# A check in a transaction lets its locks go when it is done, as amcheck's do.
my $open = start_session("BEGIN; SELECT vecdot_index_check('items_l2', true); SELECT 'checked'; SELECT pg_sleep(180);\n");
$open->{run}->pump until ${ $open->{out} } =~ /checked/ || !$open->{run}->pumpable;
is_sql($node, q{INSERT INTO items SELECT i, noise(i) FROM generate_series(50000, 50099) i; SELECT count(*) FROM items WHERE id >= 50000}, '100', 'inserts go on');
is_sql($node, q{SET lock_timeout = '5s'; VACUUM (INDEX_CLEANUP ON) items; REINDEX INDEX items_l2; SELECT vecdot_index_check('items_l2')}, '', 'VACUUM and REINDEX too');
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(180)%' AND pid <> pg_backend_pid()});
$open->{run}->finish;

# Cancelled within a second, wherever it is.
foreach my $call (q{vecdot_index_check('items_l2', true)}, q{vecdot_index_recall('items_l2', 100, 1000)})
{
	my $begin = time;
	is_error($node, "SET statement_timeout = '20ms'; DO \$\$ BEGIN FOR i IN 1 .. 100000 LOOP PERFORM $call; END LOOP; END \$\$;",
		'57014', 'canceling statement due to statement timeout', "$call is cancelled");
	cmp_ok(time - $begin, '<', 10, 'soon');
}

# --- other sessions' temporary tables -------------------------------------------------------------

my $other = start_session("CREATE TEMPORARY TABLE mine (v vector(2)); CREATE INDEX mine_index ON mine USING vecdot (v); SELECT 'created', 'mine_index'::regclass::oid; SELECT pg_sleep(180);\n");
$other->{run}->pump until ${ $other->{out} } =~ /created/ || !$other->{run}->pumpable;
my ($oid) = ${ $other->{out} } =~ /created\|(\d+)/;
foreach my $function (qw(check info recall))
{
	is_error($node, "SELECT vecdot_index_$function($oid);", '0A000', 'cannot access temporary tables of other sessions', "vecdot_index_$function of another session's temporary index");
}
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(180)%' AND pid <> pg_backend_pid()});
$other->{run}->finish;

# --- a standby ------------------------------------------------------------------------------------

$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
my $ask = q{SELECT vecdot_index_check('items_l2', true), vecdot_index_check('items_ip', true)};
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is_sql($standby, $ask, '|', 'checks on a standby');
my $info = q{SELECT vecdot_index_info('items_l2')};
is_sql($standby, $info, $node->safe_psql('postgres', $info), 'the same counts as on the primary');
my $recall = q{SET vecdot.recall = 1; SELECT queries_used, recall FROM vecdot_index_recall('items_ip')};
is_sql($standby, $recall, '100|1', 'recall is measured on a standby');
# While changes are replayed a check may ask for another try, but finds no damage.
my $busy = start_session(join "\n", map { my $from = 60000 + 100 * $_; "INSERT INTO items SELECT i, noise(i) FROM generate_series($from, $from + 99) i; DELETE FROM items WHERE id % 13 = $_ % 13; VACUUM (INDEX_CLEANUP ON) items;" } 1 .. $rounds);
my ($clean, $retries) = (0, 0);
while (is_running($busy))
{
	my ($status, undef, $errors) = $standby->psql('postgres', "\\set VERBOSITY verbose\n$ask");
	if (!$status && $errors eq '') { $clean += 1; }
	# Of two indexes, which replay may lock for VACUUM in the other order.
	elsif ($errors =~ /ERROR:  (40001|40P01)/) { $retries += 1; }
	else { fail("a check while changes are replayed: $errors"); last; }
}
$busy->{run}->finish;
is(${ $busy->{err} }, '', 'the primary goes on');
note "$clean checks on the standby went through, $retries asked for another try";
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is_sql($standby, $ask, '|', 'checks on the standby afterwards');
my ($status, $output, $errors) = $standby->psql('postgres', q{SELECT vecdot_index_check('unlogged_index', true)});
is($status, 0, 'an unlogged index on a standby is no error');
like($errors, qr/NOTICE:  cannot check unlogged index "unlogged_index" during recovery, skipping/, 'but a notice');
is_error($standby, q{SELECT vecdot_index_info('unlogged_index');}, '55000', 'cannot be read during recovery', 'it has nothing to count');
$standby->stop;

# --- an unlogged index after a crash --------------------------------------------------------------

is_sql($node, q{SELECT vecdot_index_check('unlogged_index', true), (vecdot_index_info('unlogged_index')).rows}, '|1500', 'an unlogged index');
$node->stop('immediate');
$node->start;
is_sql($node, q{SELECT vecdot_index_check('unlogged_index', true), (vecdot_index_info('unlogged_index')).rows}, '|0', 'empty after a crash');
is_sql($node, $ask, '|', 'the others are well');

$node->stop;
done_testing();
