# pg_upgrade with indexes: from the server that is tested to itself, or from the one of an older major version that
# VECDOT_OLD_BINDIR names (it finds vecdot in its own directories then). Columns, views and indexes are what they were.
use strict;
use warnings;

use File::Basename;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;

my $old_bindir = $ENV{VECDOT_OLD_BINDIR};
my $new_major = (`pg_config --version` =~ /(\d+)/)[0];
my $old_major = $old_bindir ? (`$old_bindir/postgres --version` =~ /(\d+)/)[0] : $new_major;
my $settings = "autovacuum = off\nmax_parallel_workers_per_gather = 0\n";

# Checksums are what initdb gives by itself from 18 on; both clusters must agree.
my @init = ('--locale=C', '--encoding=UTF8');
my $old = PostgreSQL::Test::Cluster->new('old', $old_bindir ? (install_path => dirname($old_bindir)) : ());
$old->init(extra => [ @init, $old_major >= 18 ? '--no-data-checksums' : () ]);
$old->append_conf('postgresql.conf', slurp_file($ENV{VECDOT_CONF})) if $ENV{VECDOT_CONF} && !$old_bindir;
$old->append_conf('postgresql.conf', $settings);
$old->start;
note("from PostgreSQL $old_major to $new_major");

# Every metric, element type and width of the codes; one index that grew from nothing, one with deleted rows and free
# pages, one in a schema of its own over an expression.
$old->safe_psql('postgres', q{
	CREATE DATABASE ours;
	CREATE DATABASE theirs;
});
$old->safe_psql('ours', q{
	CREATE SCHEMA lib;
	CREATE EXTENSION vecdot SCHEMA lib;
	ALTER DATABASE ours SET search_path = public, lib;
	SET search_path = public, lib;
	CREATE FUNCTION numbers(seed int, n int) RETURNS real[] IMMUTABLE LANGUAGE sql AS
		$$ SELECT array_agg((((hashint8extended(i, seed % 40) & 65535) + (hashint8extended(i, seed) & 8191))::float8 / 32768 - 1)::real ORDER BY i) FROM generate_series(1, n) i $$;
	CREATE TABLE items (id int PRIMARY KEY, v vector(24) CHECK ("norm"(v) >= 0) DEFAULT array_fill(1, '{24}')::vector, h halfvec(24), b bit(64), s sparsevec(24), wide vector(700));
	CREATE INDEX items_grown ON items USING vecdot (v vector_l2_ops);
	INSERT INTO items SELECT i, v, v::halfvec, binary_quantize(numbers(i, 64)::vector), v::sparsevec, numbers(i, 700)::vector
	  FROM generate_series(1, 2500) i, LATERAL (SELECT numbers(i, 24)::vector AS v) x;
	CREATE INDEX items_cosine ON items USING vecdot (v);
	CREATE INDEX items_narrow ON items USING vecdot (v vector_ip_ops) WITH (refine_bits = 4);
	CREATE INDEX items_half ON items USING vecdot (h halfvec_l2_ops);
	CREATE INDEX items_bit ON items USING vecdot (b bit_hamming_ops);
	CREATE INDEX items_wide ON items USING vecdot (wide);
	CREATE INDEX items_partial ON items USING vecdot (((2 * v)::vector(24)) vector_l2_ops) WHERE id % 2 = 0;
	CREATE VIEW near AS SELECT id, v <-> '[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]' AS distance FROM items;
	DELETE FROM items WHERE id % 7 = 0 OR id BETWEEN 300 AND 600;
	VACUUM (ANALYZE, PARALLEL 0) items;
	UPDATE items SET v = NULL WHERE id % 101 = 0;
});

# pgvector beside, where both servers have it.
my $companion = $old->psql('theirs', q{
	CREATE SCHEMA other; CREATE EXTENSION vector SCHEMA other; CREATE EXTENSION vecdot_pgvector SCHEMA other;
	ALTER DATABASE theirs SET search_path = public, other;
	SET search_path = public, other;
	CREATE TABLE items AS SELECT i AS id, ARRAY[sin(i), cos(i), sin(i * 3), 1]::vector(4) AS v FROM generate_series(1, 1500) i;
	CREATE INDEX items_v ON items USING vecdot (v);
	ANALYZE items}, on_error_stop => 1) == 0;
$old->safe_psql('postgres', 'DROP DATABASE theirs') unless $companion;

sub answers
{
	my ($node) = @_;
	my $text = '';
	foreach my $case ([ 'v', '<->' ], [ 'v', '<=>' ], [ 'v', '<#>' ], [ 'h', '<->' ], [ 'b', '<~>' ], [ 'wide', '<=>' ])
	{
		my ($column, $operator) = @$case;
		$text .= $node->safe_psql('ours', qq{
			SET vecdot.recall = 1; SET enable_seqscan = off;
			SELECT q.id, '$column', array_agg(d) FROM items q,
				LATERAL (SELECT $column $operator q.$column AS d FROM items ORDER BY $column $operator q.$column LIMIT 20) x
			 WHERE q.id % 97 = 1 AND q.$column IS NOT NULL GROUP BY 1 ORDER BY 1}) . "\n";
	}
	$text .= $node->safe_psql('ours', 'SELECT id FROM near ORDER BY distance, id LIMIT 3');
	$text .= $node->safe_psql('theirs', q{SET vecdot.recall = 1; SET enable_seqscan = off; SELECT v <=> '[1,2,3,4]' FROM items ORDER BY v <=> '[1,2,3,4]' LIMIT 30}) if $companion;
	return $text;
}
my $files = q{SELECT c.relname, pg_relation_size(c.oid) FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE amname = 'vecdot' ORDER BY 1};
my $before = answers($old);
my $sizes = $old->safe_psql('ours', $files);
is(scalar(split /\n/, $sizes), 7, 'seven indexes');
$old->stop;

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init(extra => [ @init, $new_major >= 18 ? '--no-data-checksums' : () ]);
$new->append_conf('postgresql.conf', slurp_file($ENV{VECDOT_CONF})) if $ENV{VECDOT_CONF};
$new->append_conf('postgresql.conf', $settings);
chomp(my $new_bindir = `pg_config --bindir`);
my @command = ('pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $old_bindir // $new_bindir, '-B', $new_bindir, '-s', $new->host, '-p', $old->port, '-P', $new->port);
chdir $PostgreSQL::Test::Utils::tmp_check;
my ($output, $errors) = run_command(\@command);
like($output, qr/^Upgrade Complete/m, 'pg_upgrade') or diag("$output\n$errors", map { grep { /error:|ERROR/ } split /^/m, slurp_file($_) } glob($new->data_dir . '/pg_upgrade_output.d/*/log/pg_upgrade_dump_*.log'));

$new->start;
is($new->safe_psql('ours', $files), $sizes, 'the files of the indexes are those that were there');
is(answers($new), $before, 'the answers by index at recall 1, and of a view');
my $check = q{SELECT count(vecdot_index_check(i.indexrelid, true)::text) FROM pg_index i JOIN pg_class c ON c.oid = indexrelid JOIN pg_am a ON a.oid = relam WHERE amname = 'vecdot'};
is_sql($new, $check, '7', 'the indexes agree with the table', database => 'ours');
like($new->safe_psql('ours', q{SET enable_seqscan = off; EXPLAIN (COSTS off) SELECT id FROM items ORDER BY wide <=> (SELECT wide FROM items WHERE id = 1) LIMIT 5}), qr/items_wide/, 'and are used');
is_error($new, q{INSERT INTO items (id, v) VALUES (9999, '[1,2]')}, '22000', 'expected 24 dimensions, not 2', 'typmods are what they were', database => 'ours');
$new->safe_psql('ours', q{
	INSERT INTO items SELECT 10000 + i, v, v::halfvec, binary_quantize(numbers(i, 64)::vector), v::sparsevec, numbers(i, 700)::vector
	  FROM generate_series(1, 1500) i, LATERAL (SELECT numbers(i, 24)::vector AS v) x;
	INSERT INTO items (id) VALUES (20000);
	DELETE FROM items WHERE id % 3 = 0;
	VACUUM (PARALLEL 0) items;
});
is_sql($new, $check, '7', 'after inserting, deleting, and a vacuum', database => 'ours');
$new->safe_psql('ours', 'REINDEX TABLE items; ALTER EXTENSION vecdot UPDATE');
is_sql($new, $check, '7', 'after REINDEX', database => 'ours');
SKIP:
{
	skip 'there is no pgvector here (PGVECTOR_DESTDIR)', 1 unless $companion;
	is_sql($new, "INSERT INTO items SELECT 5000 + i, ARRAY[sin(i), cos(i), sin(i * 5), 1]::vector FROM generate_series(1, 300) i; $check", '1', 'an index on a column of pgvector', database => 'theirs');
}
$new->stop;
done_testing();
