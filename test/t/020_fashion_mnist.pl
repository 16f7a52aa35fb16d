# The gallery's own SQL (examples/gallery) on Fashion-MNIST, and what has to come out of it.
use strict;
use warnings;

use File::Basename;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VecdotTest;

my $tree = dirname(dirname(dirname(__FILE__)));
my $examples = "$tree/examples";
my $python = -x '/usr/bin/python3' ? '/usr/bin/python3' : 'python3';
plan skip_all => 'Fashion-MNIST is not here (Debian: dataset-fashion-mnist)'
  unless -f '/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz';
plan skip_all => 'numpy is not here (Debian: python3-numpy)' if system("$python -c 'import numpy' 2>/dev/null");

my $node = new_node('main');
$node->append_conf('postgresql.conf', q{
shared_buffers = 512MB
work_mem = 64MB
maintenance_work_mem = 256MB
wal_level = minimal
max_wal_senders = 0
max_wal_size = 4GB
client_min_messages = warning
});
$node->start;

sub value { return $node->safe_psql('postgres', $_[0]) }
# A chapter as a reader would run it: all of it, in one session.
sub chapter { $node->safe_psql('postgres', slurp_file("$examples/gallery/$_[0].sql")) }

value(slurp_file("$examples/fashion_mnist.sql"));
value("COPY ${_}_images FROM PROGRAM '$python $examples/fashion_mnist.py $_' (FORMAT binary)") for qw(train test);
value('VACUUM (ANALYZE) train_images, test_images, classes');
is(value('SELECT count(*), sum(label) FROM train_images'), '60000|270000', 'the training images are there');

# Similarity search.
chapter('search');
like(value('EXPLAIN SELECT id FROM train_images ORDER BY image <=> (SELECT image FROM test_images WHERE id = 1) LIMIT 10'),
	qr/Index: train_images_image/, 'search: by the index');
cmp_ok(value('SELECT count(*) FROM gallery.neighbours WHERE label = query_label'), '>=', 80,
	'search: neighbours show what their query shows');
cmp_ok(value(q{
	SET enable_indexscan = off;
	SELECT count(*) FROM (SELECT DISTINCT ON (label) * FROM test_images ORDER BY label, id) q,
	       LATERAL (SELECT t.id FROM train_images t ORDER BY t.image <=> q.image LIMIT 10) n
	       JOIN gallery.neighbours f ON f.id = n.id WHERE f.query = q.id}), '>=', 95, 'search: the neighbours of an exact scan');

# Principal components beside numpy's eigh on the same data.
chapter('pca');
my $reference = `$python $tree/test/pca_reference.py $examples 10`;
is(scalar(split(/\n/, $reference)), 10, 'numpy has answered');
value("CREATE TABLE reference (variance float8, axis float8[], i serial)");
foreach (split /\n/, $reference)
{
	my ($variance, $axis) = split /\|/;
	$axis =~ tr/[]/{}/;
	value("INSERT INTO reference VALUES ($variance, '$axis')");
}
my ($variance, $axes) = split /\|/, value(q{
	SELECT max(abs(t.variance / r.variance - 1)), max(t.axis <-> r.axis::vector)
	  FROM gallery.pca, unnest((model).explained_variance, (model).components) WITH ORDINALITY AS t(variance, axis, i)
	  JOIN reference r ON r.i = t.i});
cmp_ok($variance, '<', 1e-4, "pca: the first ten variances are numpy's (relative difference $variance)");
cmp_ok($axes, '<', 1e-4, "pca: and so are the components (distance $axes)");
is(value('SELECT (model).n, vector_dims((model).mean), array_length((model).components, 1) FROM gallery.pca'), '60000|784|50', 'pca: shapes');
like(value('EXPLAIN SELECT pca(image, 50) FROM train_images'), qr/Partial Aggregate/, 'pca: the planner thinks of workers');
my ($lost, $kept) = split /\|/, value(q{
	SELECT sum((r.restored <-> t.image) ^ 2) / sum((t.image <-> (model).mean) ^ 2),
	       (SELECT sum(x) FROM gallery.pca, unnest((model).explained_variance_ratio) x)
	  FROM train_images t, gallery.pca, LATERAL (SELECT pca_inverse_transform(pca_transform(image, model), model) AS restored) r});
cmp_ok(abs($lost + $kept - 1), '<', 1e-5, "pca: what 50 components lose and what they explain is all of it ($lost, $kept)");

# The classifier.
chapter('classifier');
my $accuracy = value('SELECT avg((predicted = label)::int)::numeric(5, 4) FROM gallery.predictions');
cmp_ok($accuracy, '>=', 0.80, "classifier: accuracy $accuracy on the 10,000 test images");
is(value('SELECT classes, n, array_length(weights, 1), vector_dims(bias) FROM gallery.classifier'), '{0,1,2,3,4,5,6,7,8,9}|60000|10|10', 'classifier: shapes');

# Matrices out of line are fetched once while the same one keeps coming, and anew when another comes.
value(q{CREATE TABLE layers AS SELECT i, ARRAY(SELECT i * w FROM unnest(weights) w) AS weights, bias
          FROM gallery.classifier, generate_series(1, 3) i});
is(value(q{
	SELECT count(*), bool_and(linear(image, weights, bias) = linear(image, weights || '{}'::vector[], bias)), count(DISTINCT linear(image, weights, bias))
	  FROM (SELECT image FROM test_images WHERE id <= 5) t, layers}), '15|t|15', 'linear: several stored matrices in one query');

# Attention.
chapter('attention');
$accuracy = value('SELECT avg((argmax(probabilities) - 1 = label)::int)::numeric(5, 4) FROM gallery.attended');
is(value('SELECT count(*) FROM gallery.attended'), 500, 'attention: 500 test images');
cmp_ok($accuracy, '>=', 0.85, "attention: accuracy $accuracy of a soft nearest neighbour");
cmp_ok(value('SELECT max(abs(element_sum(probabilities) - 1)) FROM gallery.attended'), '<', 1e-6, 'attention: probabilities');
cmp_ok(value('SELECT min(cosine_similarity(a.image, t.image)) FROM gallery.attended_images a JOIN test_images t USING (id)'), '>', 0.85,
	'attention: the attended images resemble their queries');

# Recommendation.
chapter('recommendation');
is(value('SELECT count(*), count(DISTINCT (who, id)), count(l.id) FROM gallery.recommended LEFT JOIN gallery.likes l USING (who, id)'), '30|30|0',
	'recommendation: ten for each of three users, nothing they know');
cmp_ok(value(q{
	SELECT min(n) FROM (SELECT count(*) FILTER (WHERE label IN (SELECT i.label FROM gallery.likes l JOIN gallery.coordinates i USING (id) WHERE l.who = r.who)) AS n
	                      FROM gallery.recommended r GROUP BY who) t}), '>=', 7, 'recommendation: mostly of the kinds that a user liked');
cmp_ok(value(q{
	SET enable_indexscan = off;
	SELECT count(*) FROM (SELECT who, avg(z) AS taste FROM gallery.likes JOIN gallery.coordinates USING (id) GROUP BY who) u,
	       LATERAL (SELECT i.id FROM gallery.coordinates i
	                 WHERE NOT EXISTS (SELECT FROM gallery.likes l WHERE l.who = u.who AND l.id = i.id)
	                 ORDER BY i.z <#> u.taste LIMIT 10) n, gallery.recommended r WHERE r.who = u.who AND r.id = n.id}), '>=', 28, 'recommendation: the items of an exact scan');

# Lighting.
chapter('lighting');
my ($top, $line, $column, $corner, $shade) = split /\|/, value(q{
	SELECT element_max(brightness), line, argmax(brightness) - 1, (SELECT brightness[1] FROM gallery.sphere WHERE line = 0),
	       (SELECT brightness[200] FROM gallery.sphere WHERE line = 199)
	  FROM gallery.sphere ORDER BY element_max(brightness) DESC LIMIT 1});
cmp_ok(abs($top - 1), '<', 1e-3, 'lighting: the sphere is brightest');
cmp_ok(abs($line - 58.2) + abs($column - 58.2), '<', 4, "lighting: where it faces the light (line $line, column $column)");
is("$corner $shade", '0 0.08', 'lighting: nothing beside it, ambient light in its shade');
is(value(q{SELECT bool_and(element_min(brightness) >= 0 AND element_max(brightness) <= 1), count(*) FROM gallery.surface}), 't|256', 'lighting: the surface');

$node->stop;
done_testing();
