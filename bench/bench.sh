#!/bin/bash
# make bench: the kernels by themselves, then SQL on a private server, beside pgvector if
# PGVECTOR_DESTDIR names a directory below which it is installed (make install DESTDIR=...), or the
# server has it. Arguments (make bench ONLY="..."): kernels, or names of SQL benchmarks (sql/run.py).
# BENCH_KEEP=DIRECTORY keeps the server's cluster there for the next run.
set -uo pipefail
pgvector=${PGVECTOR_DESTDIR:-}  # before the variables that begin with PG go
. "$(dirname "$0")/../test/common.sh"

output=$source_dir/build/bench
stage=

finish() {
    trap - EXIT
    trap '' INT TERM HUP
    if [ -n "$stage" ] && [ -d "$stage" ]; then
        for shard in "$stage"/shard*; do
            [ ! -d "$shard" ] || stop_cluster "$shard" immediate
            rm -rf "$shard"
        done
        if [ -n "${BENCH_KEEP:-}" ]; then
            stop_cluster "$stage"
        else
            stop_cluster "$stage" immediate
            rm -rf "$stage"
        fi
    fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

need_packages g++ make libxsimd-dev libbenchmark-dev libfaiss-dev libblas-dev libopenblas0-pthread \
    python3-numpy python3-matplotlib python3-psycopg2 dataset-fashion-mnist
find_postgres
mkdir -p "$output"

names=("$@")
[ ${#names[@]} -gt 0 ] || names=(kernels io scan)
sql=()
for name in "${names[@]}"; do
    if [ "$name" = kernels ]; then
        locked_make bench-kernels || exit 1
    else
        sql+=("$name")
    fi
done
[ ${#sql[@]} -gt 0 ] || exit 0

say "Building vecdot (some minutes the first time; $output/build.log) and a private server ..."
if [ -n "${BENCH_KEEP:-}" ]; then
    mkdir -p "$BENCH_KEEP" || exit 1
    # Not in "stage" before it is ours: finish stops the server of that directory.
    kept=$(cd "$BENCH_KEEP" && pwd)
    exec 8>"$kept/lock"
    flock -n 8 || die "another run uses $kept"
    stage=$kept
    stop_cluster "$stage" # which an interrupted run may have left
    rm -rf "$stage/dest" "$stage/files"
else
    stage=$(mktemp -d /var/tmp/vecdot-bench.XXXXXX) || exit 1
fi
[ -z "$pgvector" ] || cp -a "$pgvector" "$stage/dest" || exit 1
locked_make all >"$output/build.log" 2>&1 && locked_make -s install DESTDIR="$stage/dest" >>"$output/build.log" 2>&1 || {
    tail -n 40 "$output/build.log"
    die "the build failed; all of its output is in $output/build.log"
}
if [ -z "$pgvector" ] && [ "$pg_major" -lt 18 ] && [ -f "$pg_sharedir/extension/vector.control" ]; then
    # With extension_destdir the server looks at one directory only.
    mkdir -p "$stage/dest$pg_sharedir/extension" && cp "$pg_sharedir"/extension/vector* "$stage/dest$pg_sharedir/extension/"
fi
chmod a+rx "$stage"
chmod -R a+rX "$stage/dest"
[ "$(id -u)" -ne 0 ] || chown -R "$server_user" "$stage"

if [ ! -f "$stage/data/PG_VERSION" ]; then
    new_cluster "$stage" "$stage/dest" <<<"include = 'bench.conf'" || die "initdb failed"
elif [ "$(cat "$stage/data/PG_VERSION")" != "$pg_major" ]; then
    die "$stage holds a cluster of PostgreSQL $(cat "$stage/data/PG_VERSION"), this is $pg_major"
fi
as_server_user tee "$stage/data/bench.conf" >/dev/null <<-END
	shared_buffers = ${BENCH_SHARED_BUFFERS:-4GB}
	work_mem = 64MB
	max_wal_size = 16GB
	wal_level = minimal
	max_wal_senders = 0
	fsync = off
	autovacuum = off
	jit = off
	max_locks_per_transaction = 512
END
start_cluster "$stage" || die "the server does not start"

# Servers of their own for the parts of a table.
export BENCH_SHARDS=
if [[ " ${sql[*]} " == *" shards "* ]]; then
    for number in 0 1 2 3; do
        as_server_user mkdir "$stage/shard$number"
        { sed 's/^shared_buffers.*/shared_buffers = 1GB/' "$stage/data/bench.conf"; } |
            new_cluster "$stage/shard$number" "$stage/dest" || die "initdb failed"
        start_cluster "$stage/shard$number" || die "shard $number does not start"
        BENCH_SHARDS+=${BENCH_SHARDS:+;}"host=$stage/shard$number/socket user=postgres dbname=postgres"
    done
fi
mkdir -p "$stage/files"
chmod 755 "$stage" "$stage/files"
"${BENCH_PYTHON:-$python}" "$source_dir/bench/sql/run.py" "host=$stage/socket user=postgres dbname=postgres" "$stage/files" "${sql[@]}"
status=$?
cp "$stage"/files/*.{json,png,svg} "$output/" 2>/dev/null
say "The figures as JSON, and plots of them: $output"
exit $status
