-- Exact scan against the index: the ten nearest of 60,000 pictures to each of 50 test images, one after the
-- other in one process. Agreement: how many of the ten are those that the scan finds. Time includes planning.
SET max_parallel_workers_per_gather = 0;
CREATE TEMPORARY TABLE answers (method text, place integer, query integer, ids integer[], ms double precision);

DO $$
DECLARE
    how record;
    picture record;
    found integer[];
    started timestamptz;
BEGIN
    FOR how IN SELECT * FROM (VALUES ('scan of the table', 1, false, '1'), ('index, recall 0.95', 2, true, '0.95'),
                                     ('index, recall 0.99', 3, true, '0.99'), ('index, recall 1', 4, true, '1'))
                           AS m (method, place, by_index, recall) LOOP
        PERFORM set_config('enable_indexscan', how.by_index::text, true),
                set_config('enable_seqscan', (NOT how.by_index)::text, true),
                set_config('vecdot.recall', how.recall, true);
        FOR picture IN SELECT id, image FROM test_images ORDER BY id LIMIT 50 LOOP
            started := clock_timestamp();
            EXECUTE 'SELECT array(SELECT id FROM train_images ORDER BY image <=> $1 LIMIT 10)'
               INTO found USING picture.image;
            INSERT INTO answers VALUES (how.method, how.place, picture.id, found,
                                        1000 * extract(epoch FROM clock_timestamp() - started));
        END LOOP;
    END LOOP;
END $$;

SELECT a.method,
       round((percentile_cont(0.5) WITHIN GROUP (ORDER BY a.ms))::numeric, 2) AS "ms a query (median)",
       round((percentile_cont(0.5) WITHIN GROUP (ORDER BY s.ms / a.ms))::numeric, 1) AS "times as fast",
       round(avg(cardinality(array(SELECT unnest(a.ids) INTERSECT SELECT unnest(s.ids)))) / 10, 3) AS agreement
  FROM answers a JOIN answers s ON s.query = a.query AND s.place = 1
 GROUP BY a.method, a.place
 ORDER BY a.place;
RESET max_parallel_workers_per_gather;
