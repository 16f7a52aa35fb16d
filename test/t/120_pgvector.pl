# The index and the functions on pgvector's own columns: vecdot_pgvector beside an extension vector of pgvector's.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;

my $node = start_node('main');
# What is available below a directory of its own is not listed: try.
$node->psql('template1', 'CREATE EXTENSION vector');
my $version = $node->safe_psql('template1', q{SELECT extversion FROM pg_extension WHERE extname = 'vector' AND extversion ~ '^0\.([4-9]|[1-9][0-9])'});
$node->safe_psql('template1', 'DROP EXTENSION IF EXISTS vector');
if (!$version)
{
  SKIP: { skip 'there is no pgvector 0.4 or later here (Debian 13: postgresql-17-pgvector; elsewhere PGVECTOR_DESTDIR)', 1 }
	done_testing();
	exit;
}

# halfvec, HNSW and the distances of bit came with 0.5 to 0.7; before there is vector alone.
my $all = $version !~ /^0\.[4-6]\b/;
note("pgvector $version");

# An ordinary role that may create on the database; pgvector in a schema of its own.
$node->safe_psql('postgres', q{
	CREATE ROLE maker LOGIN;
	CREATE DATABASE shop OWNER maker;
});
$node->safe_psql('shop', q{CREATE SCHEMA embeddings; CREATE EXTENSION vector SCHEMA embeddings; GRANT USAGE ON SCHEMA embeddings TO public;
	ALTER DATABASE shop SET search_path = public, embeddings});
my @maker = (extra_params => [ '-U', 'maker' ]);
is_sql($node, 'CREATE EXTENSION vecdot_pgvector', '', 'a role without superuser creates the extension', database => 'shop', @maker);

# Rows that provoke a bound above what a float4 sum gives: copies, near copies, a common offset, tiny residuals.
$node->safe_psql('shop', q{
	CREATE FUNCTION noise(seed int, n int, size float8, base float8 DEFAULT 0) RETURNS real[] IMMUTABLE LANGUAGE sql AS
		$$ SELECT array_agg((base + size * ((hashint8extended(i, seed) & 65535)::float8 / 32768 - 1))::real ORDER BY i) FROM generate_series(1, n) i $$;
	CREATE TABLE items (id int PRIMARY KEY, kind int, v vector(96));
	INSERT INTO items SELECT i, i % 6, noise(CASE WHEN i % 6 = 1 THEN i % 40 ELSE i END, 96,
		CASE i % 6 WHEN 0 THEN 1 WHEN 1 THEN 1 WHEN 2 THEN 1e-3 WHEN 3 THEN 1e-6 WHEN 4 THEN 0.01 ELSE 300 END,
		CASE i % 6 WHEN 2 THEN 1 WHEN 3 THEN 1 WHEN 4 THEN 50 ELSE 0 END)::vector FROM generate_series(1, 4000) i;
	UPDATE items SET v = NULL WHERE id % 501 = 0;
	UPDATE items SET v = (v - v)::vector WHERE id % 499 = 0;
	CREATE INDEX items_v_cosine ON items USING vecdot (v);
	CREATE INDEX items_v_l2 ON items USING vecdot (v vector_l2_ops);
	CREATE INDEX items_v_ip ON items USING vecdot (v vector_ip_ops);
});
$node->safe_psql('shop', q{
	ALTER TABLE items ADD h halfvec(96), ADD b bit(96);
	UPDATE items SET h = v::halfvec, b = CASE WHEN v IS NOT NULL THEN binary_quantize(v) END;
	CREATE INDEX items_h_cosine ON items USING vecdot (h);
	CREATE INDEX items_h_l2 ON items USING vecdot (h halfvec_l2_ops);
	CREATE INDEX items_h_ip ON items USING vecdot (h halfvec_ip_ops);
	CREATE INDEX items_b ON items USING vecdot (b bit_hamming_ops);
}) if $all;
$node->safe_psql('shop', 'VACUUM ANALYZE items');
my $indexes = $all ? 7 : 3;
is_sql($node, q{SELECT count(vecdot_index_check(i.indexrelid, true)::text) FROM pg_index i WHERE indrelid = 'items'::regclass AND NOT indisprimary},
	$indexes, 'the indexes agree with the table', database => 'shop');

my $search = q{
	SET vecdot.recall = %s;
	SET enable_seqscan = %s; SET enable_sort = %2$s; SET enable_bitmapscan = off; SET max_parallel_workers_per_gather = 0;
	SELECT q.id, array_agg(d) FROM items q,
		LATERAL (SELECT %3$s %4$s q.%3$s AS d FROM items ORDER BY %3$s %4$s q.%3$s LIMIT 30) x
	 WHERE q.id %% 37 = 0 AND q.%3$s IS NOT NULL GROUP BY 1 ORDER BY 1};
foreach my $case ([ 'v', '<=>' ], [ 'v', '<->' ], [ 'v', '<#>' ], $all ? ([ 'h', '<=>' ], [ 'h', '<->' ], [ 'h', '<#>' ], [ 'b', '<~>' ]) : ())
{
	my ($column, $operator) = @$case;
	my $truth = $node->safe_psql('shop', sprintf($search, 1, 'on', $column, $operator));
	is_sql($node, sprintf($search, 1, 'off', $column, $operator), $truth, "$column $operator: the index at recall 1 gives what a scan does", database => 'shop');
	my ($status, $output, $errors) = $node->psql('shop', sprintf($search, 0.9, 'off', $column, $operator));
	is($errors, '', "$column $operator: no row comes in the wrong order at 0.9");
	is(scalar(split /\n/, $output), scalar(split /\n/, $truth), 'and each query has its rows');
}
like($node->safe_psql('shop', q{SET enable_seqscan = off; EXPLAIN (COSTS off) SELECT id FROM items ORDER BY v <=> (SELECT v FROM items WHERE id = 5) LIMIT 5}),
	qr/items_v_cosine/, 'the planner takes the index for an unchanged query');

# Beside HNSW, whose settings stay what they are.
$node->safe_psql('shop', 'CREATE INDEX items_hnsw ON items USING ' . ($all ? 'hnsw' : 'ivfflat') . ' (v vector_cosine_ops)');
is_sql($node, q{SET hnsw.ef_search = 77; SELECT count(*) FROM (SELECT id FROM items ORDER BY v <=> (SELECT v FROM items WHERE id = 5) LIMIT 5) x; SHOW hnsw.ef_search},
	"5\n77", 'beside an HNSW index and its settings', database => 'shop');

# The functions.
is_sql($node, q{SELECT '[1,2,3]'::vector @ '[4,5,6]', "norm"('[3,4]'::vector), argmax('[1,5,2]'::vector), 2 * '[1,2]'::vector, lambert('[0,0,1]', '[0,0,3]'),
	(SELECT count(*) FROM unnest('[1,2,3]'::vector))}, '32|5|2|[2,4]|1|3', 'functions and operators of the extension', database => 'shop');
is_sql($node, q{SELECT attention('[1,0]', k, k) FROM (VALUES ('[1,0]'::vector), ('[1,0]')) t(k)}, '[1,0]', 'an aggregate', database => 'shop');

# One of the two extensions in a database.
is_error($node, 'CREATE EXTENSION vecdot', '42710', 'has no place beside it.*HINT:', 'vecdot beside vecdot_pgvector', database => 'shop');
$node->safe_psql('postgres', 'CREATE DATABASE second');
$node->safe_psql('second', 'CREATE SCHEMA a; CREATE EXTENSION vecdot SCHEMA a; CREATE EXTENSION vector');
is_error($node, 'CREATE EXTENSION vecdot_pgvector', '42710', 'has no place beside it.*HINT:', 'vecdot_pgvector beside vecdot', database => 'second');
$node->safe_psql('second', 'DROP EXTENSION vecdot');
is_error($node, 'CREATE EXTENSION vecdot', '42710', 'has a type "vector" already.*HINT:', 'vecdot where pgvector is', database => 'second');
is_sql($node, 'CREATE EXTENSION vecdot_pgvector; SELECT 1', '1', 'vecdot_pgvector there', database => 'second');

# Dump, restore, dependencies, pgvector's own update.
my $dump = PostgreSQL::Test::Utils::tempdir . '/shop.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('shop') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('copy') ], 'its restore');
is_sql($node, q{SET search_path = public, embeddings; SELECT count(vecdot_index_check(i.indexrelid, true)::text) FROM pg_index i JOIN pg_class c ON c.oid = indexrelid
	JOIN pg_am a ON a.oid = relam WHERE amname = 'vecdot'}, $indexes, 'its indexes agree with the table', database => 'copy');
is_sql($node, 'ALTER EXTENSION vector UPDATE; SELECT 1', '1', 'ALTER EXTENSION vector UPDATE', database => 'copy');
is_error($node, 'DROP EXTENSION vector', '2BP01', 'other objects depend on it', 'DROP EXTENSION vector', database => 'copy');
is_sql($node, q{DROP EXTENSION vecdot_pgvector CASCADE; SELECT count(*), count(v) > 3900 FROM items}, '4000|t', 'without the extension the columns stay',
	database => 'copy', extra_params => [ '-q' ]);

done_testing();
