"""Runs the chapters, draws their pictures, writes index.html.

Usage: gallery.py OUTPUT PSQL CONNECTION [CHAPTER ...], on the cluster of the demonstration.
"""

import json
import pathlib
import signal
import sys

import numpy

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import contact_sheet  # noqa: E402
import page  # noqa: E402
import pictures  # noqa: E402
from contact_sheet import QUERY, RIGHT, WRONG  # noqa: E402

# The order of the page; recommendation uses what pca leaves.
CHAPTERS = ["search", "pca", "classifier", "attention", "recommendation", "lighting"]


def vector(text):
    return numpy.array(json.loads(text))


def class_names(psql):
    return [name for name, in psql.rows("SELECT name FROM classes ORDER BY label")]


def search(psql, directory):
    path = directory / "neighbours.png"
    columns = ["query", "query_label", "query_name", "id", "label", "name", "distance", "query_image", "image"]
    rows = psql.rows("""
        SELECT n.query, n.query_label, qc.name, n.id, n.label, c.name, n.distance, q.image, t.image
          FROM gallery.neighbours n
          JOIN test_images q ON q.id = n.query JOIN classes qc ON qc.label = n.query_label
          JOIN train_images t ON t.id = n.id JOIN classes c ON c.label = n.label
         ORDER BY n.query_label, n.distance""")
    contact_sheet.draw_sheet([dict(zip(columns, row)) for row in rows], path, "The ten nearest of 60,000 pictures",
                       "ORDER BY image <=> query LIMIT 10, by the index at recall 0.99")
    return [(path, "Left a test image of each class, right its nearest training images.")]


def pca(psql, directory):
    variance, names = [], class_names(psql)
    mean = psql.rows("SELECT (model).mean FROM gallery.pca")[0][0]
    cards = [(pictures.grey(vector(mean)), "mean", None)]
    for number, share, axis in psql.rows("""
            SELECT i, share, axis FROM gallery.pca,
                   unnest((model).components, (model).explained_variance_ratio) WITH ORDINALITY AS t(axis, share, i)
             ORDER BY i"""):
        variance.append(float(share))
        if int(number) < 24:
            cards.append((pictures.signed(vector(axis)), f"{number}\n{float(share):.1%}", None))
    garments = directory / "eigen-garments.png"
    pictures.tiles(garments, "Eigen-garments", "The mean picture, then the directions of most variance: red adds, blue takes away",
                   [("", cards[i : i + 8]) for i in range(0, len(cards), 8)])

    explained = directory / "explained-variance.png"
    pictures.bars(explained, "Explained variance", "Share of each of the first 50 of 784 components, and their sum (red)",
                  variance, [str(i + 1) for i in range(len(variance))])

    rows = psql.rows("SELECT label, z[1], z[2] FROM gallery.coordinates WHERE id <= 2000 ORDER BY id")
    data = numpy.array(rows, float)
    plane = directory / "scatter.png"
    pictures.scatter(plane, "2,000 pictures in the plane", "Coordinates along the first two components, pca_transform(image, model)",
                     data[:, 1:], data[:, 0].astype(int), names,
                     [f"component 1 ({variance[0]:.0%} of the variance)", f"component 2 ({variance[1]:.0%})"])

    # The first k components of a model are a model too.
    restored = {}
    for k, original, image in psql.rows("""
            SELECT k, image, pca_inverse_transform(pca_transform(image, m), m)
              FROM (SELECT DISTINCT ON (label) label, image FROM test_images ORDER BY label, id) t, gallery.pca,
                   unnest(ARRAY[1, 2, 5, 10, 20, 50]) AS k,
                   LATERAL (SELECT ROW((model).mean, (model).components[1:k], NULL, NULL, 1)::pca_model AS m) first
             ORDER BY k, label"""):
        restored.setdefault(int(k), []).append((original, image))
    originals = [pictures.grey(vector(original)) for original, _ in restored[1]]
    back = directory / "reconstruction.png"
    rows = [("image", [(image, name, QUERY) for image, name in zip(originals, names)])]
    rows += [(f"{k} number" + "s" * (k > 1), [(pictures.grey(vector(image)), "", None) for _, image in pairs])
             for k, pairs in restored.items()]
    pictures.tiles(back, "Pictures from a few numbers", "pca_inverse_transform of the first 1 to 50 coordinates of test images",
                   rows, size=84, label_width=110)
    return [(garments, "The components as pictures."),
            (plane, "Each dot is a picture, coloured by what it shows; the names stand at the medians."),
            (explained, f"Two of 784 components hold {sum(variance[:2]):.0%} of the variance, fifty {sum(variance):.0%}."),
            (back, "Test images restored from their coordinates.")]


def classifier(psql, directory):
    names = class_names(psql)
    weights = psql.rows("""SELECT w FROM gallery.classifier, unnest(weights) WITH ORDINALITY AS t(w, i) ORDER BY i""")
    images = directory / "weights.png"
    cards = [(pictures.signed(vector(w)), name, None) for (w,), name in zip(weights, names)]
    pictures.tiles(images, "What the classifier looks for", "The ten rows of weights: red speaks for the class, blue against it",
                   [("", cards[:5]), ("", cards[5:])], size=150)
    counts = numpy.zeros((10, 10), int)
    for truth, predicted, n in psql.rows("SELECT label, predicted, count(*) FROM gallery.predictions GROUP BY 1, 2"):
        counts[int(truth), int(predicted)] = int(n)
    accuracy = counts.trace() / counts.sum()
    matrix = directory / "confusion.png"
    pictures.confusion(matrix, f"{accuracy:.2%} of {counts.sum():,} test images are right",
                       "Rows: what a picture shows. Columns: what it was taken for", counts, names)
    return [(images, "The weights as pictures. Pixels near the edge hardly vary, so their weights are large."), (matrix, "The confusion matrix.")]


def attention(psql, directory):
    names = class_names(psql)
    queries, blends = [], []
    for number, label, blend, image, chance, guess in psql.rows("""
            SELECT a.id, a.label, a.image, t.image, element_max(p.probabilities), argmax(p.probabilities) - 1
              FROM gallery.attended_images a JOIN test_images t USING (id) JOIN gallery.attended p USING (id) ORDER BY a.label"""):
        queries.append((pictures.grey(vector(image)), f"{names[int(label)]}\ntest image {number}", QUERY))
        blends.append((pictures.grey(vector(blend)), f"{names[int(guess)]}\n{float(chance):.0%}",
                       RIGHT if guess == label else WRONG))
    path = directory / "attention.png"
    accuracy = float(psql.rows("SELECT avg((argmax(probabilities) - 1 = label)::int) FROM gallery.attended")[0][0])
    pictures.tiles(path, f"Attention over 60,000 pictures: {accuracy:.1%} of 500 test images are right",
                   "Above the query, below what the memory answers: the attended image and the most probable class",
                   [("query", queries), ("attended", blends)], size=96, label_width=100)
    return [(path, "attention(query, key, image, 60) beside its query.")]


def recommendation(psql, directory):
    liked, found = {}, {}
    for who, name, image in psql.rows("""
            SELECT who, name, image FROM gallery.likes JOIN train_images USING (id) JOIN classes USING (label) ORDER BY who, id"""):
        liked.setdefault(who, []).append((pictures.grey(vector(image)), name, QUERY))
    for who, name, score, image in psql.rows("""
            SELECT who, name, score, image FROM gallery.recommended JOIN train_images USING (id, label) JOIN classes USING (label)
             ORDER BY who, score DESC"""):
        found.setdefault(who, []).append((pictures.grey(vector(image)), name, None))
    path = directory / "recommendation.png"
    rows = []
    for who in liked:
        rows += [(f"{who} liked", liked[who]), ("ten more", found[who])]
    pictures.tiles(path, "Liked these five: show ten more", "ORDER BY item <#> avg(liked items) LIMIT 10, without what was seen",
                   rows, size=84, label_width=110)
    return [(path, "Blue: what each user liked. Below: the ten items of the largest dot product.")]


def lighting(psql, directory):
    sphere = numpy.array([vector(row) for row, in psql.rows("SELECT brightness FROM gallery.sphere ORDER BY line")])
    surface = numpy.array([vector(row) for row, in psql.rows("SELECT brightness FROM gallery.surface ORDER BY line")])
    normals = numpy.array([vector(row) for row, in psql.rows("SELECT normal FROM gallery.ripples ORDER BY line, col")])
    path = directory / "lighting.png"
    # A normal's elements, -1 to 1, as red, green and blue: how normal maps are usually kept.
    pictures.shades(path, "Light from the upper left", "lambert(normal, light) for each of 256 x 256 points",
                    [sphere, normals.reshape(256, 256, 3) / 2 + 0.5, surface],
                    ["a sphere", "normals of a flat surface, as colours", "the same surface, lit"])
    return [(path, "Rendered by SQL; only the file format is Python's.")]


def main():
    directory, program, connection = sys.argv[1:4]
    directory = pathlib.Path(directory)
    psql = page.Psql(program, connection)
    wanted = sys.argv[4:] or CHAPTERS
    chapters = [page.Chapter(HERE / f"{name}.sql") for name in wanted]
    for chapter in chapters:
        print(f"  {chapter.title} ...", flush=True)
        chapter.run(psql)
        chapter.figures = globals()[chapter.name](psql, directory)
    server, = psql.rows("SELECT split_part(version(), ' on ', 1) || ', vecdot ' || extversion FROM pg_extension WHERE extname = 'vecdot'")
    page.write(directory / "index.html", chapters,
               f"Made by make gallery with {server[0]} on Fashion-MNIST: 60,000 training and 10,000 test images. Every "
               "query can be pasted into psql (make demo-psql).")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends without a traceback
    main()
