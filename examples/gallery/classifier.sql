-- # A linear classifier
-- Trained in one pass over 60,000 labelled pictures: no iteration, no learning rate.
CREATE SCHEMA IF NOT EXISTS gallery;
DROP TABLE IF EXISTS gallery.classifier;
CREATE TABLE gallery.classifier AS
SELECT (linear_discriminant(image, label)).* FROM train_images;

-- What it thinks of each of the 10,000 test images, which it has not seen.
DROP TABLE IF EXISTS gallery.predictions;
CREATE TABLE gallery.predictions AS
SELECT id, label, classes[argmax(scores)] AS predicted, element_max(softmax(scores)) AS probability
  FROM (SELECT id, label, classes, linear(image, weights, bias) AS scores
          FROM test_images, gallery.classifier) t;

-- The share that it gets right.
SELECT count(*) AS images, avg((predicted = label)::int)::numeric(5, 4) AS accuracy FROM gallery.predictions;

-- The same for each class, and what it is most often mistaken for.
SELECT c.name, avg((predicted = p.label)::int)::numeric(5, 3) AS accuracy,
       (SELECT w.name || ' (' || count(*) || ')' FROM gallery.predictions m JOIN classes w ON w.label = m.predicted
         WHERE m.label = c.label AND m.predicted <> c.label
         GROUP BY w.name ORDER BY count(*) DESC, w.name LIMIT 1) AS "most often mistaken for"
  FROM gallery.predictions p JOIN classes c USING (label)
 GROUP BY c.label, c.name ORDER BY accuracy DESC;
