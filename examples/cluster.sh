#!/bin/bash
# The demonstration's own PostgreSQL cluster with Fashion-MNIST in it.
#   cluster.sh start   install what is missing, build, start the server, load the data once
#   cluster.sh stop    stop the server (the data stays)
#   cluster.sh psql    open psql on it (starting the server, and stopping it afterwards if it did)
# demo.sh and gallery.sh source this file for the functions.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../test/common.sh"

demo_output=$source_dir/build/demo
demo_packages=(g++ make libxsimd-dev dataset-fashion-mnist python3-numpy python3-pil python3-matplotlib fonts-dejavu-core)

# Where the cluster lies: below build/, or, if the server's user can't get there (a tree below /root),
# below /var/tmp.
find_cluster() {
    mkdir -p "$demo_output" || die "cannot write to $demo_output"
    stage=$demo_output/cluster
    if [ "$(id -u)" -eq 0 ] && ! runuser -u "$server_user" -- test -x "$demo_output"; then
        stage=/var/tmp/vecdot-demo-$(cksum <<<"$source_dir" | cut -d' ' -f1)
    # A socket's path has at most 107 bytes.
    elif [ $((${#stage} + 30)) -gt 107 ]; then
        stage=/var/tmp/vecdot-demo-$(id -u)-$(cksum <<<"$source_dir" | cut -d' ' -f1)
    fi
    if [ ! -e "$stage" ]; then
        mkdir -m 755 "$stage" || die "cannot make $stage"
        [ "$(id -u)" -ne 0 ] || chown "$server_user" "$stage"
    fi
    [ "$(stat -c %U "$stage")" = "$server_user" ] ||
        die "$stage belongs to $(stat -c %U "$stage"), not to $server_user: run this command as the user who made it, or remove that directory"
    connection="host=$stage/socket user=postgres dbname=demo"
}

is_running() {
    [ -f "$stage/data/postmaster.pid" ] &&
        as_server_user "$pg_bindir/pg_ctl" -D "$stage/data" status >/dev/null 2>&1
}

demo_psql() {
    as_server_user "$pg_bindir/psql" -X -q -v ON_ERROR_STOP=1 "$@"
}

start_demo() {
    need_packages "${demo_packages[@]}"
    find_postgres
    find_cluster
    exec 8<"$stage" || die "cannot open $stage"
    flock -n 8 || die "another demonstration is at work in $stage"

    say "Building vecdot for $("$PG_CONFIG" --version): some minutes the first time; follow it in $demo_output/build.log ..."
    mkdir -p "$source_dir/build"
    locked_make all >"$demo_output/build.log" 2>&1 && locked_make -s install DESTDIR="$demo_output/dest" >>"$demo_output/build.log" 2>&1 || {
        tail -n 40 "$demo_output/build.log"
        die "the build failed; all of its output is in $demo_output/build.log"
    }
    rm -rf "$stage/dest" && cp -r "$demo_output/dest" "$stage/dest" && chmod -R a+rX "$stage/dest" && rm -r "$demo_output/dest" ||
        die "cannot write to $stage"

    if [ ! -f "$stage/data/.complete" ]; then
        say "Making a cluster in $stage ..."
        rm -rf "$stage/data"
        new_cluster "$stage" "$stage/dest" <<-END || die "initdb failed"
			shared_buffers = 512MB
			synchronous_commit = off
			max_wal_size = 4GB
			work_mem = 64MB
			maintenance_work_mem = 512MB
		END
        as_server_user touch "$stage/data/.complete"
    fi
    started_here=
    if ! is_running; then
        started_here=yes
        start_cluster "$stage" || die "the server does not start: $stage/server.log"
    fi

    # Data loaded under another version of the extension's script is loaded again.
    local script loaded
    script=$(md5sum <"$(echo "$stage"/dest/"$pg_sharedir"/extension/vecdot--*.sql)" | cut -d' ' -f1)
    loaded=$(cat "$stage/loaded" 2>/dev/null)
    if [ "$script" != "$loaded" ]; then
        say "Loading Fashion-MNIST: 60,000 training and 10,000 test images of 28 x 28 as vector(784) ..."
        as_server_user rm -f "$stage/loaded"
        demo_psql -d "host=$stage/socket user=postgres dbname=postgres" \
            -c 'DROP DATABASE IF EXISTS demo' -c 'CREATE DATABASE demo' 2>&1 | grep -v 'does not exist, skipping'
        demo_psql -d "$connection" -1 <"$source_dir/examples/fashion_mnist.sql" || die "cannot create the tables"
        local part
        for part in train test; do
            "$python" "$source_dir/examples/fashion_mnist.py" "$part" |
                demo_psql -d "$connection" -c "COPY ${part}_images FROM STDIN (FORMAT binary)" || die "cannot load the images"
        done
        say "CREATE INDEX ON train_images USING vecdot (image) ..."
        demo_psql -d "$connection" -c '\timing on' -c 'CREATE INDEX ON train_images USING vecdot (image)' ||
            die "cannot build the index"
        demo_psql -d "$connection" -c 'VACUUM ANALYZE' || die "VACUUM failed"
        as_server_user sh -c "echo $script >loaded"
    fi
}

stop_demo() {
    if is_running; then
        stop_cluster "$stage"
    fi
}

# However the calling script ends, a server that it started ends with it.
stop_at_exit() {
    trap finish EXIT
    trap 'say; say interrupted; exit 130' INT
    trap 'exit 143' TERM HUP
}

finish() {
    trap - EXIT
    trap '' INT TERM HUP
    [ -z "${stage:-}" ] || [ -z "${started_here:-}" ] || stop_demo
}

# The command that opens psql on the cluster. (Root may pass through the private directory of the socket.)
psql_command() {
    echo "$pg_bindir/psql '$connection'"
}

main() {
    case ${1:-} in
        start)
            start_demo
            say "The server runs. Open psql:  $(psql_command)"
            say "Stop it:    make demo-stop"
            ;;
        stop)
            find_postgres
            find_cluster
            stop_demo
            say "The server in $stage is stopped; the data is kept (rm -r $stage removes it)."
            ;;
        psql)
            start_demo
            trap '[ -z "$started_here" ] || stop_demo' EXIT
            # In psql Ctrl-C cancels a query.
            trap '' INT
            (trap - INT && exec "$pg_bindir/psql" "$connection")
            ;;
        *)
            die "usage: $0 start | stop | psql"
            ;;
    esac
}

[ "${BASH_SOURCE[0]}" != "$0" ] || main "$@"
