#!/bin/bash
# make check-clients: the database tests of pgvector's own clients for Python, Node.js and Go against private servers, with
# pgvector alone (what they do without us), with vecdot_pgvector beside it, and with vecdot in its place.
# Arguments (make check-clients ONLY="..."): of python, node and go those to run.
#
# The clients are cloned from their public repositories, or taken from CLIENTS_DIR, which holds checkouts by their names
# (pgvector-python, ...). Their libraries come from the registries by pip, npm and go. What can't be had is skipped, and said so.
# pgvector itself is the system's, or lies below PGVECTOR_DESTDIR; without it only the third server is tried.
set -uo pipefail
. "$(dirname "$0")/common.sh"

only=("$@")
[ ${#only[@]} -gt 0 ] || only=(python node go)
stage=
failed=0

finish() {
    trap - EXIT
    local mode
    for mode in pgvector companion as_vector; do
        [ -z "$stage" ] || [ ! -d "$stage/$mode" ] || stop_cluster "$stage/$mode" immediate
    done
    if [ -n "$stage" ] && [ -z "${KEEP:-}" ]; then
        # Go makes its module cache read-only.
        chmod -R u+w "$stage"
        rm -rf "$stage"
    fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

free_port() {
    "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# A server called $1 for the installation below $2 that listens on a port of its own, which it prints.
server() {
    local directory=$stage/$1 port
    port=$(free_port)
    as_server_user mkdir -p "$directory"
    new_cluster "$directory" "$2" >&2 <<-END && start_cluster "$directory" >&2 || return 1
		fsync = off
		port = $port
		listen_addresses = 'localhost'
		max_connections = 100
	END
    # Tests connect as whoever runs them, and prisma's as runner.
    query "$1" "$port" postgres "CREATE ROLE runner SUPERUSER LOGIN" >&2
    [ "$server_user" = postgres ] || query "$1" "$port" postgres "CREATE ROLE \"$server_user\" SUPERUSER LOGIN" >&2
    echo "$port"
}

query() {
    as_server_user "$pg_bindir/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$stage/$1/socket" -p "$2" -U postgres -d "$3" -c "$4"
}

# The checkout $2 of the client $1, for the server's user to write to.
checkout() {
    local from=https://github.com/pgvector/$1
    [ -z "${CLIENTS_DIR:-}" ] || from=$CLIENTS_DIR/$1
    timeout 300 git clone -q --depth 1 "$from" "$2" 2>"$stage/log/$1.clone" || timeout 300 git clone -q "$from" "$2" 2>>"$stage/log/$1.clone" || return 1
    give "$2"
}

give() {
    [ "$(id -u)" -ne 0 ] || chown -R "$server_user" "$1"
}

# Tests that don't look at PGPORT have our port written into our copy of them, anew for each server.
set_port() {
    (cd "$1" && git -c safe.directory='*' ls-files -z '*.py' '*.js' '*.go' | xargs -0 git -c safe.directory='*' checkout -q --) || return 1
    find "$1" -type f \( -name '*.py' -o -name '*.js' -o -name '*.go' \) -not -path '*/node_modules/*' -exec sed -i -E \
        -e "s#(postgres(ql)?(\+[a-z0-9]+)?://[^/]*)localhost(:[0-9]+)?/#\1localhost:$2/#" \
        -e "s#\"localhost:[0-9]+\"#\"localhost:$2\"#" -e "s#Connection\(getuser\(\), database#Connection(getuser(), port=$2, database#" \
        -e "s#type: 'postgres',#type: 'postgres', port: $2,#" \
        -e "s#dbName: #port: $2, dbName: #" {} +
    give "$1"
}

# run CLIENT PORT COMMAND: in the client's directory, with the environment that leads to a server.
run() {
    local directory=$stage/$1 port=$2
    shift 2
    (cd "$directory" && if [ "$(id -u)" -eq 0 ]; then exec runuser -u "$server_user" -- "$@"; else exec "$@"; fi) </dev/null
}

# --- Python ---------------------------------------------------------------------------------------

prepare_python() {
    local interpreter=${VECDOT_PYTHON:-$python}
    "$interpreter" -m venv "$stage/pgvector-python/.venv" >&2 && "$stage/pgvector-python/.venv/bin/pip" install -q asyncpg Django peewee pg8000 \
        'psycopg[binary,pool]' psycopg2-binary pytest pytest-asyncio 'SQLAlchemy[asyncio]>=2' 'sqlmodel>=0.0.12' numpy scipy >&2 &&
        give "$stage/pgvector-python"
}

test_python() {
    run pgvector-python "$1" .venv/bin/python -m pytest -q --tb=short -rfE >"$2" 2>&1
    sed -nE 's/^(FAILED|ERROR) /    /p' "$2" | cut -c1-200 >"$2.failures"
    passed=$(grep -oE '[0-9]+ passed' "$2" | tail -1 | cut -d' ' -f1)
    failures=$(tail -1 "$2" | grep -oE '[0-9]+ (failed|errors?)' | awk '{ n += $1 } END { print n + 0 }')
}

# --- Node.js --------------------------------------------------------------------------------------

prepare_node() {
    (cd "$stage/pgvector-node" && npm install --no-audit --no-fund --loglevel=error >&2 &&
        # The tests ask for 22 or later; the registry has it as a package.
        { [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 22 ] || npm install --no-save --no-audit --no-fund --loglevel=error node@24 >&2; } &&
        PATH=$PWD/node_modules/.bin:$PATH npx prisma generate >&2 || echo "prisma generate failed" >&2) && give "$stage/pgvector-node"
}

test_node() {
    # In the place of `prisma migrate`, which downloads a program.
    as_server_user "$pg_bindir/psql" -X -q -h localhost -p "$1" -d pgvector_node_test -f "$stage/pgvector-node/prisma/migrations/0_init/migration.sql" >"$2" 2>&1
    PATH=$stage/pgvector-node/node_modules/.bin:$PATH run pgvector-node "$1" node --test --test-concurrency=1 --test-reporter=tap >>"$2" 2>&1
    sed -nE 's/^not ok [0-9]+ - /    /p' "$2" >"$2.failures"
    passed=$(sed -nE 's/^# pass ([0-9]+)$/\1/p' "$2" | tail -1)
    failures=$(sed -nE 's/^# fail ([0-9]+)$/\1/p' "$2" | tail -1)
}

# --- Go -------------------------------------------------------------------------------------------

prepare_go() {
    (cd "$stage/pgvector-go/test" && export GOFLAGS=-modcacherw && go mod tidy >&2 && go generate ./ent >&2 && go mod tidy >&2) && give "$stage/pgvector-go"
}

# The tests are compiled with the port in them.
test_go() {
    (cd "$stage/pgvector-go/test" && GOFLAGS=-modcacherw go test -c -o clients.test .) >"$2" 2>&1 && give "$stage/pgvector-go" &&
        run pgvector-go/test "$1" ./clients.test -test.v >>"$2" 2>&1
    sed -nE 's/^--- FAIL: /    /p' "$2" >"$2.failures"
    passed=$(grep -c '^--- PASS' "$2")
    failures=$(grep -c '^--- FAIL' "$2")
}

# --------------------------------------------------------------------------------------------------

need_packages g++ make git python3 libxsimd-dev
find_postgres
stage=$(mktemp -d /tmp/vecdot-clients.XXXXXX) || exit 1
chmod 755 "$stage"
mkdir "$stage/log" "$stage/home"
give "$stage/home"
export HOME=$stage/home
say "vecdot: make check-clients with $("$PG_CONFIG" --version); servers run as $server_user below $stage"
locked_make all >"$stage/log/build" 2>&1 && locked_make -s install-as-vector DESTDIR="$stage/alone" >>"$stage/log/build" 2>&1 || {
    tail "$stage/log/build"
    die "the build failed"
}
mkdir "$stage/beside"
{ [ -z "${PGVECTOR_DESTDIR:-}" ] || cp -r "$PGVECTOR_DESTDIR/." "$stage/beside/"; } && locked_make -s install DESTDIR="$stage/beside" >>"$stage/log/build" 2>&1 || exit 1
chmod -R a+rX "$stage/alone" "$stage/beside"
if [ "$(id -u)" -eq 0 ]; then
    chgrp "$(id -gn "$server_user")" "$stage"
    chmod g+w "$stage"
fi

declare -A ports=()
modes=(pgvector companion as_vector)
for mode in "${modes[@]}"; do
    place=$stage/beside
    [ "$mode" != as_vector ] || place=$stage/alone
    ports[$mode]=$(server "$mode" "$place") || die "no server $mode"
done
if ! query pgvector "${ports[pgvector]}" template1 "CREATE EXTENSION vector; DROP EXTENSION vector" 2>/dev/null; then
    say "skipped: there is no pgvector here (PGVECTOR_DESTDIR): vecdot in its place only"
    modes=(as_vector)
fi

for client in "${only[@]}"; do
    name=pgvector-$client
    if ! checkout "$name" "$stage/$name"; then
        say "skipped: $name could not be fetched: $(tail -1 "$stage/log/$name.clone")"
        continue
    fi
    say "$name at $(git -c safe.directory='*' -C "$stage/$name" log -1 --format=%h)"
    if ! "prepare_$client" 2>"$stage/log/$name.prepare"; then
        say "skipped: the libraries of $name could not be had: $(grep -v '^$' "$stage/log/$name.prepare" | tail -1)"
        continue
    fi
    for mode in "${modes[@]}"; do
        database=pgvector_${client}_test
        query "$mode" "${ports[$mode]}" postgres "CREATE DATABASE $database" || exit 1
        query "$mode" "${ports[$mode]}" "$database" "CREATE EXTENSION vector" || exit 1
        [ "$mode" != companion ] || query "$mode" "${ports[$mode]}" "$database" "CREATE EXTENSION vecdot_pgvector" || exit 1
        set_port "$stage/$name" "${ports[$mode]}"
        passed=0 failures=0
        export PGPORT=${ports[$mode]} PGHOST=localhost USER=$server_user
        "test_$client" "${ports[$mode]}" "$stage/log/$name.$mode"
        unset PGPORT PGHOST
        printf '%-16s %-10s %s passed, %s failed\n' "$name" "$mode" "${passed:-0}" "${failures:-0}"
        cat "$stage/log/$name.$mode.failures"
        [ "${passed:-0}" -gt 0 ] || tail -n 20 "$stage/log/$name.$mode"
        # With pgvector alone they are not ours.
        [ "$mode" = pgvector ] || cmp -s <(sort "$stage/log/$name.$mode.failures") <(sort "$stage/log/$name.pgvector.failures" 2>/dev/null) || failed=1
    done
done
exit $failed
