#!/bin/bash
# make demo: from a machine with nothing on it to the nearest neighbours of pictures, found by SQL, and a
# picture of them.
. "$(dirname "$0")/cluster.sh"

stop_at_exit

start_demo

say
demo_psql -e -d "$connection" <"$source_dir/examples/search.sql" || die "the search failed"

say "Exact scan against the index, 50 queries each ..."
{
    cat "$source_dir/examples/compare.sql"
    # The same table once more, for the chart.
    printf '\\o %s\n\\pset format csv\n' "$stage/comparison.csv"
    sed -n '/^SELECT a.method/,/;$/p' "$source_dir/examples/compare.sql"
} | demo_psql -d "$connection" || die "the comparison failed"
"$python" "$source_dir/examples/chart.py" "$demo_output/comparison.png" <"$stage/comparison.csv" ||
    die "cannot draw $demo_output/comparison.png"

say "Ten neighbours each of ten test images, one of each class ..."
neighbours=$(cat "$source_dir/examples/neighbours.sql")
demo_psql -d "$connection" <<END || die "the search failed"
CREATE TEMPORARY TABLE neighbours AS $neighbours;
SELECT q.name AS "query", string_agg(c.name, ', ' ORDER BY rank) AS "its ten nearest"
  FROM neighbours n JOIN classes q ON q.label = query_label JOIN classes c ON c.label = n.label
 GROUP BY query_label, q.name ORDER BY query_label;
SELECT count(*) FILTER (WHERE label = query_label) || ' of ' || count(*) || ' neighbours are of the class of their query'
  AS agreement FROM neighbours;
\o $stage/neighbours.csv
\pset format csv
SELECT n.query, n.query_label, qc.name AS query_name, n.rank, n.id, n.label, c.name, n.distance,
       q.image AS query_image, t.image
  FROM neighbours n
  JOIN test_images q ON q.id = n.query JOIN classes qc ON qc.label = n.query_label
  JOIN train_images t ON t.id = n.id JOIN classes c ON c.label = n.label
 ORDER BY n.query_label, n.rank;
END
"$python" "$source_dir/examples/contact_sheet.py" "$demo_output/neighbours.png" \
    "The ten nearest of 60,000 pictures" "ORDER BY image <=> query LIMIT 10, cosine distance, Fashion-MNIST" \
    <"$stage/neighbours.csv" || die "cannot draw $demo_output/neighbours.png"
give_to_owner

say "The pictures: $demo_output/neighbours.png"
say "              $demo_output/comparison.png"
say "The cluster:  $stage ($([ -z "$started_here" ] && echo 'its server was running before and still is' || echo 'its server stops now; the data is kept'))"
say "Look around:  make demo-psql        (starts the server, opens psql, stops the server)"
say "      or:     make demo-start; $(psql_command)"
say "              make demo-stop"
