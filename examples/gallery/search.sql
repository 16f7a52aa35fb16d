-- # Similarity search
-- Which of 60,000 pictures look most like this one? Every picture is a vector of 28 x 28 grey values, and
-- an index finds the nearest without comparing all of them. It needs no option (make demo has built it already).
CREATE SCHEMA IF NOT EXISTS gallery;
CREATE INDEX IF NOT EXISTS train_images_image_idx ON train_images USING vecdot (image vector_cosine_ops);

-- The ten pictures nearest to test image 1 by cosine distance.
SELECT t.id, c.name, round((t.image <=> q.image)::numeric, 4) AS distance
  FROM (SELECT image FROM test_images WHERE id = 1) q,
       LATERAL (SELECT id, label, image FROM train_images t ORDER BY t.image <=> q.image LIMIT 10) t
       JOIN classes c USING (label)
 ORDER BY distance;

-- The plan: the index hands out rows nearest first, and LIMIT stops it.
EXPLAIN (COSTS off)
SELECT id FROM train_images ORDER BY image <=> (SELECT image FROM test_images WHERE id = 1) LIMIT 10;

-- Ten neighbours of one test image of each class, kept for the picture.
DROP TABLE IF EXISTS gallery.neighbours;
CREATE TABLE gallery.neighbours AS
SELECT q.id AS query, q.label AS query_label, n.*
  FROM (SELECT DISTINCT ON (label) * FROM test_images ORDER BY label, id) q,
       LATERAL (SELECT t.id, t.label, t.image <=> q.image AS distance
                  FROM train_images t ORDER BY t.image <=> q.image LIMIT 10) n;

-- How many of them show what their query shows.
SELECT count(*) AS neighbours, count(*) FILTER (WHERE label = query_label) AS "of the query's class"
  FROM gallery.neighbours;

-- And how many of the hundred an exact scan of all pictures finds too.
SET enable_indexscan = off;
SELECT count(*) AS "found by both"
  FROM (SELECT DISTINCT ON (label) * FROM test_images ORDER BY label, id) q,
       LATERAL (SELECT t.id FROM train_images t ORDER BY t.image <=> q.image LIMIT 10) n
       JOIN gallery.neighbours f ON f.id = n.id
 WHERE f.query = q.id;
RESET enable_indexscan;
