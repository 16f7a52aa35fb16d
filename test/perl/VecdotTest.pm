# What the TAP tests share: a node whose server finds the vecdot that is being tested.
package VecdotTest;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(new_node start_node start_node_with_pauses is_sql is_error);

# An initialised node, not started, without upkeep in the background. VECDOT_CONF, or the parameter conf, names a file of settings that lead to an
# installation below a directory; without it vecdot has to be installed in the server's own directories.
sub new_node
{
	my ($name, %parameters) = @_;
	my $conf = delete $parameters{conf} // $ENV{VECDOT_CONF};
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(%parameters);
	$node->append_conf('postgresql.conf', slurp_file($conf)) if $conf;
	# What an insert makes due is done when it ends, unless a test is about the background worker.
	$node->append_conf('postgresql.conf', 'vecdot.background_upkeep = off');
	return $node;
}

sub start_node
{
	my $node = new_node(@_);
	$node->start;
	return $node;
}

# A node with vecdot and the functions of the test module pause_test, and noise(seed, n): n numbers in 0..1, the same
# everywhere. Without the module the whole test is skipped.
sub start_node_with_pauses
{
	my ($name, $settings) = @_;
	my $node = new_node($name);
	$node->append_conf('postgresql.conf', $settings);
	$node->start;
	my ($status) = $node->psql('postgres', "LOAD 'pause_test'");
	if ($status)
	{
		$node->stop;
		plan skip_all => 'the test module pause_test (make test-modules) is not on the library path';
	}
	$node->safe_psql('postgres', q{
		CREATE EXTENSION vecdot;
		CREATE FUNCTION pause_at(text, bigint) RETURNS void AS 'pause_test' LANGUAGE C STRICT;
		CREATE FUNCTION pause_reached() RETURNS bigint AS 'pause_test' LANGUAGE C STRICT;
		CREATE FUNCTION noise(seed bigint, n bigint) RETURNS real[] LANGUAGE sql IMMUTABLE AS
			$$ SELECT array_agg((hashint8extended(seed * 1000 + i, 7) & 1048575) / 1048576.0 ORDER BY i)::real[] FROM generate_series(1, n) i $$;
	});
	return $node;
}

# The output of a query, psql's unaligned form.
sub is_sql
{
	my ($node, $query, $expected, $name, %parameters) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $database = delete $parameters{database} // 'postgres';
	my ($status, $output, $errors) = $node->psql($database, $query, %parameters);
	is($output . ($status ? "\n$errors" : ''), $expected, $name);
}

# A query fails with this SQLSTATE and a message like this.
sub is_error
{
	my ($node, $query, $sqlstate, $message, $name, %parameters) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $database = delete $parameters{database} // 'postgres';
	my ($status, $output, $errors) =
	  $node->psql($database, "\\set VERBOSITY verbose\n$query", on_error_stop => 1, %parameters);
	like($errors, qr/ERROR:  \Q$sqlstate\E: .*$message/s, $name);
}

1;
