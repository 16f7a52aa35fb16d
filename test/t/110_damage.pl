# Damaged indexes: vecdot_index_check names the block, searches, inserts and VACUUM give an error or go
# on, and nothing brings the server down or hangs. Without data checksums, which would see most of it first.
# VECDOT_DAMAGE_ROUNDS and VECDOT_DAMAGE_SEED choose the random part.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;

my $rounds = $ENV{VECDOT_DAMAGE_ROUNDS} // 200;
my $seed = $ENV{VECDOT_DAMAGE_SEED} // 1;

my $node = new_node('main');
$node->append_conf('postgresql.conf', "autovacuum = off\nrestart_after_crash = off\nfsync = off\n");
$node->start;
my ($status) = $node->psql('postgres', "LOAD 'damage_test'");
if ($status)
{
	$node->stop;
	plan skip_all => 'the test module damage_test (make test-modules) is not on the library path';
}

# --- an index with everything in it: lists, long rows, dead rows, cells of several extents, free blocks ---

my %operator = (cosine => '<=>', l2 => '<->', ip => '<#>');
my @metrics = sort keys %operator;
my $dimensions = 24;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION vecdot;
	CREATE FUNCTION damage_pages(regclass) RETURNS bytea AS 'damage_test' LANGUAGE C STRICT;
	CREATE FUNCTION damage_restore(regclass, bytea) RETURNS void AS 'damage_test' LANGUAGE C STRICT;
	CREATE FUNCTION damage_write(regclass, integer, integer, bytea) RETURNS void AS 'damage_test' LANGUAGE C STRICT;
	CREATE FUNCTION damage_resize(regclass, integer) RETURNS void AS 'damage_test' LANGUAGE C STRICT;
	CREATE FUNCTION noise(seed integer) RETURNS vector LANGUAGE sql IMMUTABLE AS
		\$\$ SELECT array_agg(sin(seed * i::float8) + seed % 5)::real[]::vector FROM generate_series(1, $dimensions) i \$\$;
	CREATE TABLE items (id integer, v vector($dimensions));
	INSERT INTO items SELECT i, noise(i) FROM generate_series(1, 1200) i;
});
foreach my $metric (@metrics)
{
	$node->safe_psql('postgres', "CREATE INDEX items_$metric ON items USING vecdot (v vector_${metric}_ops" . ($metric eq 'cosine' ? ') WITH (refine_bits = 4)' : $metric eq 'l2' ? ', id)' : ')'));
}
$node->safe_psql('postgres', qq{
	INSERT INTO items SELECT i, noise(i) * ('[' || repeat('3,', $dimensions - 1) || '3]')::vector FROM generate_series(1201, 2000) i;
	INSERT INTO items VALUES (0, NULL), (0, ('[' || repeat('0,', $dimensions - 1) || '0]')::vector),
		(0, ('[' || repeat('3e38,', $dimensions - 1) || '3e38]')::vector);
	INSERT INTO items (id) SELECT 0 FROM generate_series(1, 900);
	DELETE FROM items WHERE id % 9 = 4;
	VACUUM (INDEX_CLEANUP ON) items;
	INSERT INTO items SELECT i, noise(i) FROM generate_series(2001, 2500) i;
	CREATE TABLE pristine (metric text, image bytea);
	CREATE TABLE other (v vector($dimensions));
	INSERT INTO other SELECT noise(i) FROM generate_series(1, 700) i;
	CREATE INDEX other_index ON other USING vecdot (v);
	CHECKPOINT;
});
my %pages;
foreach my $metric (@metrics, 'other')
{
	my $index = $metric eq 'other' ? 'other_index' : "items_$metric";
	is_sql($node, "SELECT vecdot_index_check('$index', true)", '', "$index is well before it is damaged");
	my $image = pack('H*', $node->safe_psql('postgres', "SELECT encode(damage_pages('$index'), 'hex')"));
	$pages{$metric} = [ unpack('(a8192)*', $image) ];
	$node->safe_psql('postgres', "INSERT INTO pristine VALUES ('$metric', damage_pages('$index'))") if $metric ne 'other';
}
my $start = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');

# --- pages as the tests see them ------------------------------------------------------------------

# Where the numbers of the meta page stand: offsets in its payload.
my %meta = (version => 4, metric => 8, dimensions => 12, padded => 16, scale => 32, incompatible => 40, compatible => 44, keys => 48, reserved => 64,
	next_generation => 104, allocated => 112, slots => 116, free_count => 124, slot_pages => 144, centroid_pages => 252, free_pages => 360,
	free_active => 576, has_origin => 580, origin => 584, frozen => 600, retired_slots => 604, retired_next => 608, retired_origin => 1960,
	summaries => 1968, retired_summaries => 1992);
my $extents = 64 + 32;    # of a cell's header, which ends
my $centroid = 64 + 512;  # where its centroid begins

my @kinds = (undef, qw(meta head address code refine slots centroids free_list origin keys summaries));

sub label
{
	my ($page) = @_;
	my ($magic, $kind, undef, $cell, $position, $generation) = unpack('x24 L S S L L Q', $page);
	return undef if $magic != 0x76646f74;
	return { kind => $kinds[$kind], cell => $cell, position => $position, generation => $generation };
}

# Blocks of pages that are in use, by kind: those of cells that live and of the directory.
sub blocks_of
{
	my ($metric) = @_;
	my @list = @{ $pages{$metric} };
	# Pages of the directory, by the meta page: those of one that was replaced may still be there.
	my %current;
	foreach my $offset ($meta{slot_pages}, $meta{centroid_pages})
	{
		my ($count, @start) = unpack('L L26', substr($list[0], 64 + $offset, 108));
		foreach my $k (0 .. $count - 1)
		{
			$current{ $start[$k] + $_ } = 1 foreach 0 .. 2**$k - 1;
		}
	}
	my ($origin, $origin_pages) = unpack('L L', substr($list[0], 64 + $meta{origin}, 8));
	$current{ $origin + $_ } = 1 foreach 0 .. $origin_pages - 1;
	my %generation;    # of live cells by slot
	foreach my $block (sort { $a <=> $b } keys %current)
	{
		my $page = $list[$block] // next;
		my $label = label($page) or next;
		next unless $label->{kind} eq 'slots';
		for my $i (0 .. 126)
		{
			my ($state, undef, undef, $generation) = unpack('S S L Q', substr($page, 64 + 64 * $i, 64));
			$generation{ 127 * $label->{position} + $i } = $generation if $state == 1;
		}
	}
	my %blocks;
	foreach my $block (0 .. $#list)
	{
		my $label = label($list[$block]) or next;
		next if $label->{kind} =~ /^(slots|centroids|origin)$/ && !$current{$block};
		my $generation = $label->{kind} eq 'summaries' ? unpack('Q', substr($list[0], 64 + $meta{summaries} + 16, 8)) : $generation{ $label->{cell} } // 0;
		next if $label->{generation} && $generation != $label->{generation};
		push @{ $blocks{ $label->{kind} } }, $block;
	}
	# The free list's pages that are in use: of one of the two arrays.
	my ($active) = unpack('L', substr($list[0], 64 + $meta{free_active}, 4));
	$blocks{free_list} = [ unpack('L', substr($list[0], 64 + $meta{free_pages} + 108 * $active + 4, 4)) ];
	return \%blocks;
}
my %blocks = map { $_ => blocks_of($_) } @metrics;
ok($blocks{l2}{origin}, 'there is an origin');
note join ', ', map { "$_: " . scalar @{ $blocks{l2}{$_} } } sort keys %{ $blocks{l2} };

sub restore
{
	my ($metric) = @_;
	return "SELECT damage_restore('items_$metric', (SELECT image FROM pristine WHERE metric = '$metric'));\n";
}

sub write_bytes
{
	my ($metric, $block, $offset, $bytes) = @_;
	return "SELECT damage_write('items_$metric', $block, $offset, '\\x" . unpack('H*', $bytes) . "');\n";
}

# What a session does to an index that may be damaged. Every statement may fail, none may hang.
sub workload
{
	my ($metric) = @_;
	my $query = "'[" . join(',', map { sprintf '%.2f', sin(7 * $_) } 1 .. $dimensions) . "]'";
	my $order = "ORDER BY v $operator{$metric} $query";
	return join "\n", 'SET enable_seqscan = off; SET enable_sort = off;',
	  (map { "SET vecdot.recall = $_; SELECT 'rows', count(*) FROM (SELECT id FROM items $order LIMIT 30) t;" } qw(0.5 0.99 0.9999 1)),
	  (map { "SET vecdot.recall = $_; SELECT 'rows', count(*) FROM (SELECT id FROM items $order) t;" } qw(0.9 1)),
	  (map { my $recall = $_; map { "SET vecdot.recall = $recall; SELECT 'some', count(*) FROM (SELECT id FROM items WHERE id $_ $order LIMIT 30) t;" } '> 1000', '= 7' } qw(0.9 1)),
	  'SELECT \'rows\', count(*) FROM (SELECT id FROM items ORDER BY v ' . $operator{$metric} . ' NULL::vector LIMIT 3000) t;',
	  'BEGIN; INSERT INTO items SELECT i, noise(i) FROM generate_series(3000, 3020) i; ROLLBACK;',
	  'BEGIN; INSERT INTO items SELECT i, noise(5) FROM generate_series(3000, 3200) i; ROLLBACK;',
	  'BEGIN; INSERT INTO items VALUES (0, NULL); ROLLBACK;',
	  'VACUUM (INDEX_CLEANUP ON) items;';
}

# Runs it; returns the SQLSTATEs of the errors, and their text. The other indexes are away meanwhile.
sub run_damaged
{
	my ($metric, $damage, $after) = @_;
	my ($output, $errors) = ('', '');
	my $script = "SET statement_timeout = '20s';\n\\set VERBOSITY verbose\n" . restore($metric) . $damage
	  . "\\echo first check\n\\warn first check\nSELECT vecdot_index_check('items_$metric', true);\n\\warn first check ended\n"
	  . workload($metric) . "\nSELECT vecdot_index_check('items_$metric');\n" . ($after // '');
	my $result = eval {
		$node->psql('postgres', $script, stdout => \$output, stderr => \$errors, on_error_stop => 0, timeout => 300);
	};
	$errors .= "\npsql: $@" if $@;
	my ($first) = $errors =~ /first check\n(.*?)first check ended/s;
	return { status => $result // 'none', output => $output, errors => $errors, first => $first // '' };
}

# Of several hundred statements each may end in one of these ways.
sub unexpected
{
	my ($run) = @_;
	my @bad = grep { !/ERROR:  (XX001|XX002): / && !/ERROR:  XX000: index returned tuples in wrong order/ && !/ERROR:  22000: (expected|different)/
		  && !/ERROR:  0A000: index .* has format (version|features)/ }
	  $run->{errors} =~ /^(.*(?:ERROR|FATAL|PANIC|server closed|connection|psql: |WARNING).*)$/mg;
	push @bad, "psql ended with $run->{status}" if $run->{status} ne '0';
	return join "\n", @bad;
}

# --- each kind of page, each kind of damage -------------------------------------------------------

# Other tests of one index only: inserts would stop at the first damaged one.
sub only
{
	my ($metric) = @_;
	$node->safe_psql('postgres', join '', map {
		restore($_) . "UPDATE pg_index SET indisready = " . ($_ eq $metric ? 'true' : 'false') . ", indisvalid = " . ($_ eq $metric ? 'true' : 'false')
		  . " WHERE indexrelid = 'items_$_'::regclass;\n"
	} @metrics);
}

sub is_detected
{
	my ($metric, $damage, $block, $name) = @_;
	my $run = run_damaged($metric, $damage);
	is(unexpected($run), '', "$name: an error at worst");
	like($run->{first}, qr/ERROR:  XX002: index "items_$metric" is damaged at block $block: /, "$name: found");
	return $run;
}

only('l2');
my %of = %{ $blocks{l2} };
my @list = @{ $pages{l2} };
foreach my $kind (sort keys %of)
{
	# A page that is in use; of the heads one with rows, of a cell with codes.
	my ($block) = grep {
		my $page = $list[$_];
		$kind ne 'head' || (unpack('x64 L', $page) & 1 && unpack('x72 L', $page) > 40)
	} @{ $of{$kind} };
	next if !defined $block;
	my @others = grep { $_ != $block } @{ $of{$kind} };
	my $any = $kind eq 'meta' ? '0' : '\d+';    # the head that leads there, or the page itself

	is_detected('l2', write_bytes('l2', $block, 0, "\0" x 8192), $any, "$kind page of zeros");
	is_detected('l2', write_bytes('l2', $block, 24, "\1\2\3\4"), $block, "$kind page with another magic number");
	is_detected('l2', write_bytes('l2', $block, 28, pack('S', 77)), $block, "$kind page of no kind");
	is_detected('l2', write_bytes('l2', $block, 36, pack('L', 5000)), $block, "$kind page at another position");
	is_detected('l2', write_bytes('l2', $block, 32, pack('L', 5000)), $block, "$kind page of another cell");
	is_detected('l2', write_bytes('l2', $block, 40, pack('Q', 5000)), $block, "$kind page of another generation");
	is_detected('l2', write_bytes('l2', $block, 12, pack('S S', 2000, 4000)), $block, "$kind page with a hole");
	my ($foreign) = grep { my $label = label($_); $label && $label->{kind} eq $kind } @{ $pages{other} };
	if ($foreign && $kind ne 'free_list')
	{
		is_detected('l2', write_bytes('l2', $block, 0, $foreign), '\d+', "$kind page of another index");
	}
	if (@others)
	{
		is_detected('l2', write_bytes('l2', $block, 0, $list[ $others[0] ]) . write_bytes('l2', $others[0], 0, $list[$block]),
			'\d+', "two $kind pages swapped");
	}
}

# --- numbers that other numbers depend on ---------------------------------------------------------

my ($head) = grep { my $p = $list[$_]; unpack('x64 L', $p) & 1 && unpack('x72 L', $p) > 60 && unpack('x84 L', $p) > 1 } @{ $of{head} };
($head) = grep { my $p = $list[$_]; unpack('x64 L', $p) & 1 && unpack('x72 L', $p) > 60 } @{ $of{head} } if !defined $head;
my $nan = pack('f', 'nan');
my $slots = $of{slots}[0];
my $slot = 64 + 64 * 3;
# One whose first row lives.
my ($address) = grep { my (undef, undef, $number, $flags) = unpack('x64 S4', $list[$_]); $number > 0 && !($flags & 1) } @{ $of{address} };
# Keys of the head's rows.
my ($keys) = grep { my $label = label($list[$_]); $label->{cell} == label($list[$head])->{cell} && $label->{position} == 0 } @{ $of{keys} };
# Spans of the keys of each cell, and buckets of them.
my ($spans, $buckets) = map { my $position = $_; grep { label($list[$_])->{position} == $position } @{ $of{summaries} } } 0, 1;
foreach my $case (
	[ 'more rows than there is room for', $head, 72, pack('L', 4_000_000_000) ],
	[ 'one row more', $head, 72, pack('L', unpack('x72 L', $list[$head]) + 1) ],
	[ 'one row less', $head, 72, pack('L', unpack('x72 L', $list[$head]) - 1) ],
	[ 'more dead rows than rows', $head, 76, pack('L', 4_000_000_000) ],
	[ 'a radius of NaN', $head, 80, $nan ],
	[ 'a radius of 0', $head, 80, pack('f', 0) ],
	[ 'no extents', $head, 84, pack('L', 0) ],
	[ 'too many extents', $head, 84, pack('L', 49) ],
	[ 'an extent more', $head, 84, pack('L', 1 + unpack('x84 L', $list[$head])) ],
	[ 'an extent elsewhere', $head, $extents, pack('L', 7) ],
	[ 'an extent of no blocks', $head, $extents + 4, pack('L', 0) ],
	[ 'an extent of too many blocks', $head, $extents + 4, pack('L', 0x7fffffff) ],
	[ 'an extent of many more blocks', $head, $extents + 4, pack('L', 10000) ],
	[ 'flags of a list', $head, 64, pack('L', 4) ],
	[ 'a retired cell', $head, 68, pack('L', 1) ],
	[ 'a centroid with NaN', $head, $centroid, $nan ],
	[ 'another centroid', $head, $centroid, pack('f', 3) ],
	[ 'an origin with NaN', $of{origin}[0], 64, $nan ],
	[ 'another origin', $of{origin}[0], 64, pack('f', 3 + unpack('x64 f', $list[ $of{origin}[0] ])) ],
	[ 'an origin beyond the dimensions', $of{origin}[0], 64 + 4 * $dimensions, pack('f', 1) ],
	[ 'meta: the origin at the meta page', 0, 64 + $meta{origin}, pack('L', 0) ],
	[ 'meta: the origin beyond the end', 0, 64 + $meta{origin}, pack('L', 0x7fffffff) ],
	[ 'meta: the origin elsewhere', 0, 64 + $meta{origin}, pack('L', $head) ],
	[ 'meta: no origin', 0, 64 + $meta{has_origin}, pack('L', 0) ],
	[ 'meta: more than one origin', 0, 64 + $meta{has_origin}, pack('L', 2) ],
	[ 'meta: an origin of too many blocks', 0, 64 + $meta{origin} + 4, pack('L', 2) ],
	[ 'meta: the origin of a replaced directory', 0, 64 + $meta{retired_origin}, pack('L L', 1, 1) ],
	[ 'a slot with its head at the meta page', $slots, $slot + 4, pack('L', 0), ],
	[ 'a slot with its head beyond the end', $slots, $slot + 4, pack('L', 0x7fffffff) ],
	[ 'a slot with the head of another cell', $slots, $slot + 4, pack('L', $of{head}[1]) ],
	[ 'a slot of another generation', $slots, $slot + 8, pack('Q', 2) ],
	[ 'a slot in no state', $slots, $slot, pack('S', 9) ],
	[ 'a slot that is free', $slots, $slot, pack('S', 0) ],
	[ 'a slot with a radius of NaN', $slots, $slot + 28, $nan ],
	[ 'a slot with too small a radius', $slots, $slot + 28, pack('f', 1e-9) ],
	[ 'a slot with an infinite factor', $slots, $slot + 16, pack('f', 'inf') ],
	[ 'a special list that is away', $slots, 64, pack('S', 0) ],
	[ 'an address of nothing', $address, 64, pack('S S S', 0, 0, 0) ],
	[ 'two addresses of nothing', $address, 64, pack('x40') ],
	[ 'an address beyond the table', $address, 64, pack('S S S', 100, 0, 1) ],
	[ 'an address of unknown flags', $address, 70, pack('S', 64) ],
	[ 'other keys', $keys, 128, pack('Q8', 1 .. 8) ],
	[ 'NULL in place of keys', $keys, 64, pack('L', 0xff) ],
	[ 'NULLs of a column that there is not', $keys, 68, pack('L', 1) ],
	[ 'meta: keys of more columns', 0, 64 + $meta{keys}, pack('C', 2) ],
	[ 'meta: keys of no column', 0, 64 + $meta{keys}, pack('C', 0) ],
	[ 'meta: keys of an unknown kind', 0, 64 + $meta{keys} + 8, pack('C', 99) ],
	[ 'meta: keys of another kind', 0, 64 + $meta{keys} + 8, pack('C', 3) ],
	[ 'meta: something beside the keys\' kinds', 0, 64 + $meta{keys} + 9, pack('C', 1) ],
	[ 'meta: no keys', 0, 64 + $meta{incompatible}, pack('L', 0) ],
	[ 'a summary without the keys of a cell', $spans, 64 + 16 * 3, "\0" x 16 ],
	[ 'a summary of fewer keys of a cell', $spans, 64 + 16 * 3 + 8, pack('Q', 1 << 63) ],
	[ 'a summary without values', $buckets, 64, "\0" x 8128 ],
	[ 'a summary that tells of no cell', $buckets, 64 + 63, pack('C', 0x80) ],
	[ 'meta: no summaries', 0, 64 + $meta{summaries}, pack('L L', 0, 0) ],
	[ 'meta: summaries at the meta page', 0, 64 + $meta{summaries}, pack('L', 0) ],
	[ 'meta: summaries beyond the end', 0, 64 + $meta{summaries}, pack('L', 0x7fffffff) ],
	[ 'meta: summaries elsewhere', 0, 64 + $meta{summaries}, pack('L', $head) ],
	[ 'meta: summaries of more cells', 0, 64 + $meta{summaries} + 8, pack('L', 9) ],
	[ 'meta: summaries of many more buckets', 0, 64 + $meta{summaries} + 12, pack('L', 0xffffffff) ],
	[ 'meta: summaries of another generation', 0, 64 + $meta{summaries} + 16, pack('Q', 2) ],
	[ 'meta: the summaries of a replaced directory', 0, 64 + $meta{retired_summaries}, pack('L L', 1, 1) ],
	[ 'meta: too many slots', 0, 64 + $meta{slots}, pack('L', 4_000_000_000) ],
	[ 'meta: too few slots', 0, 64 + $meta{slots}, pack('L', 2) ],
	[ 'meta: too few blocks allocated', 0, 64 + $meta{allocated}, pack('L', 3) ],
	[ 'meta: too many blocks allocated', 0, 64 + $meta{allocated}, pack('L', 0xf0000000) ],
	[ 'meta: too many free extents', 0, 64 + $meta{free_count}, pack('L', 4_000_000_000) ],
	[ 'meta: too many slots of a replaced directory', 0, 64 + $meta{retired_slots}, pack('L', 4_000_000_000) ],
	[ 'meta: a slot of a replaced directory', 0, 64 + $meta{retired_slots}, pack('L', 4) ],
	[ 'meta: a replaced directory that is freed beyond its end', 0, 64 + $meta{retired_next}, pack('L', 1) ],
	[ 'meta: neither frozen nor not', 0, 64 + $meta{frozen}, pack('L', 2) ],
	[ 'meta: another metric', 0, 64 + $meta{metric}, pack('L', 2) ],
	[ 'meta: another number of dimensions', 0, 64 + $meta{dimensions}, pack('L', 25) ],
	[ 'meta: another width', 0, 64 + $meta{padded}, pack('L', 128) ],
	[ 'meta: a scale of 0', 0, 64 + $meta{scale}, pack('d', 0) ],
	[ 'meta: a scale of NaN', 0, 64 + $meta{scale}, pack('d', 'nan') ],
	[ 'meta: generations start again', 0, 64 + $meta{next_generation}, pack('Q', 1) ],
	[ 'meta: something in reserved bytes', 0, 64 + $meta{reserved} + 24, pack('L', 1) ],
	[ 'meta: something behind all that is known', 0, 8188, pack('L', 1) ],
	[ 'something in reserved bytes of a slot', $slots, $slot + 60, pack('L', 1) ],
	[ 'something in reserved bytes of a head', $head, $centroid - 4, pack('L', 1) ],
	[ 'something in reserved bytes of a label', $head, 60, pack('L', 1) ],
	[ 'meta: an array too many segments', 0, 64 + $meta{slot_pages}, pack('L', 27) ],
	[ 'meta: an array at the meta page', 0, 64 + $meta{slot_pages} + 4, pack('L', 0) ],
	[ 'meta: an array in a cell', 0, 64 + $meta{slot_pages} + 4, pack('L', $head) ])
{
	my ($name, $block, $offset, $bytes) = @$case;
	if (!defined $block) { fail("$name: there is no such page"); next; }
	is_detected('l2', write_bytes('l2', $block, $offset, $bytes), '\d+', $name);
}

# --- what another library wrote -------------------------------------------------------------------

# Not damage, and never a wrong answer.
foreach my $case (
	[ 'a newer version', 'version', 3, 'has format version 3, this version of vecdot reads 2', 'It was written by a newer version of vecdot.', 'Please install that version, or REINDEX the index.' ],
	[ 'an old version', 'version', 1, 'has format version 1, this version of vecdot reads 2', 'It was written by a version of vecdot before 0.2.0.', 'Please REINDEX it.' ],
	[ 'a feature that a reader must know', 'incompatible', 4, 'has format features 4, this version of vecdot knows 1', 'It was written by a newer version of vecdot.', 'Please install that version, or REINDEX the index.' ])
{
	my ($name, $place, $value, $message, $detail, $hint) = @$case;
	my $run = run_damaged('l2', write_bytes('l2', 0, 64 + $meta{$place}, pack('L', $value)));
	like($run->{first}, qr/ERROR:  0A000: index "items_l2" \Q$message\E\nDETAIL:  \Q$detail\E\nHINT:  \Q$hint\E\n/, "$name: refused");
	is(unexpected($run), '', "$name: by everything");
	# The distance to NULL is a constant, by which the planner sorts without the index.
	is(scalar(() = $run->{output} =~ /^rows\|/mg), 1, "$name: no answer");
	is($node->safe_psql('postgres', "REINDEX INDEX items_l2; SELECT vecdot_index_check('items_l2', true)"), '', "$name: REINDEX helps");
	only('l2');
}
my $features = run_damaged('l2', write_bytes('l2', 0, 64 + $meta{compatible}, pack('L', 4)) . write_bytes('l2', 0, 8188, pack('L', 1))
	. write_bytes('l2', $head, $centroid - 4, pack('L', 1)));
is($features->{errors} =~ /ERROR/ ? $features->{errors} : '', '', 'a feature that a reader need not know, and what it may use: no error');

# --- random damage --------------------------------------------------------------------------------

srand($seed);
my @bytes = ("\0", "\xff", "\x7f", "\x80", "\1");
my ($found, $wrong) = (0, 0);
my $last_metric = '';
foreach my $round (1 .. $rounds)
{
	my $metric = $metrics[ int(($round - 1) * @metrics / $rounds) ];
	only($metric) if $metric ne $last_metric;
	$last_metric = $metric;
	my @kinds_here = sort keys %{ $blocks{$metric} };
	my ($damage, @what) = ('');
	foreach (1 .. 1 + (rand() < 0.2))
	{
		my $kind = $kinds_here[ int rand @kinds_here ];
		my $some = $blocks{$metric}{$kind};
		my $block = $some->[ int rand @$some ];
		my $page = $pages{$metric}[$block];
		# Headers more often than the rest.
		my $offset = rand() < 0.5 ? 24 + int rand 500 : rand() < 0.1 ? int rand 24 : 24 + int rand 8160;
		my $way = rand();
		my $value;
		if ($way < 0.5) { $value = chr(ord(substr($page, $offset, 1)) ^ (1 << int rand 8)); }
		elsif ($way < 0.7) { $value = $bytes[ int rand @bytes ] x (1 << int rand 4); }
		elsif ($way < 0.8) { $value = pack('f', (qw(nan inf -inf 1e38 -1e38 1e-40))[ int rand 6 ]); $offset &= ~3; }
		elsif ($way < 0.9) { $value = pack('L', $blocks{$metric}{head}[ int rand @{ $blocks{$metric}{head} } ]); $offset &= ~3; }
		else { $value = join '', map { chr int rand 256 } 1 .. 64; }
		$value = substr($value, 0, 8192 - $offset);
		push @what, "$kind block $block byte $offset: " . unpack('H*', $value);
		$damage .= write_bytes($metric, $block, $offset, $value);
	}
	my $run = run_damaged($metric, $damage);
	my $bad = unexpected($run);
	$found += $run->{first} =~ /ERROR/ ? 1 : 0;
	next if $bad eq '' && $node->poll_query_until('postgres', 'SELECT true');
	$wrong += 1;
	fail("round $round, $metric: " . join('; ', @what));
	diag($bad);
	last if $wrong > 5 || $run->{status} ne '0';
}
is($wrong, 0, "$rounds rounds of random damage: errors at worst");
cmp_ok($found, '>', $rounds / 4, "of which the check found $found");
is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'), $start, 'the server has never gone down');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|stack smashing|TRAP/, 'nor any of its processes');

# --- damage in the file ---------------------------------------------------------------------------

only('l2');
my $path = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('items_l2')");
my $pristine;

# Changes the file while the server is down.
sub change_file
{
	my ($change) = @_;
	$node->stop;
	open my $file, '+<:raw', $path or die "$path: $!";
	if (!defined $pristine) { local $/; $pristine = <$file>; }
	my $content = $change->($pristine);
	truncate $file, 0 or die $!;
	seek $file, 0, 0;
	print {$file} $content;
	close $file or die $!;
	$node->start;
}

$node->safe_psql('postgres', 'CHECKPOINT');
foreach my $case (
	[ 'an empty file', sub { '' } ],
	[ 'a file cut to one page', sub { substr $_[0], 0, 8192 } ],
	[ 'a file cut in half', sub { substr $_[0], 0, 8192 * int(length($_[0]) / 16384) } ],
	[ 'a file of zeros', sub { "\0" x length $_[0] } ],
	[ 'a file of another index', sub { join '', @{ $pages{other} } } ],
	[ 'a page header of no page', sub { my $c = $_[0]; substr $c, 8192 * $head + 12, 4, "\xff\xff\xff\xff"; $c } ],
	[ 'a file as it was', sub { $_[0] } ])
{
	my ($name, $change) = @$case;
	change_file($change);
	my ($output, $errors) = ('', '');
	my $result = $node->psql('postgres', "SET statement_timeout = '20s';\n\\set VERBOSITY verbose\n\\warn first check\nSELECT vecdot_index_check('items_l2', true);\n\\warn first check ended\n" . workload('l2'),
		stdout => \$output, stderr => \$errors, on_error_stop => 0, timeout => 300);
	my ($first) = $errors =~ /first check\n(.*?)first check ended/s;
	my $run = { status => $result, errors => $errors };
	is(unexpected($run), '', "$name: an error at worst");
	if ($name eq 'a file as it was') { is($first, '', "$name: nothing found"); }
	else { like($first, qr/ERROR:  XX00[12]: .*(blocks? \d+|first page)/, "$name: found"); }
}
is_sql($node, "REINDEX INDEX items_l2; SELECT vecdot_index_check('items_l2', true)", '', 'REINDEX mends it');

$node->stop;
done_testing();
