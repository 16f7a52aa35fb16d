-- # Principal components
-- The directions in which the 60,000 pictures differ most, from one pass over the table.
CREATE SCHEMA IF NOT EXISTS gallery;
DROP TABLE IF EXISTS gallery.pca;
CREATE TABLE gallery.pca AS
SELECT pca(image, 50) AS model FROM train_images;

-- How much of the whole variance the first ten of 784 directions explain.
SELECT component, round(variance) AS variance, round((100 * share)::numeric, 2) AS "%",
       round((100 * sum(share) OVER (ORDER BY component))::numeric, 2) AS "% so far"
  FROM gallery.pca,
       unnest((model).explained_variance, (model).explained_variance_ratio) WITH ORDINALITY
         AS t(variance, share, component)
 LIMIT 10;

-- Each picture in 50 numbers instead of 784.
DROP TABLE IF EXISTS gallery.coordinates;
CREATE TABLE gallery.coordinates (id integer PRIMARY KEY, label integer, z vector(50));
INSERT INTO gallery.coordinates
SELECT id, label, pca_transform(image, model) FROM train_images, gallery.pca;

-- The first two coordinates alone already tell shoes from clothes: their mean for each class.
SELECT c.name, count(*), round(avg(z[1])) AS z1, round(avg(z[2])) AS z2
  FROM gallery.coordinates JOIN classes c USING (label)
 GROUP BY c.name ORDER BY z1;

-- Back from 50 numbers to pictures: what is lost, as a share of the variance.
SELECT round((100 * sum((r.restored <-> t.image) ^ 2) / sum((t.image <-> (model).mean) ^ 2))::numeric, 2) AS "% lost"
  FROM (SELECT * FROM train_images WHERE id <= 1000) t, gallery.pca,
       LATERAL (SELECT pca_inverse_transform(pca_transform(image, model), model) AS restored) r;
