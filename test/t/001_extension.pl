# Who may create the extension and where; what loading it does.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;

my $node = start_node('main');

# Trusted: CREATE on the database is enough.
$node->safe_psql('postgres', q{
	CREATE ROLE owner LOGIN;
	CREATE ROLE stranger LOGIN;
	CREATE DATABASE theirs;
	GRANT CREATE ON DATABASE theirs TO owner;
	REVOKE CREATE ON SCHEMA public FROM PUBLIC;
});
my @as_owner = (database => 'theirs', extra_params => [ '-U', 'owner' ]);
is_error($node, 'CREATE EXTENSION vecdot', '42501', 'permission denied to create extension',
	'a role without CREATE on the database may not create the extension',
	database => 'theirs', extra_params => [ '-U', 'stranger' ]);
is_sql($node, q{CREATE SCHEMA vectors; CREATE EXTENSION vecdot SCHEMA vectors;
	SELECT '[1,2,3]'::vectors.vector OPERATOR(vectors.@) '[4,5,6]'}, '32',
	'a role with CREATE on the database creates the extension and uses it', @as_owner);
is_sql($node, q{SELECT rolname FROM pg_extension JOIN pg_roles r ON r.oid = extowner WHERE extname = 'vecdot'},
	'owner', 'the extension belongs to that role', @as_owner);
is_sql($node, q{SELECT vectors.dot('[1,2]', '[3,4]')}, '11', 'and others use it too',
	database => 'theirs');
is_sql($node, 'DROP EXTENSION vecdot; SELECT count(*) FROM pg_extension WHERE extname = \'vecdot\'', '0',
	'its owner drops it', @as_owner);

# Beside another type named vector, as pgvector's would be.
$node->safe_psql('postgres', q{
	CREATE DATABASE shared;
});
$node->safe_psql('shared', q{
	CREATE TYPE public.vector AS (x real, y real);
	CREATE FUNCTION public.l2_distance(a public.vector, b public.vector) RETURNS float8
		LANGUAGE sql AS 'SELECT 42::float8';
	CREATE OPERATOR public.<-> (LEFTARG = public.vector, RIGHTARG = public.vector, FUNCTION = public.l2_distance);
	CREATE TABLE public.old (v public.vector);
	INSERT INTO public.old VALUES (ROW(1, 2));
});
is_error($node, 'CREATE EXTENSION vecdot', '42710', 'has a type "vector" already',
	'the same schema cannot hold two types named vector', database => 'shared');
$node->safe_psql('shared', 'CREATE SCHEMA vecdot; CREATE EXTENSION vecdot SCHEMA vecdot');
$node->safe_psql('shared', q{
	CREATE TABLE items (id int, v vecdot.vector(3));
	INSERT INTO items VALUES (1, '[1,2,3]'), (2, '[4,5,6]'), (3, NULL);
});
is_sql($node, q{SELECT id FROM items ORDER BY v OPERATOR(vecdot.<->) '[4,5,5]' LIMIT 1}, '2',
	'an operator named with its schema', database => 'shared');
is_sql($node, q{SET search_path = vecdot, public;
	SELECT id, v <-> '[1,2,2]' FROM items ORDER BY 2 LIMIT 1}, '1|1',
	'with the schema first in search_path the names are vecdot\'s', database => 'shared');
is_sql($node, q{SELECT v <-> v FROM public.old}, '42', 'the other type keeps its operator', database => 'shared');

# Relocation.
$node->safe_psql('shared', 'CREATE SCHEMA elsewhere; ALTER EXTENSION vecdot SET SCHEMA elsewhere');
is_sql($node, q{SET search_path = elsewhere, public;
	SELECT sum(v), avg(v) FROM items;
	SET search_path = pg_catalog, public;
	SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'items'::regclass AND attname = 'v'},
	"[5,7,9]|[2.5,3.5,4.5]\nelsewhere.vector(3)", 'ALTER EXTENSION SET SCHEMA moves the objects of a table in use',
	database => 'shared');
is_error($node, q{INSERT INTO items VALUES (4, '[1,2]')}, '22000', 'expected 3 dimensions, not 2',
	'the type modifier still holds after the move', database => 'shared');

# Nothing is preloaded: the first use loads the library, and only then its settings are known.
$node->safe_psql('postgres', 'CREATE EXTENSION vecdot');
is_sql($node, 'SHOW shared_preload_libraries; SHOW session_preload_libraries', "\n", 'nothing is preloaded');
is_sql($node, q{SELECT count(*) FROM pg_settings WHERE name LIKE 'vecdot.%';
	SELECT '[1]'::vector;
	SELECT count(*) > 0 FROM pg_settings WHERE name LIKE 'vecdot.%'}, "0\n[1]\nt",
	'the settings are there once the library is loaded');

# The instruction set.
my @supported = ('baseline');
my $lacking = 0;
foreach my $set ('avx2', 'avx512')
{
	my ($status, $output, $errors) =
	  $node->psql('postgres', "LOAD 'vecdot'; SET vecdot.instruction_set = $set; SHOW vecdot.instruction_set");
	if ($status == 0 && $errors eq '')
	{
		is($output, $set, "vecdot.instruction_set = $set takes effect");
		push @supported, $set;
	}
	else
	{
		like($errors, qr/invalid value for parameter "vecdot.instruction_set": "$set"\n.*widest it has is "$supported[-1]"/,
			"vecdot.instruction_set = $set, which the processor lacks, is refused and says what there is");
		$lacking++;
	}
}
is(@supported + $lacking, 3, 'each instruction set is either supported or refused');
is_sql($node, q{LOAD 'vecdot'; SHOW vecdot.instruction_set}, 'auto', 'the default is auto');
is_error($node, q{LOAD 'vecdot'; SET vecdot.instruction_set = 'sse9'}, '22023',
	'invalid value for parameter "vecdot.instruction_set": "sse9"', 'an unknown instruction set is refused');
my @answers = map {
	$node->safe_psql('postgres', qq{LOAD 'vecdot'; SET vecdot.instruction_set = $_;
		SELECT md5(string_agg((a <-> b)::text || (a <=> b)::text || (a \@ b)::text || (a <+> b)::text, ',' ORDER BY n))
		  FROM (SELECT n, (SELECT '[' || string_agg(sin(n * i)::text, ',') || ']' FROM generate_series(1, n) i)::vector AS a,
		               (SELECT '[' || string_agg(cos(n + i)::text, ',') || ']' FROM generate_series(1, n) i)::vector AS b
		          FROM generate_series(1, 150) n) v})
} @supported;
is(scalar(grep { $_ ne $answers[0] } @answers), 0, "the same bits under @supported");

# Misspelt settings: PostgreSQL can refuse them only once the library is loaded.
my ($status, $output, $errors) = $node->psql('postgres', q{SET vecdot.instruction_sett = 'avx2'; SELECT '[1]'::vector});
is($status, 0, 'a misspelt setting before the library is loaded is accepted');
like($errors, qr/WARNING:  invalid configuration parameter name "vecdot.instruction_sett", removing it/,
	'and becomes a warning when it is loaded');
is_error($node, q{LOAD 'vecdot'; SET vecdot.instruction_sett = 'avx2'}, '42602',
	'invalid configuration parameter name "vecdot.instruction_sett"', 'from then on it is an error');
($status, $output, $errors) = $node->psql('postgres', q{SET vecdot.instruction_set = 'sse9'; SELECT '[1]'::vector});
is($output, '[1]', 'a bad value before the library is loaded does not stop the session');
like($errors, qr/WARNING:  invalid value for parameter "vecdot.instruction_set": "sse9"/, 'and becomes a warning');

# A setting kept by the database.
$node->safe_psql('postgres', q{ALTER DATABASE shared SET vecdot.instruction_set = 'baseline'});
is_sql($node, q{SELECT '[1]'::elsewhere.vector; SHOW vecdot.instruction_set}, "[1]\nbaseline",
	'ALTER DATABASE SET keeps a setting of vecdot', database => 'shared');

$node->stop;
done_testing();
