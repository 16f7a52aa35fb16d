# Dump and restore, COPY in both formats, a logical copy into a table of another database.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;

my $node = start_node('main');
my $directory = PostgreSQL::Test::Utils::tempdir;

$node->safe_psql('postgres', q{
	CREATE EXTENSION vecdot;
	CREATE TABLE items (
		id integer PRIMARY KEY,
		embedding vector(3) NOT NULL DEFAULT '[0,0,1]',
		anything vector,
		many vector[],
		CHECK ("norm"(embedding) > 0));
	CREATE INDEX ON items (embedding);
	CREATE INDEX ON items USING hash (embedding);
	CREATE VIEW close AS SELECT id, embedding <=> '[1,0,0]' AS distance FROM items;
	CREATE MATERIALIZED VIEW mean AS SELECT avg(embedding) AS v FROM items;
	INSERT INTO items VALUES
		(1, '[1,2,3]', '[1]', ARRAY['[1,2]', '[3,4,5]']::vector[]),
		(2, '[0.1,-0,1e-45]', NULL, NULL),
		(3, '[3.4028235e38,-1.1754944e-38,16777217]', '[0.30000001,1e10]', '{}');
	-- Wide enough to be stored out of line.
	INSERT INTO items SELECT 10 + n, '[1,1,1]', (SELECT '[' || string_agg(sin(n * i)::text, ',') || ']' FROM generate_series(1, 4000) i)::vector
	  FROM generate_series(1, 20) n;
	REFRESH MATERIALIZED VIEW mean;
});
my $fingerprint = q{
	SELECT count(*), md5(string_agg(id || encode(vector_send(embedding), 'hex') || coalesce(anything::text, 'null')
		|| coalesce(many::text, 'null'), ' ' ORDER BY id)) FROM items};
my $original = $node->safe_psql('postgres', $fingerprint);
like($original, qr/^23\|[0-9a-f]{32}$/, 'the table to dump');

my $plain = "$directory/plain.sql";
$node->command_ok([ 'pg_dump', '-f', $plain, $node->connstr('postgres') ], 'pg_dump as SQL');
unlike(slurp_file($plain), qr/CREATE (TYPE|FUNCTION|OPERATOR|CAST)/, 'the dump leaves the objects of the extension to it');
$node->safe_psql('postgres', 'CREATE DATABASE plain');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $plain, $node->connstr('plain') ], 'its restore');
is_sql($node, $fingerprint, $original, 'every bit is back', database => 'plain');

foreach my $format ('custom', 'directory')
{
	my $file = "$directory/$format";
	$node->command_ok([ 'pg_dump', "-F$format", '-f', $file, $node->connstr('postgres') ], "pg_dump -F $format");
	$node->safe_psql('postgres', "CREATE DATABASE $format");
	$node->command_ok([ 'pg_restore', '-e', '-j', '2', '-d', $node->connstr($format), $file ], 'its parallel restore');
	is_sql($node, $fingerprint, $original, 'every bit is back', database => $format);
	is_sql($node, q{SELECT id FROM close ORDER BY distance, id LIMIT 2; SELECT v FROM mean},
		$node->safe_psql('postgres', q{SELECT id FROM close ORDER BY distance, id LIMIT 2; SELECT v FROM mean}),
		'the views work there', database => $format);
	is_error($node, q{INSERT INTO items (id, embedding) VALUES (99, '[0,0,0]')}, '23514', 'violates check constraint',
		'and the constraint', database => $format);
}

# With --inserts and an extension in its own schema.
$node->safe_psql('postgres', 'CREATE SCHEMA own; ALTER EXTENSION vecdot SET SCHEMA own');
$node->command_ok([ 'pg_dump', '--inserts', '-f', "$directory/own.sql", $node->connstr('postgres') ],
	'pg_dump --inserts with the extension in a schema of its own');
$node->safe_psql('postgres', 'CREATE DATABASE own');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$directory/own.sql", $node->connstr('own') ], 'its restore');
is_sql($node, "SET search_path = public, own; $fingerprint", $original, 'every bit is back', database => 'own');
$node->safe_psql('postgres', 'ALTER EXTENSION vecdot SET SCHEMA public');

# COPY.
foreach my $format ('text', 'csv', 'binary')
{
	$node->safe_psql('postgres', qq{
		COPY items TO '$directory/items.$format' (FORMAT $format);
		CREATE TABLE copied (LIKE items);
		COPY copied FROM '$directory/items.$format' (FORMAT $format)});
	is_sql($node, $fingerprint =~ s/FROM items/FROM copied/r, $original, "COPY, format $format");
	$node->safe_psql('postgres', 'DROP TABLE copied');
}

# A damaged binary file is an error, not a vector: the dimensions of the first row's vector say 2.
my $file = "$directory/items.binary";
my $bytes = slurp_file($file);
my $image = pack('N n n N3', 16, 3, 0, unpack('N3', pack('f>3', 1, 2, 3)));
my $at = index($bytes, $image);
cmp_ok($at, '>', 0, 'the binary file has the documented image of [1,2,3]');
foreach my $damage ([ 'n', 4, 2, '2 dimensions' ], [ 'n', 4, 4, '4 dimensions' ], [ 'n', 6, 1, 'unused' ], [ 'N', 8, 0x7fc00000, 'NaN' ])
{
	my ($template, $offset, $value, $name) = @$damage;
	my $copy = $bytes;
	my $piece = pack($template, $value);
	substr($copy, $at + $offset, length $piece) = $piece;
	open(my $handle, '>:raw', "$directory/damaged") or die $!;
	print $handle $copy;
	close $handle;
	$node->safe_psql('postgres', 'CREATE TABLE damaged (LIKE items)');
	my ($status, $output, $errors) = $node->psql('postgres', "COPY damaged FROM '$directory/damaged' (FORMAT binary)");
	isnt($status, 0, "COPY of a binary file with a damaged vector ($name) fails");
	is_sql($node, 'SELECT count(*) FROM damaged', '0', 'and nothing of it got in');
	$node->safe_psql('postgres', 'DROP TABLE damaged');
}

$node->stop;
done_testing();
