-- Nearest neighbours of a picture: paste it into psql on the demonstration's cluster (make demo-psql).

-- The ten training images with the smallest cosine distance to test image 1, and what they show.
\timing on
SELECT n.id, c.name, round(n.distance::numeric, 4) AS distance
  FROM (SELECT image FROM test_images WHERE id = 1) q,
       LATERAL (SELECT t.id, t.label, t.image <=> q.image AS distance
                  FROM train_images t ORDER BY t.image <=> q.image LIMIT 10) n
       JOIN classes c USING (label)
 ORDER BY n.distance;
\timing off

-- What it was:
SELECT name FROM test_images JOIN classes USING (label) WHERE id = 1;

-- The plan of the search alone: the index hands out the nearest rows, one by one.
EXPLAIN (ANALYZE, COSTS off, SUMMARY on)
SELECT id FROM train_images ORDER BY image <=> (SELECT image FROM test_images WHERE id = 1) LIMIT 10;
