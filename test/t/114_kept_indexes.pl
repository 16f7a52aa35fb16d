# Indexes of every format that a release has written (test/format) are read, searched, inserted into, vacuumed, verified and
# recovered by this version. Each set's tables are made again, row for row, and the files of its indexes put in their place.
use strict;
use warnings;

use File::Basename;
use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;

my $node = new_node('main', extra => [ `pg_config --version` =~ / (\d+)/ && $1 >= 18 ? '--no-data-checksums' : () ]);
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_parallel_workers_per_gather = 0\n");
$node->start;
# Blocks that were free when a file was written are in the past here, too.
$node->safe_psql('postgres', 'DO $$ BEGIN FOR i IN 1..3000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$');

sub file_of
{
	my ($database, $index) = @_;
	return $node->data_dir . '/' . $node->safe_psql($database, "SELECT pg_relation_filepath('$index')");
}

sub write_pages
{
	my ($path, $pages) = @_;
	open my $file, '+<:raw', $path or die "$path: $!";
	truncate $file, 0;
	print $file $pages;
	close $file;
}

# What a set's queries find, by its indexes or by its tables.
my $by_index = 'SET vecdot.recall = 1; SET enable_seqscan = off;';
my $by_table = 'SET enable_indexscan = off; SET vecdot.search_node = off;';
my $all = q{SELECT c.oid::regclass FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE amname = 'vecdot' AND relkind = 'i' ORDER BY relname COLLATE "C"};

sub is_well
{
	my ($set, $when) = @_;
	my $queries = slurp_file("$set->{directory}/queries.sql");
	is($node->safe_psql($set->{name}, $by_index . $queries), $node->safe_psql($set->{name}, $by_table . $queries), "$set->{name}, $when: the indexes find what the tables have");
	is_sql($node, "SELECT count(vecdot_index_check(i, true)::text) FROM ($all) x (i)", scalar(@{ $set->{indexes} }), "$set->{name}, $when: the verifier finds nothing", database => $set->{name});
}

my @sets = map { { directory => $_, name => basename($_) } } sort glob(dirname(__FILE__) . '/../format/v*');
ok(@sets > 0, 'there are kept indexes');
foreach my $set (@sets)
{
	my ($directory, $name) = @$set{qw(directory name)};
	$set->{indexes} = [ map { basename($_, '.gz') } glob("$directory/*.gz") ];
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, 'CREATE EXTENSION vecdot; ' . slurp_file("$directory/setup.sql"));
	is_sql($node, $all, join("\n", @{ $set->{indexes} }), "$name: all indexes are kept", database => $name);
	my %files = map { $_ => file_of($name, $_) } @{ $set->{indexes} };
	$node->stop;
	foreach my $index (@{ $set->{indexes} })
	{
		my $pages;
		gunzip("$directory/$index.gz" => \$pages) or die "$index: $GunzipError";
		write_pages($files{$index}, $pages);
		$set->{pages}{$index} = $pages;
	}
	$node->start;

	my $queries = slurp_file("$directory/queries.sql");
	my $answers = slurp_file("$directory/answers") =~ s/\n\z//r;
	is($node->safe_psql($name, $by_index . $queries), $answers, "$name: the answers are those of the version that wrote the indexes");
	ok($node->poll_query_until($name, 'SELECT bool_and(idx_scan > 0) FROM pg_stat_user_indexes'), "$name: of every index");
	is_well($set, 'as kept');
	is_sql($node, "SELECT i, recall FROM ($all) x (i), vecdot_index_recall(i, 10, 20) WHERE recall < 0.9", '', "$name: their calibration is of use", database => $name);

	$node->safe_psql($name, slurp_file("$directory/changes.sql"));
	is_well($set, 'after inserts and a vacuum');
	# What was written since the last checkpoint is made again from the WAL, over the pages that were kept.
	$node->stop('immediate');
	$node->start;
	is_well($set, 'after a crash');
	$node->safe_psql($name, "REINDEX DATABASE $name");
	is_well($set, 'after REINDEX');
}

# What this version can't know: a newer format, a feature that a reader must know; and what it need not know. Where they
# stand has been so since version 2: behind page header, label and magic number.
my $set = $sets[-1];
my ($index, $database) = ($set->{indexes}[0], $set->{name});
my $table = $node->safe_psql($database, "SELECT indrelid::regclass FROM pg_index WHERE indexrelid = '$index'::regclass");
my %number = (version => 68, incompatible => 104, compatible => 108);
my @newer = (
	[ 'a newer version', 'version', 1000, 'format version 1000, this version of vecdot reads [0-9]+', 'written by a newer version of vecdot', 'install that version, or REINDEX' ],
	[ 'the version before 0.2.0', 'version', 1, 'format version 1, this version of vecdot reads [0-9]+', 'before 0\.2\.0', 'REINDEX' ],
	[ 'a feature that a reader must know', 'incompatible', 0x80000000, 'format features 80000000, this version of vecdot knows [0-9a-f]+', 'written by a newer version of vecdot', 'install that version, or REINDEX' ]);
my $newest = substr($set->{pages}{$index}, $number{version}, 4);
foreach my $case (@newer, [ 'a feature that a reader need not know', 'compatible', 0x80000000 ])
{
	my ($what, $where, $value, $message, $detail, $hint) = @$case;
	# As kept, in a table that has had more rows since: nothing but the first page is looked at.
	my $path = file_of($database, $index);
	$node->stop;
	my $pages = slurp_file($path);
	substr($pages, $number{$where}, 4) = pack('L<', $value);
	write_pages($path, $pages);
	$node->start;
	if ($message)
	{
		foreach my $statement ("SELECT vecdot_index_check('$index')", "SELECT * FROM vecdot_index_info('$index')", "INSERT INTO $table SELECT * FROM $table LIMIT 1", "VACUUM (INDEX_CLEANUP on) $table",
			$by_index . slurp_file("$set->{directory}/queries.sql"))
		{
			is_error($node, $statement, '0A000', "index \"$index\" has $message\nDETAIL:  .*$detail.*\nHINT:  .*$hint", "$what is refused: " . substr($statement, 0, 30), database => $database);
		}
		$node->safe_psql($database, "REINDEX INDEX $index");
		is_well($set, "$what: after REINDEX");
	}
	else
	{
		$node->safe_psql($database, "INSERT INTO $table SELECT * FROM $table LIMIT 1; VACUUM $table");
		is_well($set, $what);
	}
}
done_testing();
