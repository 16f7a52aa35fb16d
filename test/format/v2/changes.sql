-- What happens to the indexes after they have been opened: inserts that split cells, deletions, vacuum, then more inserts.
SET max_parallel_maintenance_workers = 0;
SELECT add_items(3001, 3400);
INSERT INTO grown SELECT i, elements(i, 20)::vector FROM generate_series(1001, 1500) i;
INSERT INTO far SELECT 1000 + i, (SELECT array_agg(x + 1000 ORDER BY n) FROM unnest(elements(i, 8)) WITH ORDINALITY e (x, n))::vector(8) FROM generate_series(300, 700) i;
INSERT INTO wide SELECT 1000 + i, elements(i, 2000)::vector(2000) FROM generate_series(100, 200) i;
INSERT INTO nothing SELECT i, elements(i, 3)::vector(3) FROM generate_series(1, 300) i;
DELETE FROM items WHERE id % 3 = 2 AND id NOT IN (2001);
DELETE FROM grown WHERE id % 3 = 2;
DELETE FROM far WHERE id % 4 = 2;
VACUUM items, grown, far, wide, nothing;
SELECT add_items(3401, 3450);
