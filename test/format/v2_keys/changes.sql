-- What happens to the indexes after they have been opened: inserts that split cells, deletions, vacuum, then more inserts.
SET max_parallel_maintenance_workers = 0;
SELECT add_items(3001, 3600);
INSERT INTO grown SELECT i, 200 + i % 60, elements(i, 8)::vector FROM generate_series(3001, 3500) i;
INSERT INTO few SELECT i, i % 20, elements(i, 3)::vector FROM generate_series(3001, 5000) i;
DELETE FROM items WHERE id % 3 = 2 AND id NOT IN (701);
DELETE FROM grown WHERE id % 3 = 2;
DELETE FROM few WHERE id % 3 = 0;
VACUUM items, grown, few;
SELECT add_items(3601, 3650);
INSERT INTO grown SELECT i, 300 + i % 60, elements(i, 8)::vector FROM generate_series(3601, 3650) i;
