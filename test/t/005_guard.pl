# Exceptions become errors with an SQLSTATE, the backend lives on, and errors leave no memory behind.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;

my $node = start_node('main');
my ($status) = $node->psql('postgres', "LOAD 'guard_test'");
if ($status)
{
	$node->stop;
	plan skip_all => 'the test module guard_test (make test-modules) is not on the library path';
}
$node->safe_psql('postgres', q{
	CREATE EXTENSION vecdot;
	CREATE FUNCTION guard_raise(text, integer DEFAULT 0) RETURNS integer AS 'guard_test' LANGUAGE C STRICT;
	CREATE FUNCTION guard_report() RETURNS integer AS 'guard_test' LANGUAGE C;
	CREATE FUNCTION guard_owners() RETURNS integer AS 'guard_test' LANGUAGE C;
	CREATE FUNCTION guard_wait() RETURNS boolean AS 'guard_test' LANGUAGE C;
	-- The backend's own resident memory in kB, without the pages it shares with others.
	CREATE FUNCTION resident() RETURNS integer LANGUAGE sql AS
		$$ SELECT substring(pg_read_file('/proc/self/status', 0, 8000) FROM 'RssAnon:\s+(\d+)')::integer $$;
});

is_sql($node, "SELECT guard_raise('nothing', 3)", '1', 'what does not throw returns its value');
is_error($node, "SELECT guard_raise('bad_alloc');", '53200', 'out of memory', 'bad_alloc');
is_error($node, "SELECT guard_raise('new', 5);", '53200', 'out of memory', 'bad_alloc of operator new');
is_error($node, "SELECT guard_raise('arena');", '53200', 'out of memory', 'bad_alloc of an arena over a memory context');
is_error($node, "SELECT guard_raise('exception', 5);", 'XX000', 'injected: 100 %s of it', 'a standard exception, its text no format');
is_error($node, "SELECT guard_raise('long exception');", 'XX000', 'y{500,511}\n', 'a message too long is cut');
is_error($node, "SELECT guard_raise('number');", 'XX000', 'unknown C\+\+ exception', 'something that is no exception');
is_error($node, "SELECT guard_raise('error');", '22003', 'injected value 7 of nine', 'an error of the core');
is_error($node, "SELECT guard_raise('detailed error');", 'XX002', "injected corruption\nDETAIL:  This is the detail.\nHINT:  This is the hint.",
	'with detail and hint');
is_error($node, "SELECT guard_raise('cancelled');", '57014', 'cancelled by nobody', 'cancelled, though nobody asked');
is_error($node, 'SELECT guard_report();', '22012', 'reported inside the guard', 'an error of PostgreSQL passes through');

# One session, all kinds: it is the same backend afterwards, in and out of subtransactions.
my $kinds = "ARRAY['bad_alloc','new','arena','exception','long exception','number','error','detailed error','cancelled']";
is_sql($node, qq{
	CREATE TEMP TABLE backend AS SELECT pg_backend_pid() AS pid;
	CREATE TEMP TABLE states (kind text, state text);
	DO \$\$
	DECLARE kind text;
	BEGIN
		FOREACH kind IN ARRAY $kinds LOOP
			BEGIN
				PERFORM guard_raise(kind, 9);
			EXCEPTION WHEN OTHERS OR query_canceled THEN
				INSERT INTO states VALUES (kind, SQLSTATE);
			END;
		END LOOP;
	END \$\$;
	SELECT string_agg(state, ' ' ORDER BY kind), (SELECT pid = pg_backend_pid() FROM backend), guard_owners() FROM states},
	'53200 53200 57014 XX002 22003 XX000 XX000 53200 XX000|t|0',
	'each kind in a subtransaction; the backend lives on; every destructor has run');

# Cancelling reaches C++ code that polls, and is the server's own error.
is_error($node, "SET statement_timeout = 200; SELECT guard_wait();", '57014', 'canceling statement due to statement timeout', 'a statement that times out');

# 10,000 errors in one session, as statements of their own and in subtransactions.
foreach my $case (
	[ 'injected bad_alloc', "SELECT guard_raise('bad_alloc', 5);" ],
	[ 'injected exception', "SELECT guard_raise('exception', 5);" ],
	[ 'an error of the core', "SELECT guard_raise('detailed error', 5);" ],
	[ 'different dimensions', "SELECT '[1,2]'::vector <-> '[1,2,3]';" ],
	[ 'bad text', "SELECT '[1,2,x]'::vector;" ])
{
	my ($name, $statement) = @$case;
	my $script = "\\set VERBOSITY terse\n" . "$statement\n" x 500 . "SELECT resident() AS before, guard_owners() AS owners \\gset\n" . "$statement\n" x 10000
	  . "SELECT resident() - :before, guard_owners();\n";
	my ($ignored, $output, $errors) = $node->psql('postgres', $script, on_error_stop => 0);
	my $count = () = $errors =~ /ERROR:/g;
	is($count, 10500, "$name: 10,500 errors in one session");
	my ($growth, $owners) = split /\|/, $output;
	cmp_ok($growth, '<=', 512, "$name: memory has not grown (by $growth kB)");
	is($owners, 0, "$name: every destructor has run");
}
my $growth = $node->safe_psql('postgres', q{
	CREATE FUNCTION fail(times integer) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1..times LOOP
			BEGIN
				PERFORM guard_raise(CASE WHEN i % 2 = 0 THEN 'bad_alloc' ELSE 'error' END, 3);
			EXCEPTION WHEN OTHERS THEN
			END;
		END LOOP;
	END $$;
	SELECT fail(500);
	SELECT resident() AS before \gset
	SELECT fail(10000);
	SELECT resident() - :before;
});
$growth =~ s/\s+//g;
cmp_ok($growth, '<=', 512, "10,000 errors in subtransactions: memory has not grown (by $growth kB)");

$node->stop;
done_testing();
