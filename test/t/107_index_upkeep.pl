# What sessions that insert do to each other's upkeep, step by step: a test module makes one wait at a
# point of its way while others replace what it has found.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;

my $node = start_node_with_pauses('main', "autovacuum = off\nfsync = off\n");

sub sql { return $node->safe_psql('postgres', $_[0]); }


# Sessions wait where this one holds the lock of that number.
my $gate = $node->background_psql('postgres', on_error_stop => 1);
sub close_gate { $gate->query_safe('SELECT pg_advisory_lock(1)'); }
sub open_gate { $gate->query_safe('SELECT pg_advisory_unlock(1)'); }

# Sends a statement that will come to the point and wait there.
sub send_to_gate
{
	my ($session, $statement) = @_;
	$session->query_until(qr/sent/, "\\echo sent\n$statement;\n");
	$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted})
	  or die 'the session did not come to the point';
}

# Every row once, as the verifier and a scan that is exact have it.
sub is_whole
{
	my ($name, $row) = @_;
	$row //= 'noise(1, 4096)::vector';
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $count = sql('SELECT count(*) FROM items');
	is_sql($node, q{
		SET enable_seqscan = off; SET vecdot.recall = 1;
		SELECT vecdot_index_check('items_v', true);
		SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> } . $row . q{) t}, "\n$count|$count", $name);
}

# --- A cell's replacement between the look at the directory and the writing ------------------------

# So many dimensions that the directory is a piece of memory that the C library maps by itself: it is
# gone when it is freed.
sql(q{
	CREATE TABLE source (id integer, v vector(4096));
	INSERT INTO source SELECT n, noise(n, 4096) FROM generate_series(1, 1300) n;
});

sub make_items
{
	sql(q{
		DROP TABLE IF EXISTS items;
		CREATE TABLE items (id integer, v vector(4096));
		INSERT INTO items SELECT id, v FROM source WHERE id <= 700;
		CREATE INDEX items_v ON items USING vecdot (v vector_l2_ops);
	});
}

# A row that is unlike all others, whose inserter tries to start a cell, and one that is like them.
foreach my $case ([ 'unlike all', 30 ], [ 'like others', 1 ])
{
	my ($kind, $length) = @$case;
	my $row = "INSERT INTO items SELECT 0, ($length * noise(100000, 4096)::vector)";
	foreach my $replacement (
		[ 'every cell is written anew', 'DELETE FROM items WHERE id % 3 = 0', 'VACUUM items' ],
		[ 'cells are split and clustered anew', '', 'INSERT INTO items SELECT id, v FROM source WHERE id > 700' ],
		[ 'cells are started', '', 'INSERT INTO items SELECT id, 50 * v FROM source WHERE id BETWEEN 701 AND 720' ])
	{
		my ($name, $before, $meanwhile) = @$replacement;
		make_items();
		sql($before) if $before;
		my $session = $node->background_psql('postgres', on_error_stop => 1);
		# Its directory is in memory, and is looked at again in the statement that waits.
		$session->query_safe("INSERT INTO items SELECT -1, noise(100001, 4096)");
		$session->query_safe("SELECT pause_at('insert: routed', 1)");
		close_gate();
		send_to_gate($session, $row);
		sql($meanwhile);
		open_gate();
		$session->query_safe('SELECT 1');
		$session->quit;
		is_whole("a row $kind while $name: each row once");
		is_sql($node, q{SET enable_seqscan = off; SET vecdot.recall = 1; SELECT id FROM items ORDER BY v <-> (SELECT v FROM items WHERE id = 0) LIMIT 1}, '0', "a row $kind while $name: it is found");
	}
}

# --- Upkeep that is cancelled is not begun again by the next row -----------------------------------

# Rows in 20 clusters whose numbers go on for ever.
sql(q{
	CREATE FUNCTION clustered(n bigint, length float8 DEFAULT 1) RETURNS vector LANGUAGE sql IMMUTABLE AS
		$$ SELECT (length * (4 * noise(900000 + n % 20, 16)::vector + noise(n, 16)::vector)) $$;
});

my $first = 'SELECT n, clustered(n) FROM generate_series(1, 2000) n';
foreach my $case (
	# The point, the operator class, and rows of which one needs the upkeep.
	[ 'split', 'vector_l2_ops', 'SELECT n, clustered(900000) + (0.01 * noise(n, 16)::vector) FROM generate_series(2001, 2400) n' ],
	[ 'calibration', 'vector_l2_ops', 'SELECT n, clustered(n) FROM generate_series(2001, 6000) n' ],
	[ 'clustering', 'vector_l2_ops', 'SELECT n, clustered(n) FROM generate_series(2001, 8000) n' ],
	[ 'starting', 'vector_l2_ops', 'SELECT n, clustered(n, 30) FROM generate_series(2001, 2003) n' ],
	[ 'scale', 'vector_ip_ops', 'SELECT n, clustered(n, 30) FROM generate_series(2001, 2400) n' ])
{
	my ($point, $class, $more) = @$case;
	sql(qq{
		DROP TABLE IF EXISTS items;
		CREATE TABLE items (id integer, v vector(16));
		INSERT INTO items $first;
		CREATE INDEX items_v ON items USING vecdot (v $class);
	});
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	my $reached = sub { return $session->query_safe('SELECT pause_reached()'); };
	$session->query_safe("SELECT pause_at('upkeep: $point', 1)");
	close_gate();
	send_to_gate($session, "INSERT INTO items $more");
	sql("SELECT pg_cancel_backend($pid)");
	$session->query('SELECT 1');
	like($session->{stderr}, qr/canceling statement due to user request/, "$point: the row that needs it is cancelled in it");
	$session->{stderr} = '';
	open_gate();

	# What was rolled back is in the index as before, so the next such row finds the need again: at once,
	# or when it makes another cell.
	my $cells = sql(q{SELECT cells FROM vecdot_index_info('items_v')});
	$session->query_safe("SELECT pause_at('upkeep: $point', 1)");
	if ($point =~ /^cal|^clu/)
	{
		$session->query_safe(qq{
			DO \$\$
			DECLARE
				item items;
			BEGIN
				FOR item IN $more LOOP
					INSERT INTO items SELECT (item).*;
					EXIT WHEN (SELECT cells > $cells FROM vecdot_index_info('items_v'));
				END LOOP;
			END \$\$});
		is(sql(q{SELECT cells FROM vecdot_index_info('items_v')}), $cells + 1, "$point: there is another cell");
	}
	else
	{
		$session->query_safe("INSERT INTO items $more LIMIT 1");
	}
	is($reached->(), '0', "$point: the next row leaves it alone");
	if ($point eq 'calibration')
	{
		$session->query_safe('VACUUM items');
		is($reached->(), '1', "$point: vacuum does it");
	}
	elsif ($point ne 'starting')
	{
		$session->query_safe('INSERT INTO items ' . $more =~ s/SELECT n/SELECT 10000 + n/r);
		cmp_ok($reached->(), '>=', 1, "$point: it is tried again when there are more rows");
	}
	is_whole("$point: each row once", 'clustered(1)') if $class eq 'vector_l2_ops';
	$session->quit;
}

$gate->quit;
$node->stop;
done_testing();
