#!/bin/bash
# make gallery: what the dot product does, in SQL on real pictures: each query, its result and a picture
# of it on one page, build/gallery/index.html. Arguments: chapters (files of gallery/), all by default.
. "$(dirname "$0")/cluster.sh"

stop_at_exit

output=$source_dir/build/gallery
start_demo
mkdir -p "$output" || die "cannot write to $output"

say "The gallery ..."
"$python" "$source_dir/examples/gallery/gallery.py" "$output" "$pg_bindir/psql" "$connection" "$@" || die "the gallery failed"
give_to_owner

say "The page:     $output/index.html"
say "The pictures: $(cd "$output" && echo *.png)"
say "Its SQL:      examples/gallery/*.sql, to paste into psql (make demo-psql)"
