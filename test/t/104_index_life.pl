# What else happens to an index in its life: dump and restore, catalog-only dump, temporary and unlogged
# tables, isolation levels, prepared transactions, timeouts in every phase, replacement under a cursor.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;
use IndexLoad;

my $node = new_node('main');
$node->append_conf('postgresql.conf', q{
	max_prepared_transactions = 5
	autovacuum = off
	log_line_prefix = '%m [%p] %e %q%a '
});
$node->start;
create_items($node, rows => 3000);
my $bindir = $node->config_data('--bindir');

# Dump and restore: as a script, in the custom format with two jobs, and the definitions alone.
$node->safe_psql('postgres', q{
	CREATE INDEX items_partial ON items USING vecdot ((v::vector(8)) vector_ip_ops) WITH (seed = 5) WHERE id % 3 = 0;
	ALTER INDEX items_l2 SET (seed = 77);
	COMMENT ON INDEX items_l2 IS 'by distance';
});
my $definitions = q{SELECT string_agg(indexdef, E'\n' ORDER BY indexname) FROM pg_indexes WHERE tablename = 'items'};
my $expected = $node->safe_psql('postgres', $definitions);
like($expected, qr/USING vecdot .* WITH \(seed='?77'?\)/, 'the definition names the option');
like($expected, qr/items_cosine .* WITH \(refine_bits='?4'?\)/, 'and the other');
my $nearest = q{SET enable_seqscan = off; SET vecdot.recall = 1; SELECT array_agg(v <-> '[1,2,3,4,5,6,7,8]') FROM (SELECT v FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 100) t};
my $answer = $node->safe_psql('postgres', $nearest);
my $file = "$PostgreSQL::Test::Utils::tmp_check/dump";
foreach my $format ('plain', 'custom')
{
	$node->command_ok(['pg_dump', "--format=$format", '-f', "$file.$format", 'postgres'], "dump, $format");
	$node->safe_psql('postgres', "CREATE DATABASE $format");
	$node->command_ok($format eq 'plain' ? ['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $format, '-f', "$file.plain"] : ['pg_restore', '-j', 2, '-d', $format, "$file.custom"], "restore, $format");
	is_sql($node, $definitions, $expected, 'the same indexes', database => $format);
	is_sql($node, $nearest, $answer, 'the same neighbours', database => $format);
}
$node->command_ok(['pg_dump', '--schema-only', '--binary-upgrade', '-f', "$file.upgrade", 'postgres'], 'what pg_upgrade dumps');
like(slurp_file("$file.upgrade"), qr/CREATE INDEX items_l2 ON public.items USING vecdot/, 'contains the index');
# A copy of the database, file by file.
$node->safe_psql('postgres', 'CREATE DATABASE copied TEMPLATE plain');
is_sql($node, $nearest, $answer, 'the copy of a database answers alike', database => 'copied');
$node->safe_psql('postgres', 'CREATE DATABASE copied_files TEMPLATE plain STRATEGY file_copy');
is_sql($node, $nearest, $answer, 'copied by files too', database => 'copied_files');

# Unlogged: empty after a crash, and whole after a clean stop; logged and back.
$node->safe_psql('postgres', q{
	CREATE UNLOGGED TABLE unlogged (id int, v vector(3));
	INSERT INTO unlogged SELECT n, ARRAY[n, n % 10, 1]::vector FROM generate_series(1, 1000) n;
	CREATE INDEX unlogged_v ON unlogged USING vecdot (v vector_l2_ops);
	CREATE UNLOGGED TABLE kept (id int, v vector(3));
	INSERT INTO kept SELECT * FROM unlogged;
	CREATE INDEX kept_v ON kept USING vecdot (v vector_l2_ops);
	INSERT INTO kept SELECT 1000 + id, v FROM unlogged;
	ALTER TABLE kept SET LOGGED;
});
my $unlogged = q{SET enable_seqscan = off; SELECT count(*), min(id) FROM (SELECT id FROM unlogged ORDER BY v <-> '[5,5,5]') t};
is_sql($node, $unlogged, '1000|1', 'an unlogged table');
$node->restart;
is_sql($node, $unlogged, '1000|1', 'after a restart');
$node->stop('immediate');
$node->start;
is_sql($node, $unlogged, '0|', 'empty after a crash');
is_sql($node, q{SET enable_seqscan = off; SELECT count(*) FROM (SELECT id FROM kept ORDER BY v <-> '[5,5,5]') t}, '2000', 'one that was made logged is not');
$node->safe_psql('postgres', 'INSERT INTO unlogged SELECT n, ARRAY[n, n % 10, 1]::vector FROM generate_series(1, 500) n; DELETE FROM unlogged WHERE id < 100');
$node->safe_psql('postgres', 'VACUUM unlogged');
is_sql($node, $unlogged, '401|100', 'and filled again');
$node->safe_psql('postgres', 'ALTER TABLE kept SET UNLOGGED');
$node->stop('immediate');
$node->start;
is_sql($node, q{SET enable_seqscan = off; SELECT count(*) FROM (SELECT id FROM kept ORDER BY v <-> '[5,5,5]') t}, '0', 'and back');
is_consistent($node, 'the other table has lost nothing');

# Temporary tables, in the life of a session.
is_sql($node, q{
	SET enable_seqscan = off;
	CREATE TEMP TABLE t (id int, v vector(3));
	CREATE INDEX ON t USING vecdot (v vector_l2_ops);
	INSERT INTO t SELECT n, ARRAY[n, n % 10, 1]::vector FROM generate_series(1, 1000) n;
	DELETE FROM t WHERE id % 2 = 0;
	VACUUM t;
	SELECT count(*) FROM (SELECT id FROM t ORDER BY v <-> '[5,5,5]') t;
	CREATE TEMP TABLE c (id int, v vector(3)) ON COMMIT DELETE ROWS;
	CREATE INDEX ON c USING vecdot (v vector_l2_ops);
	BEGIN;
	INSERT INTO c SELECT * FROM t;
	SELECT count(*) FROM (SELECT id FROM c ORDER BY v <-> '[5,5,5]') t;
	COMMIT;
	SELECT count(*) FROM (SELECT id FROM c ORDER BY v <-> '[5,5,5]') t;
	INSERT INTO c SELECT * FROM t;
	SELECT count(*) FROM (SELECT id FROM c ORDER BY v <-> '[5,5,5]') t;
	BEGIN;
	CREATE TEMP TABLE d (id int, v vector(3)) ON COMMIT DROP;
	CREATE INDEX ON d USING vecdot (v);
	INSERT INTO d SELECT * FROM t;
	SELECT count(*) FROM (SELECT id FROM d ORDER BY v <=> '[5,5,5]') t;
	COMMIT;
}, "500\n500\n0\n0\n500", 'temporary tables');

# Transactions: savepoints, rollbacks, two phases, and what other snapshots see of them.
is_sql($node, q{
	SET enable_seqscan = off; SET vecdot.recall = 1;
	CREATE TABLE t (id int, v vector(2));
	CREATE INDEX t_v ON t USING vecdot (v vector_l2_ops);
	BEGIN;
	INSERT INTO t VALUES (1, '[1,1]');
	SAVEPOINT a;
	INSERT INTO t VALUES (2, '[2,2]');
	SAVEPOINT b;
	INSERT INTO t VALUES (3, '[3,3]');
	SELECT array_agg(id) FROM (SELECT id FROM t ORDER BY v <-> '[9,9]') s;
	ROLLBACK TO b;
	SELECT array_agg(id) FROM (SELECT id FROM t ORDER BY v <-> '[9,9]') s;
	INSERT INTO t VALUES (4, '[4,4]');
	ROLLBACK TO a;
	INSERT INTO t VALUES (5, '[0,0]');
	RELEASE a;
	SELECT array_agg(id) FROM (SELECT id FROM t ORDER BY v <-> '[9,9]') s;
	PREPARE TRANSACTION 'two';
	SELECT array_agg(id) FROM (SELECT id FROM t ORDER BY v <-> '[9,9]') s;
	COMMIT PREPARED 'two';
	SELECT array_agg(id) FROM (SELECT id FROM t ORDER BY v <-> '[9,9]') s;
	BEGIN;
	DELETE FROM t WHERE id = 1;
	PREPARE TRANSACTION 'three';
}, "{3,2,1}\n{2,1}\n{1,5}\n\n{1,5}", 'savepoints and two phases');
$node->stop('immediate');
$node->start;
is_sql($node, q{SET enable_seqscan = off; SELECT array_agg(id) FROM (SELECT id FROM t ORDER BY v <-> '[9,9]') s; ROLLBACK PREPARED 'three'; VACUUM t; SELECT array_agg(id) FROM (SELECT id FROM t ORDER BY v <-> '[9,9]') s; DROP TABLE t},
	"{1,5}\n{1,5}", 'a prepared deletion over a crash');

# Chains of HOT updates, followed from the index entry; one that is broken by a change of the vector; then a rebuild.
is_sql($node, q{
	SET enable_seqscan = off; SET vecdot.recall = 1;
	CREATE TABLE t (id int, n int, v vector(2)) WITH (fillfactor = 50);
	CREATE INDEX t_v ON t USING vecdot (v vector_l2_ops);
	INSERT INTO t SELECT i, 0, ARRAY[i, i]::vector FROM generate_series(1, 20) i;
	DO $$ BEGIN FOR i IN 1..50 LOOP UPDATE t SET n = i WHERE id % 4 = 0; UPDATE t SET v = ARRAY[id, -i]::vector, n = i WHERE id % 4 = 1; END LOOP; END $$;
	SELECT count(*), count(DISTINCT id), sum(n) FROM (SELECT id, n FROM t ORDER BY v <-> '[3,3]') s;
	VACUUM t;
	UPDATE t SET n = -n;
	SELECT count(*), count(DISTINCT id), sum(n) FROM (SELECT id, n FROM t ORDER BY v <-> '[3,3]') s;
	REINDEX TABLE t;
	SELECT count(*), count(DISTINCT id), sum(n) FROM (SELECT id, n FROM t ORDER BY v <-> '[3,3]') s;
	DROP TABLE t;
}, "20|20|500\n20|20|-500\n20|20|-500", 'HOT chains');

# An old snapshot keeps its rows while others update, delete, split and vacuum; a cursor goes on where it was.
my $old = $node->background_psql('postgres', on_error_stop => 1);
$old->query_safe('SET enable_seqscan = off; SET vecdot.recall = 1');
$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
my $everything = q{SELECT md5(string_agg(id::text || coalesce(v::text, ''), ',' ORDER BY id)) || count(*) FROM (SELECT id, v FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]') t};
my $before = $old->query_safe($everything);
my $before_nearest = $old->query_safe(q{SELECT array_agg(v <-> '[1,2,3,4,5,6,7,8]') FROM (SELECT v FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 200) t});
$old->query_safe(q{DECLARE c CURSOR FOR SELECT id, v FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]'});
my $first = $old->query_safe('FETCH 10 FROM c');
$node->safe_psql('postgres', 'INSERT INTO items (v) SELECT random_vector(n) FROM generate_series(1, 4000) n; UPDATE items SET v = random_vector(id) WHERE id % 2 = 0; DELETE FROM items WHERE id % 5 = 1');
$node->safe_psql('postgres', 'VACUUM items') for 1 .. 2;
$node->safe_psql('postgres', 'INSERT INTO items (v) SELECT random_vector(n) FROM generate_series(1, 2000) n');
$node->safe_psql('postgres', 'VACUUM items');
is($old->query_safe($everything), $before, 'a snapshot keeps its rows');
is($old->query_safe(q{SELECT array_agg(v <-> '[1,2,3,4,5,6,7,8]') FROM (SELECT v FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 200) t}), $before_nearest, 'and its neighbours');
my $rest = $old->query_safe('FETCH ALL FROM c');
$old->query_safe('CLOSE c');
is(scalar(split /\n/, "$first\n$rest"), $old->query_safe('SELECT count(*) FROM items'), 'and a cursor all of them');
$old->query_safe('COMMIT');
$node->safe_psql('postgres', 'VACUUM items');
is_consistent($node, 'index and table agree when the old snapshot is gone');

# Replaced under an open cursor by another session: the cursor's own index stays until it ends.
$old->query_safe('BEGIN');
$old->query_safe(q{DECLARE c CURSOR FOR SELECT id FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]'});
$first = $old->query_safe('FETCH 10 FROM c');
my $reindex = IPC::Run::start(['psql', '-X', '-q', '-h', $node->host, '-p', $node->port, '-d', 'postgres', '-c', 'REINDEX INDEX CONCURRENTLY items_l2'], '<', \undef, '>', \my $output, '2>', \my $errors);
sleep 1;
$rest = $old->query_safe('FETCH ALL FROM c');
is(scalar(split /\n/, "$first\n$rest"), $old->query_safe('SELECT count(*) FROM items'), 'a cursor while the index is built again');
$old->query_safe('COMMIT');
IPC::Run::finish($reindex);
is($errors, '', 'REINDEX CONCURRENTLY comes through');
is_consistent($node, 'and index and table agree');
$old->quit;

# Serializable: two transactions of which each reads what the other writes can't both commit.
my @pair = map { $node->background_psql('postgres', on_error_stop => 0) } 1 .. 2;
foreach my $i (0, 1)
{
	$pair[$i]->query_safe('SET enable_seqscan = off; BEGIN ISOLATION LEVEL SERIALIZABLE');
	$pair[$i]->query_safe(q{SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> '[0,0,0,0,0,0,0,1]' LIMIT 3) t});
}
$pair[$_]->query_safe("INSERT INTO items (v) VALUES ('[0,0,0,0,0,0,0,1]')") foreach (0, 1);
$pair[0]->query_safe('COMMIT');
my ($committed, $failed) = $pair[1]->query('COMMIT');
like($pair[1]->{stderr}, qr/could not serialize access/, 'write skew through the index is noticed');
$_->quit foreach @pair;

# Cancelled at many moments: nothing is left behind, and all memory and locks are given back.
foreach my $statement ('CREATE INDEX cancelled ON big USING vecdot (v vector_l2_ops)', 'SELECT count(*) FROM (SELECT id FROM big ORDER BY v <-> (SELECT v FROM big WHERE id = 1)) t',
	'INSERT INTO big SELECT 100000 + id, v FROM big', 'VACUUM big', 'REINDEX INDEX big_cosine')
{
	$node->safe_psql('postgres', q{
		DROP TABLE IF EXISTS big;
		CREATE TABLE big AS SELECT n AS id, (SELECT array_agg(sin(n * i)::real) FROM generate_series(1, 32) i)::vector(32) AS v FROM generate_series(1, 6000) n;
		ALTER TABLE big SET (autovacuum_enabled = off);
		CREATE INDEX big_cosine ON big USING vecdot (v);
		DELETE FROM big WHERE id % 3 = 0;
	});
	my $cancelled = 0;
	foreach my $milliseconds (1, 2, 4, 7, 11, 20, 35, 60, 100, 150, 250)
	{
		my ($status, $out, $err) = $node->psql('postgres', "SET enable_seqscan = off; SET vecdot.recall = 1; SET statement_timeout = $milliseconds; $statement");
		if ($err =~ /canceling statement due to statement timeout/) { $cancelled++; }
		else
		{
			is($err, '', "$statement within $milliseconds ms") if $err !~ /already exists/;
			last;
		}
	}
	cmp_ok($cancelled, '>', 0, "$statement was cancelled $cancelled times");
	is_sql($node, q{SET enable_seqscan = off; SELECT (SELECT count(*) FROM (SELECT id FROM big ORDER BY v <=> (SELECT v FROM big WHERE id = 1)) t) = (SELECT count(*) FROM big)}, 't', 'and the index is whole');
}
is_sql($node, q{SELECT count(*) FROM pg_locks WHERE locktype = 'page'}, '0', 'no lock is left');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP| XX\w{3} |WARNING/, 'nothing unexpected in the log');
$node->stop;
done_testing();
