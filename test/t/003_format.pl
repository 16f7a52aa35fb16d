# The bytes of a vector, halfvec and sparsevec in a row and on the wire stay what they are (pgvector's), and pg_upgrade, which
# moves them as they are, works.
use strict;
use warnings;

use Config;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;

my $node = start_node('old');
$node->safe_psql('postgres', q{
	CREATE EXTENSION vecdot;
	CREATE TABLE short (v vector(3));
	INSERT INTO short VALUES ('[1,-2,0.5]');
	CREATE TABLE long (v vector(40));
	INSERT INTO long SELECT ('[' || string_agg(i::text, ',') || ']')::vector FROM generate_series(1, 40) i;
	CREATE TABLE toasted (v vector(2000));
	INSERT INTO toasted SELECT ('[' || string_agg(i::text, ',') || ']')::vector FROM generate_series(1, 2000) i;
	CREATE TABLE half (v halfvec(2));
	INSERT INTO half VALUES ('[1,-2.5]');
	CREATE TABLE sparse (v sparsevec(5));
	INSERT INTO sparse VALUES ('{1:1.5,3:-2}/5');
});
is_sql($node, q{SELECT halfvec_send('[1,-2.5]'), sparsevec_send('{1:1.5,3:-2}/5')},
	'\x000200003c00c100|\x00000005000000020000000000000000000000023fc00000c0000000', 'the bytes of the others on the wire');
is_sql($node, q{SELECT vector_send('[1,-2,0.5]')}, '\x000300003f800000c00000003f000000', 'the bytes on the wire');
is_sql($node, q{SELECT pg_column_size('[1,2,3]'::vector)}, '20', 'size in memory');
is_sql($node, q{SELECT typlen, typalign, typstorage, typbyval FROM pg_type WHERE oid = ANY ('{vector,halfvec,sparsevec}'::regtype[])},
	join("\n", ('-1|i|e|f') x 3), 'length, alignment and storage of the types');
is_sql($node, q{SELECT pg_column_size(v), pg_relation_size(reltoastrelid) > 0 FROM toasted, pg_class
	WHERE pg_class.oid = 'toasted'::regclass}, '8004|t', 'a long vector is stored out of line, uncompressed');

SKIP:
{
	skip 'the images below are little-endian', 4 unless $Config{byteorder} =~ /^1234/;
	$node->safe_psql('postgres', 'CHECKPOINT');
	my $heap = sub {
		return slurp_file($node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('$_[0]')"));
	};
	# A one-byte header (17 bytes in all), as PostgreSQL packs any short value.
	my $short = pack('H*', '23' . '0300' . '0000' . '0000803f' . '000000c0' . '0000003f');
	ok(index($heap->('short'), $short) > 0, 'a short vector in its row');
	my $half = pack('H*', '13' . '0200' . '0000' . '003c' . '00c1');
	ok(index($heap->('half'), $half) > 0, 'a halfvec in its row');
	my $sparse = pack('H*', '3b' . '05000000' . '02000000' . '00000000' . '00000000' . '02000000' . '0000c03f' . '000000c0');
	ok(index($heap->('sparse'), $sparse) > 0, 'a sparsevec in its row');
	# A four-byte header (168 bytes).
	my $long = pack('H*', 'a0020000' . '2800' . '0000' . '0000803f' . '00000040' . '00004040');
	ok(index($heap->('long'), $long) > 0, 'a longer vector in its row');
}

# pg_upgrade to a new cluster of the same version.
SKIP:
{
	skip 'pg_upgrade of PostgreSQL 18 and later looks for libraries in the server\'s own directory only', 3
	  if $ENV{VECDOT_CONF} && $node->pg_version >= 18;
	my $before = $node->safe_psql('postgres', q{SELECT v FROM short; SELECT md5(v::text) FROM long; SELECT md5(v::text) FROM toasted; SELECT v FROM half; SELECT v FROM sparse});
	$node->stop;
	my $new = new_node('new');
	my $bindir = $node->config_data('--bindir');
	chdir $new->basedir or die $!;
	my @upgrade = ('pg_upgrade', '--no-sync', '-d', $node->data_dir, '-D', $new->data_dir, '-b', $bindir, '-B', $bindir,
		'-s', $new->host, '-p', $node->port, '-P', $new->port);
	@upgrade = grep { $_ ne '--no-sync' } @upgrade if $node->pg_version < 15;
	my ($output, $errors) = run_command(\@upgrade);
	like($output, qr/Upgrade Complete/, 'pg_upgrade') or diag("$output\n$errors");
	$new->start;
	is_sql($new, q{SELECT v FROM short; SELECT md5(v::text) FROM long; SELECT md5(v::text) FROM toasted; SELECT v FROM half; SELECT v FROM sparse}, $before,
		'every vector is there after pg_upgrade');
	is_sql($new, q{SELECT v @ '[1,1,2]' FROM short; INSERT INTO short VALUES ('[1,1,1]'); SELECT sum(v) FROM short},
		"0\n[2,-1,1.5]", 'and works');
	$new->stop;
}
done_testing();
