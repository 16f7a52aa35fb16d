# After every WAL record the index is whole: recovery that ends in the middle of splits, vacuum and
# a build, checked as a standby sees it and as a server that goes on from there. VECDOT_REPLAY_STEPS
# says at how many records (all of them: 'all').
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;
use IndexLoad;

my $steps = $ENV{VECDOT_REPLAY_STEPS} // 10;
my $promotions = $ENV{VECDOT_REPLAY_PROMOTIONS} // 2;
my $seed = $ENV{VECDOT_REPLAY_SEED} // time;
srand($seed);
note("VECDOT_REPLAY_SEED=$seed");

my $primary = new_node('primary', allows_streaming => 1, has_archiving => 1);
$primary->append_conf('postgresql.conf', "autovacuum = off\nfull_page_writes = off\nwal_keep_size = 1GB\nlog_line_prefix = '%m [%p] %e %q%a '\n");
$primary->start;
# Far from 0, and from nothing: so the indexes get their origins meanwhile.
create_items($primary, rows => 0, offset => 1000);
$primary->backup('start');
my $from = $primary->lsn('insert');
# Inserted in small transactions, so that records of splits lie between those of rows that are to be seen.
$primary->safe_psql('postgres', q{
	DO $$ BEGIN FOR i IN 1..150 LOOP INSERT INTO items (v) SELECT random_vector(n) FROM generate_series(i * 10, i * 10 + 9) n; COMMIT; END LOOP; END $$;
	DELETE FROM items WHERE id % 3 = 0 OR id BETWEEN 300 AND 700;
});
$primary->safe_psql('postgres', 'VACUUM items');
$primary->safe_psql('postgres', q{UPDATE items SET v = random_vector(id + 1000) WHERE id % 2 = 0});
$primary->safe_psql('postgres', 'VACUUM items');
$primary->safe_psql('postgres', 'INSERT INTO items (v) SELECT random_vector(n) FROM generate_series(1, 800) n');
$primary->safe_psql('postgres', 'VACUUM items');
$primary->safe_psql('postgres', 'DELETE FROM items WHERE id > 200');
$primary->safe_psql('postgres', 'VACUUM items');
# Somewhere else: another origin.
$primary->safe_psql('postgres', 'UPDATE items SET v = -2 * v');
$primary->safe_psql('postgres', 'VACUUM items');
my $to = $primary->lsn('insert');
my $last = $primary->safe_psql('postgres', 'SELECT pg_walfile_name(pg_current_wal_lsn())');
$primary->safe_psql('postgres', 'SELECT pg_switch_wal()');
$primary->poll_query_until('postgres', "SELECT last_archived_wal >= '$last' FROM pg_stat_archiver") or die 'not archived';

# Where the records start that change pages of an index. Between a vacuum's AccessExclusiveLock and the end of its
# transaction a standby that has stopped there would wait for ever: of these records only a promotion can tell.
my $first = $primary->safe_psql('postgres', "SELECT pg_walfile_name('$from')");
my $relations = $primary->safe_psql('postgres', q{SELECT string_agg(format('rel %s/%s/%s', 1663, d.oid, pg_relation_filenode(c.oid)), '|') FROM pg_class c, pg_database d WHERE relname IN ('items_l2', 'items_cosine') AND datname = current_database()});
my ($listing, $errors) = run_command(['pg_waldump', '-p', $primary->data_dir . '/pg_wal', '-s', $from, '-e', $to]);
my (@records, @of_meta_page, %locking, %under_lock);
foreach my $line (split /\n/, $listing)
{
	my ($transaction) = $line =~ /tx: *(\d+),/;
	$locking{$transaction} = 1 if $line =~ /^rmgr: Standby .* desc: LOCK /;
	delete $locking{$transaction} if $line =~ /^rmgr: Transaction /;
	my ($lsn) = $line =~ /lsn: ([0-9A-F\/]+).*(?:$relations)/ or next;
	push @of_meta_page, scalar(@records) if $line =~ /(?:$relations) blk 0( |,|$)/;
	push @records, $lsn;
	$under_lock{$lsn} = 1 if %locking;
}
cmp_ok(scalar(@records), '>', 1000, scalar(@records) . ' records change pages of the indexes, ' . scalar(@of_meta_page) . ' of them the meta page') or diag($errors);

# Every second one is near a change of the meta page: cells come and go there.
sub sample
{
	my ($count) = @_;
	return @records if $count eq 'all';
	my %chosen;
	while (keys %chosen < $count && keys %chosen < @records)
	{
		$chosen{ int(rand(@records)) } = 1;
		my $near = $of_meta_page[rand @of_meta_page] + int(rand(3)) - 1;
		$chosen{$near} = 1 if $near >= 0 && $near < @records && keys %chosen < $count;
	}
	return map { $records[$_] } sort { $a <=> $b } keys %chosen;
}

# A server that has recovered up to and with this record.
sub recovered
{
	my ($lsn, $action) = @_;
	my $node = PostgreSQL::Test::Cluster->new($action . '_' . $lsn =~ s/\W/_/r);
	$node->init_from_backup($primary, 'start', has_restoring => 1, standby => 0);
	$node->append_conf('postgresql.conf', qq{
		archive_mode = off
		hot_standby = on
		full_page_writes = on
		recovery_target_lsn = '$lsn'
		recovery_target_action = $action
	});
	$node->start;
	return $node;
}

sub finish
{
	my ($node, $lsn) = @_;
	my $log = slurp_file($node->logfile);
	unlike($log, qr/PANIC|TRAP| XX\w{3} /, "no error at $lsn") if $log =~ /PANIC|TRAP| XX\w{3} /;
	$node->stop('immediate');
	$node->clean_node;
}

foreach my $lsn (grep { !$under_lock{$_} } sample($steps))
{
	my $node = recovered($lsn, 'pause');
	$node->poll_query_until('postgres', q{SELECT pg_get_wal_replay_pause_state() = 'paused'}) or die "no pause at $lsn";
	is_consistent($node, "after the record at $lsn");
	finish($node, $lsn);
}
foreach my $lsn (sample($promotions))
{
	my $node = recovered($lsn, 'promote');
	$node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die "no promotion at $lsn";
	is_consistent($node, "a server that goes on from $lsn");
	$node->safe_psql('postgres', 'INSERT INTO items (v) SELECT random_vector(n) FROM generate_series(1, 700) n');
	is_consistent($node, 'takes rows');
	$node->safe_psql('postgres', 'DELETE FROM items WHERE id % 2 = 0');
	$node->safe_psql('postgres', 'VACUUM items') for 1 .. 2;
	is_consistent($node, 'and a vacuum');
	finish($node, $lsn);
}
$primary->stop;
done_testing();
