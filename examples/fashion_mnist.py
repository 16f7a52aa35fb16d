"""Writes the images of Fashion-MNIST to standard output, as COPY ... (FORMAT binary) reads them.

Usage: fashion_mnist.py train|test. Rows: id (1, 2, ...), label, image (a vector of 784 grey values).
"""

import gzip
import signal
import sys

import numpy

DIRECTORY = "/usr/share/datasets/fashion-mnist"
PREFIX = {"train": "train", "test": "t10k"}


def read(part):
    """The images (n x 784, uint8) and labels (n) of a part, from their IDX files."""
    with gzip.open(f"{DIRECTORY}/{PREFIX[part]}-images-idx3-ubyte.gz") as file:
        images = numpy.frombuffer(file.read(), numpy.uint8, offset=16).reshape(-1, 784)
    with gzip.open(f"{DIRECTORY}/{PREFIX[part]}-labels-idx1-ubyte.gz") as file:
        labels = numpy.frombuffer(file.read(), numpy.uint8, offset=8)
    assert len(images) == len(labels)
    return images, labels


def rows(images, labels, first_id):
    """The rows as PostgreSQL's binary COPY wants them: each field behind its length, big-endian."""
    n = images.shape[1]
    row = numpy.dtype(
        [
            ("fields", ">i2"),
            ("id_length", ">i4"),
            ("id", ">i4"),
            ("label_length", ">i4"),
            ("label", ">i4"),
            ("image_length", ">i4"),
            ("dimensions", ">i2"),
            ("unused", ">i2"),
            ("image", ">f4", n),
        ]
    )
    block = numpy.zeros(len(images), row)
    block["fields"] = 3
    block["id_length"] = block["label_length"] = 4
    block["id"] = numpy.arange(first_id, first_id + len(images))
    block["label"] = labels
    block["image_length"] = 4 + 4 * n
    block["dimensions"] = n
    block["image"] = images
    return block.tobytes()


def main():
    images, labels = read(sys.argv[1])
    out = sys.stdout.buffer
    out.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
    step = 2000
    for start in range(0, len(images), step):
        out.write(rows(images[start : start + step], labels[start : start + step], start + 1))
        done = min(start + step, len(images))
        end = "\r" if sys.stderr.isatty() and done < len(images) else "\n"
        if end == "\r" or done == len(images) or done % 20000 == 0:
            print(f"  {sys.argv[1]}: {done:,} of {len(images):,}", end=end, file=sys.stderr, flush=True)
    out.write(b"\xff\xff")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends without a traceback
    main()
