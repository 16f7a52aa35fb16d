# ALTER EXTENSION ... UPDATE of vecdot, and of "vector" in pgvector's place: from every released version (test/released) to
# this one, and from this one to a next version, whose scripts are made here. What an update leaves is what CREATE EXTENSION makes.
use strict;
use warnings;

use File::Basename;
use File::Copy;
use File::Path qw(make_path);
use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;

my ($extension, $node, $scripts, $version);

# A server with an installation of its own to put scripts into, a copy of the one that is tested.
sub start_with_copy
{
	my ($conf_file) = @_;
	$node = new_node($extension, conf => $conf_file);
	my $conf = slurp_file($node->data_dir . '/postgresql.conf');
	my ($destination) = $conf =~ /^extension_destdir = '(.*)'/m;
	my ($control_path) = $conf =~ /^extension_control_path = '([^:']*)/m;
	my $sharedir = $control_path // $destination . `pg_config --sharedir`;
	chomp $sharedir;
	my $copy = PostgreSQL::Test::Utils::tempdir;
	$scripts = $control_path ? "$copy/extension" : $copy . substr("$sharedir/extension", length $destination);
	make_path($scripts);
	copy($_, $scripts) or die "$_: $!" foreach glob("$sharedir/extension/$extension*");
	if ($destination)
	{
		# The server looks for libraries below it as well.
		chomp(my $libraries = `pg_config --pkglibdir`);
		make_path("$copy$libraries");
		copy("$destination$libraries/$extension.so", "$copy$libraries") or die "$extension.so: $!";
	}
	$node->append_conf('postgresql.conf', $control_path ? "extension_control_path = '$copy:\$system'" : "extension_destdir = '$copy'");
	$node->start;
	($version) = slurp_file("$scripts/$extension.control") =~ /^default_version = '(.*)'/m;
}

sub write_file
{
	my ($name, $text) = @_;
	open my $file, '>', "$scripts/$name" or die "$name: $!";
	print $file $text;
	close $file;
}

# Every object of the extension, with all that defines it.
sub objects
{
	my ($database) = @_;
	return $node->safe_psql($database, qq{
		SET search_path = pg_catalog;
		SELECT pg_describe_object(d.classid, d.objid, 0) AS object,
		       obj_description(d.objid, d.classid::regclass::name),
		       CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END,
		       (SELECT to_jsonb(a) - '{aggfnoid,aggtranstype}'::text[] || jsonb_build_object('type', aggtranstype::regtype) FROM pg_aggregate a WHERE a.aggfnoid = p.oid),
		       (SELECT to_jsonb(o) - '{oid,oprcom,oprnegate,oprleft,oprright,oprresult}'::text[] || jsonb_build_object('result', oprresult::regtype) || jsonb_build_object('com', oprcom::regoperator, 'neg', oprnegate::regoperator)
		          FROM pg_operator o WHERE d.classid = 'pg_operator'::regclass AND o.oid = d.objid),
		       (SELECT to_jsonb(t) - '{oid,typarray,typrelid,typelem}'::text[] FROM pg_type t WHERE d.classid = 'pg_type'::regclass AND t.oid = d.objid),
		       (SELECT jsonb_build_array(castcontext, castmethod, castfunc::regprocedure) FROM pg_cast c WHERE d.classid = 'pg_cast'::regclass AND c.oid = d.objid),
		       (SELECT jsonb_build_array(opcdefault, opcintype::regtype, opckeytype::regtype) FROM pg_opclass c WHERE d.classid = 'pg_opclass'::regclass AND c.oid = d.objid),
		       (SELECT string_agg(pg_describe_object(m.classid, m.objid, 0), E'\n' ORDER BY 1) FROM pg_depend m
		         WHERE m.refclassid = d.classid AND m.refobjid = d.objid AND m.classid IN ('pg_amop'::regclass, 'pg_amproc'::regclass))
		  FROM pg_depend d LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
		 WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
		   AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = '$extension')
		 ORDER BY 1}) =~ s/OID \d+/OID/gr;
}

# Creates the extension in $from with some data, updates it to $to, and compares it with a new one.
sub test_update
{
	my ($from, $to) = @_;
	my ($updated, $fresh) = ("from_$from", "fresh_$from");
	$node->safe_psql('postgres', qq{CREATE DATABASE "$updated"; CREATE DATABASE "$fresh"});
	$node->safe_psql($updated, qq{CREATE EXTENSION $extension VERSION '$from';
		CREATE TABLE items (id int, v vector(3));
		INSERT INTO items SELECT i, ARRAY[sin(i), cos(i), 1]::real[]::vector FROM generate_series(1, 500) i;
		CREATE INDEX ON items USING vecdot (v)});
	my $search = q{SET enable_seqscan = off; SET vecdot.recall = 1; SELECT id FROM items ORDER BY v <=> '[1,0,0]' LIMIT 3};
	my $before = $node->safe_psql($updated, $search);
	$node->safe_psql($updated, "ALTER EXTENSION $extension UPDATE TO '$to'");
	is_sql($node, "SELECT extversion FROM pg_extension WHERE extname = '$extension'", $to, "$extension: updated from $from to $to", database => $updated);
	is_sql($node, $search, $before, "$extension: searches find what they found", database => $updated);
	$node->safe_psql($fresh, "CREATE EXTENSION $extension VERSION '$to'");
	return (objects($updated), objects($fresh));
}

foreach my $installation ([ 'vecdot', $ENV{VECDOT_CONF} ], [ 'vector', $ENV{VECDOT_AS_VECTOR_CONF} ])
{
	($extension, my $conf) = @$installation;
  SKIP:
	{
		skip "$extension: needs an installation below a directory of its own", 1 unless $conf;
		start_with_copy($conf);
		my $script = slurp_file("$scripts/$extension--$version.sql");
		foreach my $file (glob(dirname(__FILE__) . "/../released/$extension--*.sql"))
		{
			my ($from) = $file =~ /--([^-]*)\.sql$/;
			next if $from eq $version;
			copy($file, $scripts) or die "$file: $!";
			my ($updated, $fresh) = test_update($from, $version);
			is($updated, $fresh, "$extension: an update from $from leaves what CREATE EXTENSION makes");
		}

		# A next version with one more function, and a comment that has changed.
		my $addition = q{
CREATE FUNCTION added(vector) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS 'SELECT 1';
COMMENT ON FUNCTION dot(vector, vector) IS 'another comment';
};
		write_file("$extension--next.sql", $script . $addition);
		write_file("$extension--$version--next.sql", $addition);
		my ($updated, $fresh) = test_update($version, 'next');
		is($updated, $fresh, "$extension: an update to a next version leaves what CREATE EXTENSION makes");
		like($updated, qr/another comment/, "$extension: its comments too");
		is_sql($node, q{SELECT added('[1,2]')}, '1', "$extension: its new function can be called", database => "from_$version");

		# The comparison notices what an update script leaves out.
		write_file("$extension--forgetful.sql", $script . $addition);
		write_file("$extension--$version--forgetful.sql", $addition =~ s/COMMENT.*//r);
		$node->safe_psql('postgres', qq{DROP DATABASE "from_$version"; DROP DATABASE "fresh_$version"});
		($updated, $fresh) = test_update($version, 'forgetful');
		isnt($updated, $fresh, "$extension: an update script that forgets a comment is noticed");
		$node->stop;
	}
}
done_testing();
