#!/bin/bash
# make.sh SET: makes the kept indexes of test/format/SET by this version of vecdot: the files of all indexes that setup.sql
# makes, and the answers that queries.sql gets. For the format of a release, before the release; a set that is there
# stays as it is for ever. README.md beside it says what the files are.
set -uo pipefail
. "$(dirname "$0")/../common.sh"

set=$source_dir/test/format/${1:?which set?}
[ -f "$set/setup.sql" ] && [ -f "$set/queries.sql" ] || die "$set has no setup.sql and queries.sql"
[ -z "$(ls "$set"/*.gz 2>/dev/null)" ] || die "$set has indexes already: a kept index is never made anew"
need_packages g++ make libxsimd-dev python3
find_postgres

stage=
finish() {
    trap - EXIT
    [ -z "$stage" ] || { stop_cluster "$stage" immediate; rm -rf "$stage"; }
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
stage=$(mktemp -d /tmp/vecdot-format.XXXXXX) || exit 1
locked_make -s all && locked_make -s install DESTDIR="$stage/dest" || exit 1
chmod 755 "$stage"
chmod -R a+rX "$stage/dest"
[ "$(id -u)" -ne 0 ] || chown "$server_user" "$stage"
new_cluster "$stage" "$stage/dest" <<<'autovacuum = off' && start_cluster "$stage" || exit 1

psql() {
    as_server_user "$pg_bindir/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$stage/socket" -U postgres -d postgres "$@"
}
psql -c 'CREATE EXTENSION vecdot' && psql <"$set/setup.sql" >/dev/null || exit 1
PGOPTIONS='-c vecdot.recall=1 -c enable_seqscan=off' psql <"$set/queries.sql" >"$stage/answers" || exit 1
PGOPTIONS='-c enable_indexscan=off -c vecdot.search_node=off' psql <"$set/queries.sql" | cmp - "$stage/answers" || die "the indexes don't find what the tables have"
psql -c 'CHECKPOINT' || exit 1
psql -F ' ' -c "SELECT relname, pg_relation_filepath(c.oid) FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE amname = 'vecdot' AND relkind = 'i' ORDER BY 1" >"$stage/indexes" || exit 1
stop_cluster "$stage"
cp "$stage/answers" "$set/answers"
while read -r name path; do
    # Without each page's LSN and checksum, which are the server's.
    "$python" -c '
import gzip, sys
pages = bytearray(open(sys.argv[1], "rb").read())
for page in range(0, len(pages), 8192):
    pages[page : page + 10] = bytes(10)
with open(sys.argv[2], "wb") as file, gzip.GzipFile("", "wb", 9, file, 0) as packed:
    packed.write(pages)
' "$stage/data/$path" "$set/$name.gz" || exit 1
done <"$stage/indexes"
ls -l "$set"
