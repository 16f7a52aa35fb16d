# The recipe of docs/from-pgvector.md that moves a table from pgvector's type to vecdot's, as it is written there, and back.
use strict;
use warnings;

use File::Basename;
use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;

my ($recipe) = slurp_file(dirname(__FILE__) . '/../../docs/from-pgvector.md') =~ /```pgsql move\n(.*?)```/s or die 'no recipe';

my $node = start_node('main');
$node->psql('template1', 'CREATE EXTENSION vector');
my $version = $node->safe_psql('template1', q{SELECT extversion FROM pg_extension WHERE extname = 'vector' AND extversion ~ '^0\.([7-9]|[1-9][0-9])'});
$node->safe_psql('template1', 'DROP EXTENSION IF EXISTS vector');
if (!$version)
{
  SKIP: { skip 'there is no pgvector 0.7 or later here (Debian 13: postgresql-17-pgvector; elsewhere PGVECTOR_DESTDIR)', 1 }
	done_testing();
	exit;
}

$node->safe_psql('postgres', q{
	CREATE ROLE reader; CREATE ROLE keeper;
	CREATE EXTENSION vector;
	CREATE SCHEMA own;
	CREATE EXTENSION vecdot SCHEMA own;
	CREATE CAST (public.vector AS own.vector) WITHOUT FUNCTION AS ASSIGNMENT;
	CREATE CAST (own.vector AS public.vector) WITHOUT FUNCTION AS ASSIGNMENT;
	CREATE TABLE items (id int PRIMARY KEY, embedding vector(3) DEFAULT '[1,2,3]' CHECK (vector_norm(embedding) > 0),
		CONSTRAINT two CHECK (embedding <-> '[0,0,0]' > 0.001 AND id > 0));
	INSERT INTO items SELECT i, ARRAY[i, 1, i % 7]::vector FROM generate_series(1, 500) i;
	CREATE INDEX items_l2 ON items USING ivfflat (embedding) WITH (lists = 4);
	CREATE INDEX items_some ON items USING hnsw (embedding vector_cosine_ops) WITH (m = 8) WHERE id > 3;
	CREATE INDEX items_half ON items USING hnsw ((embedding::halfvec(3)) halfvec_l2_ops);
	CREATE INDEX items_order ON items (embedding);
	CREATE VIEW near AS SELECT id, embedding <-> '[1,2,3]' AS distance FROM items ORDER BY 2, 1 LIMIT 4;
	CREATE MATERIALIZED VIEW few AS SELECT id, embedding FROM items WHERE id < 5;
	CREATE VIEW both_views AS SELECT n.id, f.embedding FROM near n JOIN few f USING (id);
	GRANT SELECT ON near TO reader;
	GRANT SELECT ON near, few TO keeper;
	ALTER VIEW both_views OWNER TO keeper;
});
my $definitions = q{
	SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'items'::regclass AND attname = 'embedding';
	SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'items'::regclass;
	SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'items'::regclass ORDER BY 1;
	SELECT relname, relkind, relowner::regrole, relacl, pg_get_viewdef(oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm') ORDER BY 1;
	SELECT id, embedding FROM items ORDER BY id;
	TABLE near; TABLE few; SELECT * FROM both_views ORDER BY id};
my $indexes = q{SELECT relname, amname, opcname, opcintype::regtype, pg_get_expr(indexprs, indrelid), pg_get_expr(indpred, indrelid), indisvalid
	FROM pg_index i JOIN pg_class c ON c.oid = indexrelid JOIN pg_opclass o ON o.oid = indclass[0] JOIN pg_am a ON a.oid = relam WHERE indrelid = 'items'::regclass ORDER BY 1};
my $written = $node->safe_psql('postgres', $definitions);

# A column that something unknown needs: nothing happens.
$node->safe_psql('postgres', q{ALTER TABLE items ADD COLUMN length float8 GENERATED ALWAYS AS (vector_norm(embedding)) STORED});
is_error($node, $recipe, '0A000', 'cannot alter type of a column used by a generated column', 'a generated column stops it');
$node->safe_psql('postgres', 'ALTER TABLE items DROP COLUMN length');
is($node->safe_psql('postgres', $definitions), $written, 'and all is as it was');
my $file = $node->safe_psql('postgres', q{SELECT pg_relation_filenode('items')});

is_sql($node, $recipe, '', 'the recipe');
my $after = $node->safe_psql('postgres', "SET search_path = own, public; $definitions");
is($after, $written, 'default, CHECKs, views, grants, owners and rows are what they were');
is_sql($node, q{SELECT atttypid::regtype FROM pg_attribute WHERE attrelid = 'items'::regclass AND attname = 'embedding'}, 'own.vector', 'of the other type');
is_sql($node, $indexes, join("\n", 'items_half|vecdot|halfvec_l2_ops|own.halfvec|(embedding)::own.halfvec(3)||t', 'items_l2|vecdot|vector_l2_ops|own.vector|||t',
	'items_order|btree|vector_ops|own.vector|||t', 'items_pkey|btree|int4_ops|integer|||t', 'items_some|vecdot|vector_cosine_ops|own.vector||(id > 3)|t'), 'its indexes');
is($node->safe_psql('postgres', q{SELECT pg_relation_filenode('items')}), $file, 'no row was rewritten');
is_error($node, q{SET search_path = own, public; INSERT INTO items VALUES (1001, '[0,0,0]')}, '23514', 'violates check constraint', 'its CHECKs');
is_sql($node, q{SET search_path = own, public; INSERT INTO items (id) VALUES (1000); SELECT embedding FROM items WHERE id = 1000;
	SELECT count(vecdot_index_check(indexrelid, true)::text) FROM pg_index i JOIN pg_class c ON c.oid = indexrelid JOIN pg_am a ON a.oid = relam WHERE amname = 'vecdot';
	DELETE FROM items WHERE id = 1000}, "[1,2,3]\n3", 'its default, and the indexes agree with the table');

# And back.
(my $back = $recipe) =~ s/'public'/'other'/;
$back =~ s/'own'/'public'/;
$back =~ s/'other'/'own'/;
$back =~ s/name := 'vecdot'/name := 'hnsw'/;
is_sql($node, $back, '', 'the way back');
is($node->safe_psql('postgres', $definitions), $written, 'all is what it was');
is_sql($node, $indexes, join("\n", 'items_half|hnsw|halfvec_l2_ops|halfvec|(embedding)::halfvec(3)||t', 'items_l2|hnsw|vector_l2_ops|vector|||t',
	'items_order|btree|vector_ops|vector|||t', 'items_pkey|btree|int4_ops|integer|||t', 'items_some|hnsw|vector_cosine_ops|vector||(id > 3)|t'), 'its indexes');

# Once more, and then without pgvector.
is_sql($node, $recipe, '', 'once more');
is_sql($node, 'DROP CAST (public.vector AS own.vector); DROP CAST (own.vector AS public.vector); DROP EXTENSION vector; ALTER EXTENSION vecdot SET SCHEMA public; SELECT 1', '1', 'pgvector goes, vecdot takes its schema');
is($node->safe_psql('postgres', $definitions), $written, 'and no definition has changed');

done_testing();
