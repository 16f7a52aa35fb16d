-- # Lighting
-- How bright a matt surface is: the cosine of the angle between its normal and the light, never below 0
-- (Lambert, 1760). A row for each line of a picture of 256 x 256 points, brightness 0 to 1.
CREATE SCHEMA IF NOT EXISTS gallery;
DROP TABLE IF EXISTS gallery.sphere;
CREATE TABLE gallery.sphere AS
SELECT line, vector_agg(CASE WHEN inside >= 0 THEN 0.08 + 0.92 * lambert(ARRAY[x, y, sqrt(inside)]::vector, '[-1,1,1]')
                             ELSE 0 END ORDER BY x) AS brightness
  FROM generate_series(0, 255) line, generate_series(0, 255) col,
       LATERAL (SELECT (col - 127.5) / 120 AS x, (127.5 - line) / 120 AS y) point,
       LATERAL (SELECT greatest(1 - x * x - y * y, -1) AS inside) depth
 GROUP BY line;

-- A flat surface can look rough if each point has a normal of its own: here that of ripples around two drops.
-- For a height h(x, y) the normal is [-dh/dx, -dh/dy, 1].
DROP TABLE IF EXISTS gallery.ripples;
CREATE TABLE gallery.ripples AS
SELECT line, col, unit(ARRAY[a * xa / ra + b * xb / rb, a * ya / ra + b * yb / rb, 1]::vector) AS normal
  FROM generate_series(0, 255) line, generate_series(0, 255) col,
       LATERAL (SELECT col - 70.5 AS xa, 80.5 - line AS ya, col - 190.5 AS xb, 190.5 - line AS yb) drops,
       LATERAL (SELECT sqrt(xa * xa + ya * ya) AS ra, sqrt(xb * xb + yb * yb) AS rb) distance,
       LATERAL (SELECT 1.2 * sin(ra / 5) / (1 + ra / 40) AS a, 1.2 * sin(rb / 5) / (1 + rb / 40) AS b) slope;

DROP TABLE IF EXISTS gallery.surface;
CREATE TABLE gallery.surface AS
SELECT line, vector_agg(lambert(normal, '[-1,1,1.2]') ORDER BY col) AS brightness FROM gallery.ripples GROUP BY line;

-- The brightest point of the sphere faces the light; what has no normal or faces away is dark.
SELECT max(element_max(brightness))::numeric(4, 3) AS brightest,
       (SELECT lambert('[0,0,0]', '[0,0,1]')) AS "without a normal",
       (SELECT lambert('[1,-1,0]', '[-1,1,1]')) AS "facing away"
  FROM gallery.sphere;
