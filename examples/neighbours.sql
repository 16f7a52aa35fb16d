-- The first test image of each class with its ten nearest training images.
SELECT q.id AS query, q.label AS query_label, n.rank, n.id, n.label, n.distance
  FROM (SELECT DISTINCT ON (label) * FROM test_images ORDER BY label, id) q,
       LATERAL (SELECT t.id, t.label, t.image <=> q.image AS distance,
                       row_number() OVER (ORDER BY t.image <=> q.image) AS rank
                  FROM train_images t
                 ORDER BY t.image <=> q.image
                 LIMIT 10) n
 ORDER BY q.label, n.rank
