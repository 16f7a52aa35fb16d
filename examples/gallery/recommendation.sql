-- # Recommendation
-- "Liked these five, show ten more": a user is the mean of what they liked, and the items with the largest
-- dot product come first. Items are the 50 coordinates that pca.sql left in gallery.coordinates; they are of
-- different lengths, which the dot product rewards: the most pronounced examples win.
CREATE INDEX IF NOT EXISTS coordinates_z ON gallery.coordinates USING vecdot (z vector_ip_ops);

-- Three users, five likes each.
DROP TABLE IF EXISTS gallery.likes;
CREATE TABLE gallery.likes (who text, id integer, PRIMARY KEY (who, id));
INSERT INTO gallery.likes VALUES
    ('Ada', 1), ('Ada', 12), ('Ada', 16), ('Ada', 7), ('Ada', 15),
    ('Emil', 24), ('Emil', 36), ('Emil', 58), ('Emil', 100), ('Emil', 101),
    ('Grace', 4), ('Grace', 21), ('Grace', 26), ('Grace', 17), ('Grace', 22);

-- What they liked.
SELECT who, string_agg(c.name, ', ' ORDER BY l.id) AS liked
  FROM gallery.likes l JOIN gallery.coordinates i USING (id) JOIN classes c USING (label)
 GROUP BY who ORDER BY who;

-- Ten more for each, without what they have seen.
DROP TABLE IF EXISTS gallery.recommended;
CREATE TABLE gallery.recommended AS
SELECT u.who, r.*
  FROM (SELECT who, avg(z) AS taste FROM gallery.likes JOIN gallery.coordinates USING (id) GROUP BY who) u,
       LATERAL (SELECT i.id, i.label, i.z @ u.taste AS score
                  FROM gallery.coordinates i
                 WHERE NOT EXISTS (SELECT FROM gallery.likes seen WHERE seen.who = u.who AND seen.id = i.id)
                 ORDER BY i.z <#> u.taste
                 LIMIT 10) r;

SELECT who, string_agg(name || ' x ' || n, ', ' ORDER BY n DESC) AS recommended
  FROM (SELECT who, name, count(*) AS n FROM gallery.recommended JOIN classes USING (label) GROUP BY who, name) t
 GROUP BY who ORDER BY who;
