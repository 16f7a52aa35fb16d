-- # Attention
-- attention(query, key, value) blends the values of all rows, each weighted by softmax(scale * query @ key):
-- a soft nearest neighbour. Keys are unit vectors of what a picture differs from the mean picture.
CREATE SCHEMA IF NOT EXISTS gallery;
DROP TABLE IF EXISTS gallery.keys;
CREATE TABLE gallery.keys (id integer, label integer, key vector(784)) WITH (toast_tuple_target = 8160);
INSERT INTO gallery.keys
SELECT id, label, unit(image - mean) FROM train_images, (SELECT avg(image) AS mean FROM train_images) m;
ANALYZE gallery.keys;

-- Class 3 as a vector: [0,0,0,1,0,0,0,0,0,0].
DROP TABLE IF EXISTS gallery.one_hot;
CREATE TABLE gallery.one_hot AS
SELECT c.label, vector_agg((d.label = c.label)::int ORDER BY d.label) AS value
  FROM classes c, classes d GROUP BY c.label;

-- The first 500 test images as queries, treated as the keys were.
DROP TABLE IF EXISTS gallery.queries;
CREATE TABLE gallery.queries (id integer, label integer, query vector(784)) WITH (toast_tuple_target = 8160);
INSERT INTO gallery.queries
SELECT id, label, unit(image - mean) AS query
  FROM test_images, (SELECT avg(image) AS mean FROM train_images) m WHERE id <= 500;
ANALYZE gallery.queries;

-- With labels as values the blend is a probability for each class; 60 is the sharpness.
DROP TABLE IF EXISTS gallery.attended;
CREATE TABLE gallery.attended AS
SELECT q.id, q.label, attention(q.query, k.key, o.value, 60) AS probabilities
  FROM gallery.queries q, gallery.keys k JOIN gallery.one_hot o USING (label)
 GROUP BY q.id, q.label;

SELECT count(*) AS images, avg((argmax(probabilities) - 1 = label)::int)::numeric(5, 4) AS accuracy
  FROM gallery.attended;

-- With pictures as values the blend is a picture: what the memory makes of each query.
DROP TABLE IF EXISTS gallery.attended_images;
CREATE TABLE gallery.attended_images AS
SELECT q.id, q.label, attention(q.query, k.key, t.image, 60) AS image
  FROM (SELECT DISTINCT ON (label) * FROM gallery.queries ORDER BY label, id) q, gallery.keys k JOIN train_images t USING (id)
 GROUP BY q.id, q.label;

-- How alike query and blend are.
SELECT c.name, round(cosine_similarity(a.image, t.image)::numeric, 3) AS similarity,
       round(probabilities[a.label + 1]::numeric, 3) AS "probability of its class"
  FROM gallery.attended_images a JOIN test_images t USING (id) JOIN gallery.attended USING (id)
       JOIN classes c ON c.label = a.label
 ORDER BY a.label;
