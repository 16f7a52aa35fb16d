# vecdot in the place of pgvector, as make install-as-vector leaves it: an extension "vector" that takes pgvector's dumps,
# indexes, options and settings as they are.
use strict;
use warnings;

use File::Basename;
use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;

$ENV{VECDOT_AS_VECTOR_CONF} or die 'VECDOT_AS_VECTOR_CONF is not set';
my $node = start_node('vecdot', conf => $ENV{VECDOT_AS_VECTOR_CONF});
my $temporary = PostgreSQL::Test::Utils::tempdir;

# An ordinary role that may create on the database.
$node->safe_psql('postgres', 'CREATE ROLE maker LOGIN');
$node->safe_psql('postgres', 'CREATE DATABASE shop OWNER maker');
my @maker = (extra_params => [ '-U', 'maker' ]);
is_sql($node, 'CREATE EXTENSION vector', '', 'a role without superuser creates the extension', database => 'shop', @maker);
is_sql($node, q{SELECT extversion ~ '^0\.8\.[0-9]+$', obj_description(oid, 'pg_extension') ~ '^vecdot .* in the place of pgvector' FROM pg_extension WHERE extname = 'vector'},
	't|t', 'its version is one of 0.8, its comment tells what it is', database => 'shop');
is_sql($node, q{SELECT string_agg(pg_describe_object(d.classid, d.objid, d.objsubid), ', ') FROM pg_depend d
	JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
	WHERE d.deptype = 'e' AND e.extname = 'vector' AND obj_description(d.objid, d.classid::regclass::name) IS NULL
	  AND NOT EXISTS (SELECT FROM pg_type WHERE d.classid = 'pg_type'::regclass AND typarray = d.objid)},
	'', 'every object has a comment', database => 'shop');
is_sql($node, q{SELECT amname, count(*), count(*) FILTER (WHERE amvalidate(c.oid)), string_agg(opcname, ' ') FILTER (WHERE opcdefault)
	FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod WHERE amname IN ('hnsw', 'ivfflat', 'vecdot') GROUP BY 1 ORDER BY 1},
	"hnsw|14|14|\nivfflat|7|7|vector_l2_ops\nvecdot|28|28|vector_cosine_ops halfvec_cosine_ops bit_hamming_ops int2_ops int4_ops int8_ops float4_ops float8_ops numeric_ops uuid_ops bool_ops oid_ops "
	  . 'date_ops time_ops timestamp_ops timestamptz_ops enum_ops text_ops bpchar_ops bytea_ops interval_ops timetz_ops inet_ops macaddr_ops',
	'operator classes are valid, and those of pgvector are the default ones', database => 'shop');

# The settings, as soon as the library is loaded; before that any value is kept for it.
is_sql($node, q{SELECT '[1]'::vector; SHOW hnsw.ef_search;
	SELECT name, boot_val, min_val, max_val, enumvals FROM pg_settings WHERE name ~ '^(hnsw|ivfflat)\.' ORDER BY name}, join("\n", '[1]', '40',
	'hnsw.ef_search|40|1|1000|', 'hnsw.iterative_scan|off|||{off,relaxed_order,strict_order}', 'hnsw.max_scan_tuples|20000|1|2147483647|',
	'hnsw.scan_mem_multiplier|1|1|1000|', 'ivfflat.iterative_scan|off|||{off,relaxed_order}', 'ivfflat.max_probes|32768|1|32768|', 'ivfflat.probes|1|1|32768|'),
	'the settings have the defaults and ranges of pgvector', database => 'shop');
is_sql($node, q{SET hnsw.ef_search = 100; SHOW hnsw.ef_search; SELECT '[1]'::vector; SHOW hnsw.ef_search; SET hnsw.ef_search = 200; SHOW hnsw.ef_search},
	"100\n[1]\n100\n200", 'set before the library is loaded and after', database => 'shop');
is_error($node, q{SELECT '[1]'::vector; SET hnsw.ef_search = 1001}, '22023', '1001 is outside the valid range for parameter "hnsw.ef_search"', 'a value out of range', database => 'shop');
is_error($node, q{SELECT '[1]'::vector; SET ivfflat.probe = 10}, '42602', 'invalid configuration parameter name "ivfflat.probe"', 'a name that pgvector lacks', database => 'shop');
is_sql($node, q{LOAD 'vector'; SHOW ivfflat.probes; SHOW vecdot.recall}, "1\n0.99", 'LOAD of the library by the name of the library of pgvector', database => 'shop');

# The options: checked as pgvector does, then without effect, which is said once.
$node->safe_psql('shop', q{CREATE TABLE rows (id int PRIMARY KEY, v vector(3), h halfvec(3), b bit(3), s sparsevec(3));
	INSERT INTO rows SELECT i, ARRAY[i % 7, i % 11, i % 13]::vector, ARRAY[i % 7, i % 11, i % 13]::halfvec, (i % 8)::bit(3), format('{1:%s}/3', i)::sparsevec
	  FROM generate_series(1, 1000) i}, @maker);
my @refusals = (
	[ 'hnsw (v vector_l2_ops) WITH (m = 1)', 'value 1 out of bounds for option "m"' ],
	[ 'hnsw (v vector_l2_ops) WITH (m = 101)', 'value 101 out of bounds for option "m"' ],
	[ 'hnsw (v vector_l2_ops) WITH (ef_construction = 3)', 'value 3 out of bounds for option "ef_construction"' ],
	[ 'hnsw (v vector_l2_ops) WITH (ef_construction = 1001)', 'value 1001 out of bounds for option "ef_construction"' ],
	[ 'hnsw (v vector_l2_ops) WITH (m = 16, ef_construction = 31)', 'ef_construction must be greater than or equal to 2 \* m' ],
	[ 'hnsw (v vector_l2_ops) WITH (m = 33)', 'ef_construction must be greater than or equal to 2 \* m' ],
	[ 'hnsw (v vector_l2_ops) WITH (lists = 33)', 'unrecognized parameter "lists"' ],
	[ 'ivfflat (v) WITH (lists = 0)', 'value 0 out of bounds for option "lists"' ],
	[ 'ivfflat (v) WITH (lists = 32769)', 'value 32769 out of bounds for option "lists"' ],
	[ 'ivfflat (v) WITH (m = 16)', 'unrecognized parameter "m"' ],
	[ 'vecdot (v) WITH (m = 16)', 'unrecognized parameter "m"' ]);
is_error($node, "CREATE INDEX ON rows USING $_->[0]", '22023', $_->[1], $_->[0], database => 'shop') foreach @refusals;
is_error($node, 'CREATE INDEX ON rows USING hnsw (v)', '42704', 'data type vector has no default operator class for access method "hnsw"', 'no default for hnsw, as in pgvector', database => 'shop');
foreach my $class ('v vector_l1_ops', 'h halfvec_l1_ops', 'b bit_jaccard_ops', 's sparsevec_l2_ops', 's sparsevec_ip_ops', 's sparsevec_cosine_ops', 's sparsevec_l1_ops')
{
	my ($name) = $class =~ / (.*)/;
	is_error($node, "CREATE INDEX ON rows USING hnsw ($class)", '0A000', "does not serve the operator class \"$name\".*HINT: ", "$class has no index", database => 'shop');
}
my ($status, $output, $errors) = $node->psql('shop', q{
	CREATE INDEX rows_l2 ON rows USING hnsw (v vector_l2_ops) WITH (m = 2, ef_construction = 4);
	CREATE INDEX rows_ivfflat ON rows USING ivfflat (v) WITH (lists = 10);
	REINDEX INDEX rows_ivfflat}, @maker);
is(() = $errors =~ /NOTICE:  "m", "ef_construction" and "lists" have no effect on vecdot's index/g, 1, 'one notice in a session');
($status, $output, $errors) = $node->psql('shop', 'CREATE INDEX rows_plain ON rows USING hnsw (v vector_cosine_ops) WITH (seed = 7, refine_bits = 4)', @maker);
is($errors, '', 'none without these options');

# They are indexes of vecdot for everyone who asks: the planner's node, plain scans, the verifier, VACUUM, inserts.
my $off = 'SET enable_seqscan = off; SET enable_sort = off;';
like($node->safe_psql('shop', "$off EXPLAIN (COSTS off) SELECT id FROM rows ORDER BY v <-> '[1,2,3]' LIMIT 5"), qr/Custom Scan \(VecdotSearch\).*rows_(l2|ivfflat)/s, 'the search node');
like($node->safe_psql('shop', "$off SET vecdot.search_node = off; EXPLAIN (COSTS off) SELECT id FROM rows ORDER BY v <=> '[1,2,3]' LIMIT 5"), qr/Index Scan using rows_plain/, 'an index scan');
is_sql($node, q{DELETE FROM rows WHERE id % 3 = 0; INSERT INTO rows SELECT i, ARRAY[i % 7, i % 11, i % 13]::vector FROM generate_series(1001, 1500) i; INSERT INTO rows (id, v) VALUES (2000, NULL), (2001, '[0,0,0]');
	SELECT count(vecdot_index_check(i.indexrelid, true)::text) FROM pg_index i WHERE indrelid = 'rows'::regclass AND NOT indisprimary}, '3', 'the verifier', database => 'shop', @maker);
$node->safe_psql('shop', 'VACUUM rows; REINDEX INDEX CONCURRENTLY rows_l2', @maker);
is_sql($node, q{SELECT count(vecdot_index_check(i.indexrelid, true)::text) FROM pg_index i WHERE indrelid = 'rows'::regclass AND NOT indisprimary}, '3', 'again', database => 'shop', @maker);
is_sql($node, q{SELECT metric, dimensions, refine_bits FROM vecdot_index_info('rows_plain'); SELECT recall > 0.9 FROM vecdot_index_recall('rows_l2')}, "cosine|3|4\nt", 'what an index consists of, and its recall', database => 'shop', @maker);

# All of vecdot's functions, and one of its extensions in a database.
is_sql($node, q{SELECT '[1,2,3]'::vector @ '[4,5,6]', ('[1,2,3]'::vector)[2], argmax('[1,5,2]'::vector), attention('[1,0]', k, k) FROM (VALUES ('[1,0]'::vector)) t(k)},
	'32|2|2|[1,0]', 'functions', database => 'shop');
is_error($node, "CREATE EXTENSION $_", '42710', 'is vecdot itself.*HINT:', "$_ beside it", database => 'shop') foreach 'vecdot', 'vecdot_pgvector';
$node->safe_psql('postgres', 'CREATE EXTENSION vecdot SCHEMA public');
is_error($node, 'CREATE EXTENSION vector', '42710', 'extension "vecdot" is in this database.*HINT:', 'vector beside vecdot');
is_sql($node, q{SELECT '[1]'::vector; SHOW ivfflat.max_probes}, "[1]\n32768", 'vecdot by its own name in another database, the library once');

# Dumps made for pgvector: one written by hand, and one of pgvector's own where it is.
sub searches
{
	my ($database, $rows, $indexes) = @_;
	is_sql($node, q{SELECT count(vecdot_index_check(i.indexrelid, true)::text) FROM pg_index i JOIN pg_class c ON c.oid = indexrelid JOIN pg_am a ON a.oid = relam WHERE amname IN ('hnsw', 'ivfflat') AND relkind = 'i'},
		$indexes, "$database: the indexes agree with the table", database => $database);
	foreach my $case ([ 'v', '<->' ], [ 'v', '<=>' ], [ 'v', '<#>' ], [ 'h', '<->' ], [ 'h', '<=>' ], [ 'h', '<#>' ], [ 'b', '<~>' ],
		[ 'v::halfvec(4)', '<->' ], [ 'binary_quantize(v)::bit(4)', '<~>' ])
	{
		my ($column, $operator) = @$case;
		my $search = qq{SET vecdot.recall = 1; SET hnsw.ef_search = 100; SET enable_seqscan = %s; SET enable_sort = %1\$s;
			SELECT q.id, array_agg(d) FROM (SELECT id, $column AS c FROM items WHERE v IS NOT NULL ORDER BY id LIMIT 50) q,
				LATERAL (SELECT $column $operator q.c AS d FROM items ORDER BY $column $operator q.c LIMIT 10) x GROUP BY 1 ORDER BY 1};
		is_sql($node, sprintf($search, 'off'), $node->safe_psql($database, sprintf($search, 'on')), "$database: $column $operator by the index", database => $database);
		like($node->safe_psql($database, "$off EXPLAIN (COSTS off) SELECT id FROM items ORDER BY $column $operator (SELECT $column FROM items WHERE id = 1) LIMIT 5"),
			qr/VecdotSearch/, "$database: its plan");
	}
	is_sql($node, 'SELECT count(*), count(v) FROM items', $rows, "$database: its rows", database => $database);
}
$node->safe_psql('postgres', 'CREATE DATABASE written');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', dirname(__FILE__) . '/../dumps/pgvector.sql', $node->connstr('written') ], 'a dump of pgvector is restored');
searches('written', '6|5', 15);
is_sql($node, 'TABLE nearest', "1|0\n6|0.5\n2|4.2793106921559225", 'its view', database => 'written');
is_error($node, q{INSERT INTO items (id, e) VALUES (9, '[0,0,0,0]')}, '23514', 'embedding_check', 'its domain', database => 'written');

my $original = start_node('pgvector');
$original->psql('template1', 'CREATE EXTENSION vector');
my $version = $original->safe_psql('template1', q{SELECT extversion FROM pg_extension WHERE extname = 'vector' AND extversion ~ '^0\.([8-9]|[1-9][0-9])'});
$original->safe_psql('template1', 'DROP EXTENSION IF EXISTS vector');
SKIP:
{
	skip 'there is no pgvector 0.8 or later here (Debian 13: postgresql-17-pgvector; elsewhere PGVECTOR_DESTDIR)', 1 if !$version;

	# The dump written by hand is one of pgvector too: with more rows, out and in again.
	$original->safe_psql('postgres', 'CREATE DATABASE made');
	$original->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', dirname(__FILE__) . '/../dumps/pgvector.sql', $original->connstr('made') ], 'pgvector takes the dump written by hand');
	$original->safe_psql('made', q{
		CREATE FUNCTION noise(seed int) RETURNS vector IMMUTABLE LANGUAGE sql AS
			$$ SELECT array_agg(((hashint8extended(i, seed) & 65535)::float8 / 32768 - 1)::real ORDER BY i)::public.vector FROM generate_series(1, 4) i $$;
		INSERT INTO items (id, v, h, b) SELECT i, noise(i), noise(i)::halfvec, binary_quantize(noise(i)) FROM generate_series(10, 1000) i;
		ALTER DATABASE made SET hnsw.ef_search = 120;
		CREATE TABLE parts (id int, v vector(4)) PARTITION BY RANGE (id);
		CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
		INSERT INTO parts SELECT id, v FROM items WHERE id < 100;
		CREATE INDEX ON parts USING hnsw (v vector_cosine_ops);
		CREATE MATERIALIZED VIEW averages AS SELECT id % 3 AS kind, avg(v) AS mean, sum(v) AS total FROM items GROUP BY 1;
		CREATE UNLOGGED TABLE passing (v vector(4));
		CREATE INDEX ON passing USING ivfflat (v vector_ip_ops);
	});
	my $dump = "$temporary/made.dump";
	$original->command_ok([ 'pg_dump', '-C', '-Fc', '-f', $dump, $original->connstr('made') ], "a dump of pgvector $version");
	$node->command_ok([ 'pg_restore', '-C', '-e', '-d', $node->connstr('postgres'), $dump ], 'is restored, with its settings');
	searches('made', '997|996', 17);
	is_sql($node, q{SELECT '[1]'::vector; SHOW hnsw.ef_search}, "[1]\n120", 'made: a setting of the database', database => 'made');
	foreach my $table ('items', 'parts')
	{
		my $rows = "SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM $table t";
		is_sql($node, $rows, $original->safe_psql('made', $rows), "made: $table is what it was", database => 'made');
	}
	# Sums are those of vecdot, in double precision.
	is_sql($node, 'SELECT count(*), count(mean), count(total) FROM averages', '3|3|3', 'made: a materialized view', database => 'made');

	# And back.
	$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('made') ], 'a dump of vecdot in the place of pgvector');
	$original->safe_psql('postgres', 'CREATE DATABASE again');
	$original->command_ok([ 'pg_restore', '-e', '-d', $original->connstr('again'), $dump ], 'is restored by pgvector');
	is($original->safe_psql('again', q{SELECT count(*), count(v) FROM items; SET enable_seqscan = off; SELECT id FROM items ORDER BY v <-> '[1,2,3,4]' LIMIT 1}), "997|996\n1", 'again: its rows and its index');

	# What pgvector's extension has is there.
	my $members = q{SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
		WHERE d.deptype = 'e' AND extname = 'vector'};
	my %ours = map { $_ => 1 } split /\n/, $node->safe_psql('shop', $members);
	is(join("\n", grep { !$ours{$_} && !/^function (hnsw|ivfflat)_\w+_support\(internal\)$/ } sort split /\n/, $original->safe_psql('made', $members)), '', 'no type, function, operator or class of pgvector is missing');
}

# The library by both names before the first session.
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'vector, vecdot'\nhnsw.ef_search = 77");
$node->restart;
is_sql($node, 'SHOW hnsw.ef_search; SHOW vecdot.recall', "77\n0.99", 'preloaded: the settings are there at once', database => 'shop');
is_sql($node, "$off SELECT count(*) FROM (SELECT id FROM rows ORDER BY v <-> '[1,2,3]' LIMIT 7) t", '7', 'and the index', database => 'shop');

done_testing();
