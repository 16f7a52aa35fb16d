"""Prints the first principal components of Fashion-MNIST's training images, by numpy: a line each of
variance (divisor n - 1) and component as a vector's text, the largest element positive.

Usage: pca_reference.py EXAMPLES [COUNT]; EXAMPLES is the directory of fashion_mnist.py.
"""

import os
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy  # noqa: E402

sys.path.insert(0, sys.argv[1])
import fashion_mnist  # noqa: E402

count = int(sys.argv[2]) if len(sys.argv) > 2 else 10
images, _ = fashion_mnist.read("train")
x = images.astype(numpy.float64)
x -= x.mean(0)
variance, vectors = numpy.linalg.eigh(x.T @ x / (len(x) - 1))
for j in range(1, count + 1):
    v = vectors[:, -j]
    v = v if v[numpy.abs(v).argmax()] > 0 else -v
    print(repr(float(variance[-j])), "[" + ",".join(map(repr, v.tolist())) + "]", sep="|")
