# Shards by postgres_fdw: ORDER BY distance and LIMIT reach the shards, which answer by their indexes, with the recall
# that the server's option or the index says.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;

my $main = start_node('coordinator');
my @shards = map { start_node("shard$_") } 0, 1;
if ($main->psql('postgres', 'CREATE EXTENSION postgres_fdw') != 0)
{
  SKIP: { skip 'there is no postgres_fdw here (contrib)', 1 }
	done_testing();
	exit;
}
$main->safe_psql('postgres', q{
	CREATE EXTENSION vecdot;
	CREATE TABLE items (id bigint NOT NULL, kind int NOT NULL, v vector(16)) PARTITION BY HASH (id);
});
foreach my $number (0, 1)
{
	my $shard = $shards[$number];
	$shard->safe_psql('postgres', qq{
		CREATE EXTENSION vecdot;
		CREATE TABLE items (id bigint PRIMARY KEY, kind int NOT NULL, v vector(16));
		CREATE INDEX items_v ON items USING vecdot (v) WITH (recall = 0.95);
		CREATE VIEW promised AS SELECT coalesce(current_setting('vecdot.recall', true), 'not set') AS recall;
	});
	my ($host, $port) = ($shard->host, $shard->port);
	$main->safe_psql('postgres', qq{
		CREATE SERVER shard$number FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'postgres', extensions 'vecdot', async_capable 'true');
		CREATE USER MAPPING FOR PUBLIC SERVER shard$number OPTIONS (user 'postgres');
		CREATE FOREIGN TABLE items_$number PARTITION OF items FOR VALUES WITH (MODULUS 2, REMAINDER $number) SERVER shard$number OPTIONS (table_name 'items');
		CREATE FOREIGN TABLE promised_$number (recall text) SERVER shard$number OPTIONS (table_name 'promised');
	});
}
# The test's user is a superuser on the shards, whatever it is called.
my $user = $shards[0]->safe_psql('postgres', 'SELECT current_user');
$main->safe_psql('postgres', "ALTER USER MAPPING FOR PUBLIC SERVER shard$_ OPTIONS (SET user '$user')") foreach 0, 1;

# Rows go to their shards; a plain copy of the table has the truth.
$main->safe_psql('postgres', q{
	CREATE TABLE truth AS SELECT i::bigint AS id, i % 5 AS kind,
		(SELECT array_agg(((hashint8extended(i, j) & 65535) / 32768.0 - 1 + 2 * sin(j * (i % 50)))::real ORDER BY j) FROM generate_series(1, 16) j)::vector(16) AS v
	  FROM generate_series(1, 6000) i;
	INSERT INTO items SELECT * FROM truth;
});
foreach my $number (0, 1)
{
	$shards[$number]->safe_psql('postgres', 'VACUUM ANALYZE items');
	cmp_ok($shards[$number]->safe_psql('postgres', 'SELECT count(*) FROM items'), '>', 2500, "shard $number has its part of the rows");
}
$main->safe_psql('postgres', 'ANALYZE items');

my $literal = $main->safe_psql('postgres', 'SELECT v FROM truth WHERE id = 17');
my %forms = (
	'the partitioned table' => "SELECT id FROM items %s ORDER BY v <=> '$literal' LIMIT 10",
	'a LIMIT for each shard' => "SELECT id FROM ((SELECT id, v <=> '$literal' AS d FROM items_0 %s ORDER BY d LIMIT 10)
		UNION ALL (SELECT id, v <=> '$literal' FROM items_1 %s ORDER BY v <=> '$literal' LIMIT 10)) x ORDER BY d LIMIT 10");
foreach my $where ('', 'WHERE kind = 2')
{
	my $truth = $main->safe_psql('postgres', "SELECT string_agg(id::text, ',' ORDER BY d) FROM (SELECT id, v <=> '$literal' AS d FROM truth $where ORDER BY d LIMIT 10) x");
	foreach my $name (sort keys %forms)
	{
		my $sql = $forms{$name} =~ s/%s/$where/gr;
		my $plan = $main->safe_psql('postgres', "EXPLAIN (VERBOSE, COSTS off) $sql");
		my @remote = $plan =~ /Remote SQL: (.*)/g;
		is(scalar(@remote), 2, "$name $where: both shards are asked");
		like($_, qr/ORDER BY.*<=>/, 'for rows in order') foreach @remote;
		if ($name =~ /LIMIT/)
		{
			like($_, qr/LIMIT 10/, 'and for ten') foreach @remote;
		}
		# Exact where it is asked for.
		$main->safe_psql('postgres', "ALTER SERVER shard$_ OPTIONS (ADD options '-c vecdot.recall=1')") foreach 0, 1;
		is_sql($main, "SELECT string_agg(id::text, ',') FROM ($sql) x", $truth, 'and the rows are those of one table');
		$main->safe_psql('postgres', "ALTER SERVER shard$_ OPTIONS (DROP options)") foreach 0, 1;
		my %true = map { $_ => 1 } split /,/, $truth;
		my @found = split /\n/, $main->safe_psql('postgres', $sql);
		is(scalar(@found), 10, 'ten rows by the recall of the indexes');
		cmp_ok(scalar(grep { $true{$_} } @found), '>=', 8, 'nearly all of them right');
	}
}

# By the indexes of the shards: the same statement there, and what they say that they did.
foreach my $number (0, 1)
{
	my $plan = $shards[$number]->safe_psql('postgres', "EXPLAIN (ANALYZE, COSTS off) SELECT id FROM items ORDER BY v <=> '$literal' LIMIT 10");
	like($plan, qr/VecdotSearch.*Recall: 0\.95/s, "shard $number: its index, and the recall of the index");
}
$shards[0]->safe_psql('postgres', 'SELECT pg_stat_reset()');
$main->safe_psql('postgres', $forms{'a LIMIT for each shard'} =~ s/%s//gr);
ok($shards[0]->poll_query_until('postgres', q{SELECT idx_scan > 0 FROM pg_stat_user_indexes WHERE indexrelname = 'items_v'}), 'the statement that comes from the coordinator uses it');

# The session's setting does not travel, the server's option does.
is_sql($main, 'SET vecdot.recall = 0.6; SELECT recall FROM promised_0', 'not set', 'a setting of the session stays at home');
$main->safe_psql('postgres', "ALTER SERVER shard0 OPTIONS (ADD options '-c vecdot.recall=0.8')");
is_sql($main, 'SELECT recall FROM promised_0', '0.8', 'the option of the server travels');

# Rows come and go through the coordinator.
$main->safe_psql('postgres', "INSERT INTO items SELECT 100000 + i, 9, '$literal' FROM generate_series(1, 6) i; DELETE FROM items WHERE id = 17");
is_sql($main, "SELECT count(*) FROM (SELECT kind FROM items ORDER BY v <=> '$literal' LIMIT 6) x WHERE kind = 9", '6', 'inserted through the coordinator, found through it');

done_testing();
