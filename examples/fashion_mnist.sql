-- Fashion-MNIST (Zalando Research): pictures of clothes, 28 x 28 grey values of 0 to 255, ten classes.
CREATE EXTENSION vecdot;

CREATE TABLE classes (
    label integer PRIMARY KEY,
    name text NOT NULL
);
INSERT INTO classes VALUES
    (0, 'T-shirt'), (1, 'trouser'), (2, 'pullover'), (3, 'dress'), (4, 'coat'),
    (5, 'sandal'), (6, 'shirt'), (7, 'sneaker'), (8, 'bag'), (9, 'ankle boot');

CREATE TABLE train_images (
    id integer PRIMARY KEY,
    label integer NOT NULL REFERENCES classes,
    image vector(784) NOT NULL
);

CREATE TABLE test_images (
    id integer PRIMARY KEY,
    label integer NOT NULL REFERENCES classes,
    image vector(784) NOT NULL
);

-- A row of 3 kB would go out of line; a scan of all images is faster where it stays in the page.
ALTER TABLE train_images SET (toast_tuple_target = 8160);
ALTER TABLE test_images SET (toast_tuple_target = 8160);
