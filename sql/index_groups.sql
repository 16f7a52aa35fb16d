-- The best of each group by a search that goes deeper until it has met enough groups (docs/filters.md).
CREATE SCHEMA index_groups;
SET search_path = index_groups, public;
\getenv abs_srcdir PG_ABS_SRCDIR
\set noises :abs_srcdir '/sql/include/noises.sql'
\i :noises
-- Documents of 1 to 40 chunks, of which many are near each other.
CREATE TABLE chunks (id int PRIMARY KEY, doc int, v vector(8));
INSERT INTO chunks SELECT i, i * i / 20000, noises(i * i / 20000 % 25, 8) + noises(100 + i, 8, 0.3) FROM generate_series(1, 3000) i;
CREATE INDEX ON chunks USING vecdot (v);
VACUUM ANALYZE chunks;
CREATE FUNCTION nearest_docs(query vector, how_many integer) RETURNS TABLE (doc integer, chunk integer, distance float8)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	depth bigint := 4 * how_many;
	docs integer[]; chunks integer[]; distances float8[];
BEGIN
	LOOP
		SELECT array_agg(n.doc), array_agg(n.id), array_agg(n.d) INTO docs, chunks, distances
		  FROM (SELECT c.doc, c.id, c.v <=> query AS d FROM chunks c ORDER BY c.v <=> query LIMIT depth) n;
		EXIT WHEN coalesce(cardinality(docs), 0) < depth OR (SELECT count(DISTINCT u) FROM unnest(docs) u) >= how_many;
		depth := 4 * depth;
	END LOOP;
	RETURN QUERY
		SELECT * FROM (SELECT DISTINCT ON (n.doc) * FROM unnest(docs, chunks, distances) n(doc, chunk, distance)
		                ORDER BY n.doc, n.distance) best
		 ORDER BY best.distance LIMIT how_many;
END $$;
SET vecdot.recall = 1;
-- Whatever is asked for, as a scan of the table gives it; more documents than there are, too.
SELECT how_many, count(*) AS queries, bool_and(by_search IS NOT DISTINCT FROM by_scan) AS same, min(cardinality(by_search)) AS documents
  FROM (SELECT how_many, q,
               ARRAY(SELECT chunk FROM nearest_docs(noises(q, 8), how_many)) AS by_search,
               ARRAY(SELECT id FROM (SELECT DISTINCT ON (doc) id, v <=> noises(q, 8) AS d FROM chunks ORDER BY doc, v <=> noises(q, 8)) t
                      ORDER BY d LIMIT how_many) AS by_scan
          FROM (VALUES (1), (5), (30), (1000)) h(how_many), generate_series(1, 5) q) t
 GROUP BY how_many ORDER BY how_many;
-- The search in it is the node's.
SELECT relation, explanation FROM vecdot_explain('SELECT c.doc, c.id, c.v <=> $1 AS d FROM chunks c ORDER BY c.v <=> $1 LIMIT $2');
SET client_min_messages = warning;
DROP SCHEMA index_groups CASCADE;
