# What the tests of the index under load share: a table, functions that compare an index scan with the
# table within one snapshot, and pgbench scripts that write to the table in every way there is.
package IndexLoad;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(create_items compare_items is_consistent start_load finish_load errors_of_log %scripts);

# Rows in clusters that wander as numbers grow, so that cells split; every seventh repeats another. offset: added
# to all coordinates.
sub create_items
{
	my ($node, %parameters) = @_;
	my $dimensions = $parameters{dimensions} // 8;
	my $rows = $parameters{rows} // 0;
	my $offset = $parameters{offset} // 0;
	my $persistence = $parameters{unlogged} ? 'UNLOGGED' : '';
	$node->safe_psql('postgres', qq{
		CREATE EXTENSION IF NOT EXISTS vecdot;
		CREATE FUNCTION random_vector(number bigint) RETURNS vector LANGUAGE sql VOLATILE AS \$\$
			SELECT CASE WHEN random() < 0.005 THEN NULL WHEN random() < 0.005 THEN array_fill(0, '{$dimensions}')::vector
			       ELSE (SELECT array_agg(($offset + 10 * sin(n * (number / 200 % 37 + 1)) + CASE WHEN number % 7 = 0 THEN 0 ELSE random() END)::real ORDER BY n)
			               FROM generate_series(1, $dimensions) n)::vector END \$\$;
		CREATE SEQUENCE numbers;
		CREATE $persistence TABLE items (id bigint PRIMARY KEY DEFAULT nextval('numbers'), counter int NOT NULL DEFAULT 0, v vector($dimensions)) WITH (fillfactor = 80, autovacuum_enabled = off);
		INSERT INTO items (v) SELECT random_vector(n) FROM generate_series(1, $rows) n;
		CREATE INDEX items_l2 ON items USING vecdot (v vector_l2_ops);
		CREATE INDEX items_cosine ON items USING vecdot (v, id) WITH (refine_bits = 4);

		-- One statement, so one snapshot: the nearest by the index and by the table, and whether every row comes once.
		CREATE FUNCTION wrong_answer(query vector, count int, recall float8) RETURNS text LANGUAGE plpgsql AS \$\$
		DECLARE
			by_index float8[];
			by_table float8[];
			ids bigint;
			distinct_ids bigint;
			of_table bigint;
			beyond bigint := random() * (SELECT last_value FROM numbers);
			sum_index numeric;
			sum_table numeric;
		BEGIN
			PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'on', true), set_config('jit', 'off', true), set_config('vecdot.recall', recall::text, true);
			IF recall = 1 THEN
				-- No count(DISTINCT ...) beside it: PostgreSQL 16 and later sort the rows for that first.
				SELECT a.d, b.d INTO by_index, by_table
				  FROM (SELECT array_agg(d) AS d FROM (SELECT v <-> query AS d FROM items ORDER BY v <-> query LIMIT count) t) a,
				       (SELECT array_agg(d) AS d FROM (SELECT v <-> query AS d FROM items ORDER BY (v <-> query) + 0 LIMIT count) t) b;
				IF by_index IS DISTINCT FROM by_table THEN
					RETURN format('distances by index %s, by table %s', by_index, by_table);
				END IF;
				SELECT a.d, b.d INTO by_index, by_table
				  FROM (SELECT array_agg(d) AS d FROM (SELECT v <=> query AS d FROM items ORDER BY v <=> query LIMIT count) t) a,
				       (SELECT array_agg(d) AS d FROM (SELECT v <=> query AS d FROM items ORDER BY (v <=> query) + 0 LIMIT count) t) b;
				IF by_index IS DISTINCT FROM by_table THEN
					RETURN format('cosine distances by index %s, by table %s', by_index, by_table);
				END IF;
				PERFORM set_config('vecdot.filter_way', 'last', true);
				SELECT a.d, b.d INTO by_index, by_table
				  FROM (SELECT array_agg(d) AS d FROM (SELECT v <=> query AS d FROM items WHERE id > beyond ORDER BY v <=> query LIMIT count) t) a,
				       (SELECT array_agg(d) AS d FROM (SELECT v <=> query AS d FROM items WHERE id > beyond ORDER BY (v <=> query) + 0 LIMIT count) t) b;
				IF by_index IS DISTINCT FROM by_table THEN
					RETURN format('cosine distances beyond %s by index %s, by table %s', beyond, by_index, by_table);
				END IF;
				-- Few rows, so that most cells have none.
				SELECT a.d, b.d INTO by_index, by_table
				  FROM (SELECT array_agg(d) AS d FROM (SELECT v <=> query AS d FROM items WHERE id BETWEEN beyond AND beyond + 9 ORDER BY v <=> query LIMIT count) t) a,
				       (SELECT array_agg(d) AS d FROM (SELECT v <=> query AS d FROM items WHERE id BETWEEN beyond AND beyond + 9 ORDER BY (v <=> query) + 0 LIMIT count) t) b;
				IF by_index IS DISTINCT FROM by_table THEN
					RETURN format('cosine distances at %s by index %s, by table %s', beyond, by_index, by_table);
				END IF;
			ELSE
				SELECT a.n, a.u, a.s, b.n, b.s INTO ids, distinct_ids, sum_index, of_table, sum_table
				  FROM (SELECT count(*) AS n, count(DISTINCT id) AS u, sum(id) AS s FROM (SELECT id FROM items ORDER BY v <-> query) t) a,
				       (SELECT count(*) AS n, sum(id) AS s FROM items) b;
				IF ids <> distinct_ids OR ids <> of_table OR sum_index IS DISTINCT FROM sum_table THEN
					RETURN format('%s rows, %s different ones, of %s', ids, distinct_ids, of_table);
				END IF;
			END IF;
			RETURN NULL;
		END \$\$;
		CREATE FUNCTION search(recall float8) RETURNS void LANGUAGE plpgsql AS \$\$
		DECLARE
			problem text := wrong_answer(coalesce(random_vector((random() * 100000)::bigint), random_vector(77), array_fill(1, '{$dimensions}')::vector), 1 + (random() * random() * 200)::int, recall);
		BEGIN
			IF problem IS NOT NULL THEN
				RAISE EXCEPTION 'wrong answer: %', problem;
			END IF;
		END \$\$;
	});
}

# Everything that can be said of a table at rest.
sub compare_items
{
	my ($node) = @_;
	my $verifier = $node->safe_psql('postgres', q{SELECT count(*) FROM pg_proc WHERE proname = 'vecdot_index_check'});
	my $problems = $node->safe_psql('postgres', q{
		SELECT setseed(0.5);
		SELECT DISTINCT p FROM generate_series(1, 12) i, LATERAL (SELECT wrong_answer(v, 100, CASE WHEN i % 3 = 0 THEN 0.9 ELSE 1 END) AS p
		  FROM (SELECT v FROM items WHERE v IS NOT NULL AND i > 0 ORDER BY random() LIMIT 1) t) x WHERE p IS NOT NULL;
	});
	if ($verifier)
	{
		my ($status, $output, $errors) = $node->psql('postgres',
			q{SELECT vecdot_index_check(indexrelid, true) FROM pg_index i JOIN pg_class c ON c.oid = indexrelid JOIN pg_am a ON a.oid = relam WHERE amname = 'vecdot' AND indisvalid});
		$problems .= "\n$errors" if $status;
	}
	$problems =~ s/^\s+|\s+$//g;
	return $problems;
}

sub is_consistent
{
	my ($node, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(compare_items($node), '', $name);
}

# pgbench scripts by name. Rows belong to their updater, so that two of them never wait for one another.
our %scripts = (
	insert => q{
		INSERT INTO items (v) VALUES (random_vector(:client_id * 3000 + random(1, 20000)));
	},
	batch => q{
		BEGIN;
		INSERT INTO items (v) SELECT random_vector(nextval('numbers')) FROM generate_series(1, random(1, 200));
		SAVEPOINT a;
		INSERT INTO items (v) SELECT random_vector(n) FROM generate_series(1, 10) n;
		ROLLBACK TO a;
		INSERT INTO items (v) SELECT random_vector(n) FROM generate_series(1, 3) n;
		END;
	},
	rollback => q{
		BEGIN;
		INSERT INTO items (v) SELECT random_vector(n) FROM generate_series(1, 50) n;
		UPDATE items SET v = random_vector(id) WHERE id IN (SELECT id FROM items ORDER BY id DESC LIMIT 30 FOR UPDATE SKIP LOCKED);
		ROLLBACK;
	},
	# The vector changes, or only a column beside it (by a HOT update where the page has room).
	update => q{
		UPDATE items SET v = random_vector(id) WHERE id = (SELECT (min(id) + random() * (max(id) - min(id)))::bigint / 4 * 4 + :client_id FROM items);
		UPDATE items SET counter = counter + 1 WHERE id = (SELECT (min(id) + random() * (max(id) - min(id)))::bigint / 4 * 4 + :client_id FROM items);
	},
	# The rows nearest to something, unless another has them.
	nearest => q{
		UPDATE items SET counter = counter + 1, v = CASE WHEN random() < 0.5 THEN v ELSE random_vector(id) END
		 WHERE id IN (SELECT id FROM items ORDER BY v <-> (SELECT random_vector((random() * 10000)::bigint)) LIMIT 5 FOR UPDATE SKIP LOCKED);
	},
	delete => q{
		DELETE FROM items WHERE id IN (SELECT id FROM items WHERE id % 5 = (random() * 5)::int ORDER BY id LIMIT (SELECT greatest(0, count(*) - 15000) / 4 FROM items) FOR UPDATE SKIP LOCKED);
		\sleep 200 ms
	},
	vacuum => q{
		VACUUM items;
		\sleep 50 ms
	},
	prepared => q{
		BEGIN;
		INSERT INTO items (v) SELECT random_vector(n) FROM generate_series(1, 20) n;
		PREPARE TRANSACTION 'load :client_id';
		\sleep 20 ms
		COMMIT PREPARED 'load :client_id';
	},
	search => q{
		SELECT search(1);
	},
	drain => q{
		SELECT search(0.9);
		SELECT search(0.5);
	},
	# An old snapshot that sees the same rows as long as it lives.
	repeatable => q{
		BEGIN ISOLATION LEVEL REPEATABLE READ;
		SELECT search(1);
		SELECT pg_sleep(0.3);
		SELECT search(1);
		SELECT search(0.8);
		SELECT pg_sleep(0.5);
		SELECT search(1);
		END;
	},
	cursor => q{
		BEGIN;
		SET LOCAL enable_seqscan = off;
		DECLARE c NO SCROLL CURSOR FOR SELECT id FROM items ORDER BY v <-> (SELECT v FROM items WHERE v IS NOT NULL LIMIT 1);
		MOVE 100 IN c;
		SELECT pg_sleep(0.2);
		MOVE 1000 IN c;
		SELECT pg_sleep(0.2);
		MOVE ALL IN c;
		END;
	},
	reindex => q{
		REINDEX INDEX CONCURRENTLY items_cosine;
		\sleep 3 s
	},
	checkpoint => q{
		CHECKPOINT;
		\sleep 700 ms
	},
);
# In pgbench a random number is a variable's.
$scripts{insert} = "\\set r random(1, 20000)\nINSERT INTO items (v) VALUES (random_vector(:client_id * 3000 + :r));\n";
$scripts{batch} =~ s/^/\\set r random(1, 200)\n/;
$scripts{batch} =~ s/random\(1, 200\)\)/:r)/;
$scripts{prepared} =~ s/'load :client_id'/'load_client'/g;

# Starts pgbench for these scripts; name => clients. Returns what finish_load waits for.
sub start_load
{
	my ($node, $seconds, $clients, %parameters) = @_;
	my @jobs;
	foreach my $name (sort keys %$clients)
	{
		my $file = "$PostgreSQL::Test::Utils::tmp_check/$name-" . ($parameters{name} // 'load') . '.sql';
		my $script = $scripts{$name} // die "no script $name";
		$script =~ s/^\s+//mg;
		open(my $handle, '>', $file) or die "$file: $!";
		print $handle $script;
		close($handle);
		my ($output, $errors) = ('', '');
		my @command = ('pgbench', '-n', '-h', $node->host, '-p', $node->port, '-c', $clients->{$name},
			'-T', $seconds, '-f', $file, @{ $parameters{options} // [] }, 'postgres');
		my $run = IPC::Run::start(\@command, '<', \undef, '>', \$output, '2>', \$errors);
		push @jobs, { name => $name, run => $run, output => \$output, errors => \$errors };
	}
	return \@jobs;
}

# Waits for the end, which is a test for each script unless quiet.
sub finish_load
{
	my ($jobs, %parameters) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	foreach my $job (@$jobs)
	{
		IPC::Run::finish($job->{run});
		next if $parameters{quiet};
		my ($transactions) = ${ $job->{output} } =~ /transactions actually processed: (\d+)/;
		my @errors = grep { !/^pgbench \(|^$/ } split /\n/, ${ $job->{errors} };
		# What a connection says that ends in an allowed way is not looked at.
		@errors = grep { /ERROR|FATAL/ && !/$parameters{allowed}/ } @errors if defined $parameters{allowed};
		my $name = (defined $parameters{name} ? "$parameters{name}, " : '') . $job->{name};
		is(join("\n", @errors), '', "$name: no error" . (defined $transactions ? " in $transactions transactions" : ''));
		cmp_ok($transactions // 0, '>', 0, "$name: has done something") unless defined $parameters{allowed};
	}
}

# Lines of the server's log that a healthy server under this load does not write.
sub errors_of_log
{
	my ($node, $allowed) = @_;
	my $log = slurp_file($node->logfile);
	return join("\n", grep { /(ERROR|FATAL|PANIC|TRAP|WARNING):?/ && !(defined $allowed && /$allowed/) } split /\n/, $log);
}

1;
