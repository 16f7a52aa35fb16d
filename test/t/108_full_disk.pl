# A disk that is full, for one backend: prlimit says how large its files may get. INSERT fails cleanly and works again
# when there is room; VACUUM always gets through, frees what it can, and says what it left.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;

plan skip_all => 'prlimit is missing' if system('prlimit --version >/dev/null 2>&1') != 0;

# The log of transactions consists of files, too.
my $node = new_node('main', extra => ['--wal-segsize=1']);
$node->append_conf('postgresql.conf', q{
	autovacuum = off
	shared_buffers = 64MB
});
$node->start;

my $limit = 2 * 1024 * 1024;
my $blocks = $limit / 8192;
my $full = "SELECT pg_backend_pid() AS pid \\gset\n\\setenv PID :pid\n\\! prlimit --pid \$PID --fsize=$limit:\n";
my $room = "\\! prlimit --pid \$PID --fsize=unlimited:\n";

# The table is much smaller than its index, whose vectors are computed. Lengths grow.
$node->safe_psql('postgres', q{
	CREATE EXTENSION vecdot;
	CREATE FUNCTION vector_of(id int) RETURNS vector LANGUAGE sql IMMUTABLE STRICT SET search_path FROM CURRENT AS $$
		SELECT (SELECT array_agg(((1 + id / 500) * sin(id * (j + id % 13))) ORDER BY j) FROM generate_series(1, 64) j)::real[]::vector $$;
	-- Single INSERTs until some of them have failed: how many were done, and what the failures said.
	CREATE FUNCTION fill(name regclass, first int, failures int, OUT done int, OUT said text) LANGUAGE plpgsql AS $$
	DECLARE
		failed int := 0;
	BEGIN
		done := 0;
		WHILE failed < failures LOOP
			BEGIN
				EXECUTE format('INSERT INTO %s VALUES ($1)', name) USING first + done;
				done := done + 1;
			EXCEPTION WHEN others THEN
				failed := failed + 1;
				IF said IS NULL OR said NOT LIKE '%' || SQLERRM || '%' THEN
					said := concat_ws('; ', said, SQLERRM);
				END IF;
			END;
			IF done > 50000 THEN
				RAISE 'the disk is not full';
			END IF;
		END LOOP;
	END $$;
});

foreach my $kind (['TABLE', 'vector_l2_ops', 'a logged table'], ['UNLOGGED TABLE', 'vector_ip_ops', 'an unlogged one, whose rows grow'], ['TEMP TABLE', 'vector_cosine_ops', 'a temporary one'])
{
	my ($what, $operators, $name) = @$kind;
	subtest $name => sub {
		my $measure = "SELECT 'blocks ' || pg_relation_size('full_index') / 8192, 'age ' || age(relfrozenxid) FROM pg_class WHERE oid = 'full_disk'::regclass;\nSELECT vecdot_index_check('full_index', true) AS check;";
		my ($status, $output, $errors) = $node->psql('postgres', qq{
			$full
			CREATE $what full_disk (id int);
			CREATE INDEX full_index ON full_disk USING vecdot ((vector_of(id)::vector(64)) $operators);
			\\echo filled
			SELECT * FROM fill('full_disk', 1, 200);
			$measure
			$room
			\\echo one more, with room
			INSERT INTO full_disk SELECT -n FROM generate_series(1, 20) n;
			$measure
			$full
			\\echo half
			DELETE FROM full_disk WHERE id % 2 = 0;
			VACUUM (FREEZE) full_disk;
			VACUUM (FREEZE) full_disk;
			VACUUM (FREEZE) full_disk;
			$measure
			SELECT * FROM fill('full_disk', 100000, 20);
			$measure
			\\echo all
			DELETE FROM full_disk;
			VACUUM (FREEZE) full_disk;
			$measure
			\\echo again
			SELECT done > 2000, said FROM fill('full_disk', 1, 3);
			\\echo room at last
			$room
			VACUUM (FREEZE) full_disk;
			$measure
			INSERT INTO full_disk SELECT n FROM generate_series(1, 1000) n;
			DELETE FROM full_disk WHERE id > 500;
			VACUUM (FREEZE) full_disk;
			$measure
			SET enable_seqscan = off;
			SELECT count(*) = (SELECT count(*) FROM full_disk) FROM (SELECT 1 FROM full_disk ORDER BY vector_of(id)::vector(64) } . ($operators =~ /l2/ ? '<->' : $operators =~ /ip/ ? '<#>' : '<=>') . q{ vector_of(1)) t;
		}, extra_params => ['-A', '-t', '-F', ' ']);
		is($status, 0, 'psql');
		note $output;
		note $errors;
		my %part = map { /\A(.*)\n((?s).*)\z/ ? ($1, $2) : () } split(/^(?=filled|one more|half|all$|again|room at last)/m, $output);
		unlike($errors, qr/ERROR|PANIC|FATAL/, 'no statement fails');
		like($errors, qr/WARNING:  vacuum left parts of index "full_index" as they are, for lack of room\nDETAIL:  Its file cannot grow: could not extend file .*File too large.*\nHINT:  Check free disk space, and VACUUM again\./, 'VACUUM says what it left');
		my ($done, $said) = $part{filled} =~ /^(\d+) (.*)$/m;
		cmp_ok($done, '>', 2000, 'rows go in until the disk is full');
		like($said, qr/^could not extend file "[^;]*": File too large$/, 'one error, and no other');
		my ($size) = $part{filled} =~ /^blocks (\d+)/m;
		cmp_ok($size, '<=', $blocks, 'the file is no larger than allowed');
		foreach my $when ('half', 'all', 'room at last')
		{
			my ($age) = $part{$when} =~ /^blocks \d+ age (\d+)/m;
			cmp_ok($age, '<', 20, "$when: relfrozenxid advances");
		}
		($size) = $part{all} =~ /^blocks (\d+)/m;
		cmp_ok($size, '<', 40, 'all rows deleted: the blocks are given back');
		like($part{again}, qr/^t could not extend file/m, 'and can be used again');
		like($part{'room at last'}, qr/^t$/m, 'every row is found');
	};
	$node->safe_psql('postgres', 'DROP TABLE IF EXISTS full_disk');
}

done_testing();
