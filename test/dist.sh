#!/bin/bash
# dist.sh DIRECTORY: the source of the last commit as vecdot-VERSION.tar.gz there: the same bytes each time.
set -euo pipefail
directory=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")/.."
version=$(sed -n "s/^default_version = '\(.*\)'/\1/p" vecdot.control)
[ -z "$(git status --porcelain --untracked-files=no)" ] || echo "warning: what is not committed is left out" >&2
archive=$directory/vecdot-$version.tar.gz
git archive --format=tar --prefix="vecdot-$version/" HEAD | gzip -9n >"$archive"
echo "$archive"
