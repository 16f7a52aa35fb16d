#!/bin/bash
# make check: every test there is, on a machine that may have nothing but make and a compiler's name.
# Arguments (make check ONLY="..."): patterns of the jobs to run, such as unit or 'regress-*'.
set -uo pipefail
. "$(dirname "$0")/common.sh"

only=("$@")
passed=0 failed=0 skipped=0
stage=

# --- a clean end ----------------------------------------------------------------------------------

declare -A running=()  # process group -> name of the job

finish() {
    trap - EXIT
    trap '' INT TERM HUP
    local group pidfile
    for group in "${!running[@]}"; do
        kill -TERM -- "-$group" 2>/dev/null
    done
    [ ${#running[@]} -eq 0 ] || wait
    if [ -n "$stage" ] && [ -d "$stage" ]; then
        # Whichever servers are left, those of a killed TAP test too.
        while IFS= read -r pidfile; do
            as_server_user "$pg_bindir/pg_ctl" -D "$(dirname "$pidfile")" -m immediate -s stop 2>/dev/null
        done < <(find "$stage" -name postmaster.pid 2>/dev/null)
        if [ "$failed" -gt 0 ]; then
            find "$stage" -mindepth 1 -maxdepth 1 ! -name log -exec rm -rf {} +
            say "logs: $stage/log"
        else
            rm -rf "$stage"
        fi
    fi
}
trap finish EXIT
trap 'say "interrupted"; failed=0; exit 130' INT
trap 'say "ended by a signal"; failed=0; exit 143' TERM HUP

# --- jobs -----------------------------------------------------------------------------------------
# A job is a function job_NAME; its output goes to log/NAME, and it says how many tests passed, failed
# and were skipped by calling count. Each has its own process group, so that it can be ended.

count() {
    echo "$1 $2 ${3:-0}" >>"$stage/count/$job"
}

wanted() {
    local pattern
    [ ${#only[@]} -gt 0 ] || return 0
    for pattern in "${only[@]}"; do
        # shellcheck disable=SC2053
        [[ $1 == $pattern ]] && return 0
    done
    return 1
}

# A pattern that names no job is a mistake, not a success. (Instruction sets are known only later.)
check_patterns() {
    local pattern name jobs
    mapfile -t jobs < <(sed -nE 's/^run ([a-z_]+) .*/\1/p' "$0")
    jobs+=(build regress-{baseline,avx2,avx512})
    for name in "$source_dir"/test/t/*.pl; do
        jobs+=("tap-$(basename "$name" .pl)")
    done
    for pattern in "${only[@]}"; do
        for name in "${jobs[@]}"; do
            # shellcheck disable=SC2053
            [[ $name == $pattern ]] && continue 2
        done
        die "no job is called $pattern; there are: ${jobs[*]}"
    done
}

declare -A started=()

launch() {
    local name=$1
    shift
    : >"$stage/count/$name"
    set -m
    (
        trap - INT TERM HUP EXIT
        job=$name
        "$@"
    ) >"$stage/log/$name" 2>&1 </dev/null &
    set +m
    running[$!]=$name
    started[$name]=$SECONDS
}

# Waits for one job, adds its counts, shows its log if something failed.
reap() {
    local group status name ok=0 bad=0 skip=0 a b c note
    wait -n -p group "${!running[@]}"
    status=$?
    name=${running[$group]}
    unset "running[$group]"
    while read -r a b c; do
        ok=$((ok + a)) bad=$((bad + b)) skip=$((skip + c))
    done <"$stage/count/$name"
    # A job that broke off has not said so itself.
    if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
    elif [ $((ok + bad + skip)) -eq 0 ] && [ "$name" != build ]; then
        echo "the job ended without having counted a test" >>"$stage/log/$name"
        bad=1
    fi
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
    note=
    [ "$skip" -eq 0 ] || note=", $skip skipped"
    if [ "$name" = build ] && [ "$bad" -eq 0 ]; then
        printf '%-28s done (%d s)\n' "$name" $((SECONDS - started[$name]))
    else
        printf '%-28s %d passed, %d failed%s (%d s)\n' "$name" "$ok" "$bad" "$note" $((SECONDS - started[$name]))
    fi
    if [ "$bad" -gt 0 ]; then
        sed 's/^/    /' "$stage/log/$name" | tail -n "${LOG_LINES:-400}"
    else
        grep '^skipped: ' "$stage/log/$name" | sed 's/^/    /'
    fi
    [ "$bad" -eq 0 ]
}

run() {
    wanted "$1" || return 0
    while [ ${#running[@]} -ge "$jobs_limit" ]; do
        reap
    done
    launch "$@"
}

run_alone() {
    while [ ${#running[@]} -gt 0 ]; do
        reap
    done
    launch "$@"
    reap
}

# --- the build ------------------------------------------------------------------------------------

# A running server in the directory $1, which the caller has made for the server's user. Roles belong to
# a whole server, so what makes some has one of its own.
test_server() {
    new_cluster "$1" "$stage/dest" <<-END || return 1
		fsync = off
		# Its snapshots would keep VACUUM from removing rows that a test has deleted.
		autovacuum = off
		max_parallel_workers = 8
		# Cells are counted: an insert is to have split them when it is done.
		vecdot.background_upkeep = off
	END
    # Nothing in the SQL tests may depend on what the superuser is called.
    start_cluster "$1" && as_server_user "$pg_bindir/psql" -X -q -h "$1/socket" -U postgres -d postgres \
        -c "CREATE ROLE somebody SUPERUSER LOGIN"
}

build() {
    # Of the compilers that are promised to give none, a warning is a mistake.
    local werror=
    case $(make_variable CXX | head -1 | xargs -I{} sh -c '{} --version' | head -1) in
        g++*" 12."* | *"clang version 14."*) werror=WERROR=-Werror ;;
    esac
    mkdir -p "$stage/dest"
    locked_make $werror all test-modules build/free/unit_tests &&
        { [ -z "${PGVECTOR_DESTDIR:-}" ] || cp -r "$PGVECTOR_DESTDIR/." "$stage/dest/"; } &&
        locked_make -s install DESTDIR="$stage/dest" &&
        locked_make -s install-as-vector DESTDIR="$stage/as_vector" &&
        cp "$source_dir/build/free/unit_tests" "$stage/unit_tests" &&
        (cd "$source_dir" && cp $(make_variable TEST_MODULES) "$stage/dest$pg_pkglibdir/") &&
        mkdir -p "$stage/tree" &&
        cp -r "$source_dir"/{sql,expected,test,examples,docs} "$stage/tree/" &&
        chmod -R a+rX "$stage/dest" "$stage/as_vector" "$stage/tree" "$stage/unit_tests" || return 1
    # The tests run as an ordinary user, who writes below stage only.
    mkdir -p "$stage/server" "$stage/tap" "$stage/tmp" "$stage/regress"
    if [ "$(id -u)" -eq 0 ]; then
        chown "$server_user" "$stage/server" "$stage/tap" "$stage/tmp" "$stage/regress"
    fi
    destdir_settings "$stage/dest" >"$stage/dest/vecdot.conf"
    destdir_settings "$stage/as_vector" >"$stage/as_vector/vecdot.conf"
    test_server "$stage/server"
}

server_psql() {
    as_server_user "$pg_bindir/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$stage/server/socket" -U postgres "$@"
}

make_variable() {
    make -s --no-print-directory -C "$source_dir" PG_CONFIG="$PG_CONFIG" "print-$1"
}

# --- unit tests -----------------------------------------------------------------------------------

unit() {
    local status
    "$stage/unit_tests" | tee "$stage/log/unit.cases"
    status=$?
    count "$(grep -c '^\[       OK \]' "$stage/log/unit.cases")" \
        "$(grep -c '^\[  FAILED  \].* ms)$' "$stage/log/unit.cases")" \
        "$(grep -c '^\[  SKIPPED \].* ms)$' "$stage/log/unit.cases")"
    grep -B1 -A0 '^\[  SKIPPED \].* ms)$' "$stage/log/unit.cases" | sed -n 's/^\[  SKIPPED \] /skipped: /p'
    rm "$stage/log/unit.cases"
    return $status
}

# --- arbitrary bytes as input and as an index, under sanitizers ------------------------------------

# For a bounded time, in a folder of its own: another check of the same tree may be fuzzing.
fuzz() {
    local compiler
    compiler=$(make_variable FUZZ_CXX)
    if ! command -v "$compiler" >/dev/null; then
        echo "skipped: fuzzing: there is no $compiler here"
        count 0 0 1
        return 0
    fi
    if make -s -C "$source_dir" PG_CONFIG="$PG_CONFIG" fuzz FUZZ_DIR="$stage/fuzz" FUZZ_SECONDS=20; then
        count 2 0
    else
        count 0 1
        return 1
    fi
}

# --- pg_regress under an instruction set ----------------------------------------------------------

regress() {
    local set=$1 output=$stage/regress/$1 server=$stage/regress/server-$1 tests status good bad
    tests=$(make_variable REGRESS)
    if ! server_psql -d postgres -c "LOAD 'vecdot'; SET vecdot.instruction_set = '$set'" 2>/dev/null; then
        echo "skipped: SQL tests under $set: the processor or the build lacks it"
        count 0 0 "$(wc -w <<<"$tests")"
        return 0
    fi
    as_server_user mkdir -p "$output" "$server"
    test_server "$server" || return 1
    # shellcheck disable=SC2086
    PGOPTIONS="-c vecdot.instruction_set=$set" as_server_user "$pgxs_dir/test/regress/pg_regress" \
        --bindir="$pg_bindir" --inputdir="$stage/tree" --outputdir="$output" --load-extension=vecdot \
        --host="$server/socket" --user=somebody --dbname="regress_$set" $tests >"$output/summary" 2>&1
    status=$?
    cat "$output/summary"
    # The lines of PostgreSQL 15, then those of 16 and later.
    good=$(grep -cE '^(test )?[ a-z0-9_.]+ \.\.\. ok|^ok ' "$output/summary")
    bad=$(grep -cE ' \.\.\. FAILED|^not ok ' "$output/summary")
    [ "$bad" -eq 0 ] || cat "$output/regression.diffs"
    count "$good" "$bad"
    [ "$(as_server_user "$pg_bindir/psql" -X -q -A -t -h "$server/socket" -U postgres -d "regress_$set" -c "SET vecdot.instruction_set = '$set'; LOAD 'vecdot'; SHOW vecdot.instruction_set")" = "$set" ] || return 1
    stop_cluster "$server" immediate
    return $status
}

# --- TAP tests ------------------------------------------------------------------------------------

tap() {
    local file=$1 directory=$stage/tap/$job status
    if ! perl -MIPC::Run -e 1 2>/dev/null; then
        echo "skipped: $file: there is no Perl module IPC::Run here (Debian: libipc-run-perl)"
        count 0 0 1
        return 0
    fi
    as_server_user mkdir -p "$directory"
    PATH=$pg_bindir:$PATH TMPDIR=$stage/tmp VECDOT_CONF=$stage/dest/vecdot.conf \
        VECDOT_AS_VECTOR_CONF=$stage/as_vector/vecdot.conf \
        PG_REGRESS=$pgxs_dir/test/regress/pg_regress TESTDIR=$directory \
        TESTDATADIR=$directory/tmp_check TESTLOGDIR=$directory/tmp_check/log \
        PG_TEST_TIMEOUT_DEFAULT="${PG_TEST_TIMEOUT_DEFAULT:-1800}" \
        as_server_user prove -v -I "$pgxs_dir/test/perl" -I "$stage/tree/test/perl" "$stage/tree/$file" |
        tee "$stage/log/$job.tap"
    status=$?
    count "$(grep '^ok ' "$stage/log/$job.tap" | grep -vc '# SKIP')" "$(grep -c '^not ok ' "$stage/log/$job.tap")" \
        "$(grep -ciE '^(ok .*# SKIP|1\.\.0 # SKIP)' "$stage/log/$job.tap")"
    sed -nE 's/^(ok|1\.\.0).*# SKIP/skipped:/ip' "$stage/log/$job.tap"
    [ "$status" -eq 0 ] || tail -n 30 "$directory"/tmp_check/log/* 2>/dev/null
    rm "$stage/log/$job.tap"
    return $status
}

# --- checks of the sources and the objects --------------------------------------------------------

# check TEXT: whether nothing came in on standard input; what did is shown.
check() {
    local found
    found=$(cat)
    if [ -z "$found" ]; then
        echo "ok: $1"
        count 1 0
    else
        printf 'not ok: %s\n%s\n' "$1" "$found"
        count 0 1
    fi
}

in_list() {
    local word=$1
    shift
    [[ " $* " == *" $word "* ]]
}

sources() {
    cd "$source_dir" || return 1
    local regress parts file name sections
    regress=$(make_variable REGRESS) parts="$(make_variable SQL_PARTS) $(make_variable PGVECTOR_PARTS) $(make_variable AS_VECTOR_PARTS)"
    regress=$(echo $regress) parts=$(echo $parts)

    for file in sql/*.sql; do
        name=$(basename "$file" .sql)
        [ -f "expected/$name.out" ] || echo "$file has no expected/$name.out"
        in_list "$name" "$regress" || echo "$file is not in REGRESS"
    done | check "every SQL test has its expected output and is listed in REGRESS"
    for file in expected/*.out; do
        name=$(basename "$file" .out)
        [ -f "sql/$name.sql" ] || [[ $name =~ _[0-9]$ && -f sql/${name%_?}.sql ]] || echo "$file has no sql/$name.sql"
    done | check "every expected output has its SQL test"
    for file in src/*/*.sql src/*/*/*.sql; do
        in_list "$file" "$parts" || echo "$file is not in SQL_PARTS"
    done | check "every SQL declaration is part of the extension's script"

    find . -name '*.md' -not -path './build/*' -not -path './.git/*' -print0 | xargs -0 "$python" test/links.py |
        check "every link of the documentation leads somewhere"
    versions_agree | check "control file, Makefile, META.json, debian/changelog and CHANGELOG.md name the same version"
    builds_alike | check "objects built in another directory are the same bytes"
    test/layering.sh | check "includes point downwards only"
    # Relcache messages free what hangs there: one file has the way to hold it.
    grep -rnE 'rd_(amcache|indexcxt)' src --include='*.cpp' --include='*.hpp' | grep -v '^src/index/storage/directory.cpp:' |
        check "the directory in memory is had from open_directory() only"
    nm -C --undefined-only build/free/libvecdot.a | grep -wE 'palloc|pfree|errstart|errfinish|MemoryContextAlloc|CurrentMemoryContext' |
        check "the server-free archive asks for nothing of PostgreSQL"
    test/isa_symbols.sh "$(make_variable ISA_OBJECTS)" | check "objects of an instruction set share no symbol"
    for file in $(make_variable OBJS) $(make_variable free_objects); do
        sections=$(readelf -SW "$file" 2>&1)
        [[ $sections == *' .text'* ]] || echo "$file: $sections"
        [[ ! $sections =~ \.(init_array|ctors) ]] || echo "$file has a static constructor"
    done | check "no static constructors"

    if "$source_dir/test/check.sh" unit nonsense >"$stage/tmp/nonsense" 2>&1; then
        echo "make check ONLY='unit nonsense' succeeds"
    else
        grep -q 'no job is called nonsense' "$stage/tmp/nonsense" || cat "$stage/tmp/nonsense"
    fi | check "a name that no job has is refused"

    says_where_not | check "the build says why it is not for 32 bits, big-endian or other processors"
    refuses_pgvector | check "make install-as-vector installs nothing where pgvector's files are"

    if [ "$(clang-format --version 2>/dev/null | grep -oE 'version [0-9]+')" = "version 14" ]; then
        find . -path ./build -prune -o \( -name '*.cpp' -o -name '*.hpp' \) -print0 |
            xargs -0 clang-format --dry-run 2>&1 | head -40 | check "clang-format 14 changes nothing"
    else
        echo "skipped: formatting: no clang-format 14"
        count 0 0 1
    fi
}

versions_agree() {
    local version
    version=$(sed -n "s/^default_version = '\(.*\)'/\1/p" vecdot.control)
    [ "$(sed -n "s/^default_version = '\(.*\)'/\1/p" vecdot_pgvector.control)" = "$version" ] || echo "vecdot_pgvector.control: not $version"
    [ "$(make_variable EXTVERSION)" = "$version" ] || echo "Makefile: $(make_variable EXTVERSION)"
    [ "$("$python" -c 'import json; m = json.load(open("META.json")); print(*{m["version"]} | {p["version"] for p in m["provides"].values()})')" = "$version" ] ||
        echo "META.json: not $version"
    [[ $(head -1 debian/changelog) == "vecdot ($version-"* ]] || echo "debian/changelog: $(head -1 debian/changelog)"
    [[ $(grep -m1 '^## ' CHANGELOG.md) == "## $version"* ]] || echo "CHANGELOG.md: $(grep -m1 '^## ' CHANGELOG.md)"
}

# One object without PostgreSQL, one with it; both contain paths for a debugger.
builds_alike() {
    local objects="build/free/core/error.o build/pg$pg_major/module.o" elsewhere=$stage/elsewhere object
    mkdir "$elsewhere" && cp -r Makefile ./*.control src bench "$elsewhere/" || return 1
    # shellcheck disable=SC2086
    make -s -C "$elsewhere" PG_CONFIG="$PG_CONFIG" $objects
    for object in $objects; do
        cmp "$object" "$elsewhere/$object" 2>&1
    done
}

# The first header alone, told that this is another machine.
says_where_not() {
    local compiler options reason
    compiler=$(make_variable CXX)
    $compiler -E -x c++ -include src/core/platform.hpp /dev/null 2>&1 >/dev/null
    while IFS='|' read -r reason options; do
        # shellcheck disable=SC2086
        if $compiler -E -x c++ $options -include src/core/platform.hpp /dev/null >/dev/null 2>"$stage/tmp/reason"; then
            echo "compiles with $options"
        fi
        grep -q "error: .*vecdot $reason" "$stage/tmp/reason" || cat "$stage/tmp/reason"
    done <<-END
		needs a little-endian processor|-U__BYTE_ORDER__ -D__BYTE_ORDER__=__ORDER_BIG_ENDIAN__
		needs a 64-bit system|-U__SIZEOF_POINTER__ -D__SIZEOF_POINTER__=4
		has kernels for x86-64 and 64-bit ARM only|-U__x86_64__ -U__aarch64__
	END
    grep -q 'core/platform.hpp' src/kernels/kernels.hpp && grep -q 'core/platform.hpp' src/pg/postgres.hpp || echo "nothing includes src/core/platform.hpp"
}

# Its control file, then its library.
refuses_pgvector() {
    local there=$stage/pgvector file
    for file in "$pg_sharedir/extension/vector.control" "$pg_pkglibdir/vector.so"; do
        mkdir -p "$(dirname "$there$file")" && echo "comment = 'vector data type'" >"$there$file"
        if locked_make -s install-as-vector DESTDIR="$there" >"$stage/tmp/refusal" 2>&1; then
            echo "installed beside $file"
        else
            grep -q "^error: .*another extension's" "$stage/tmp/refusal" || cat "$stage/tmp/refusal"
        fi
        find "$there" -type f ! -path "$there$file"
        rm -r "$there"
    done
}

# Every function, operator, type and setting that a user can see stands in the documentation.
documentation() {
    local database=documentation kind name
    server_psql -d postgres -c "CREATE DATABASE $database" &&
        server_psql -d $database -c 'CREATE EXTENSION vecdot' || return 1
    server_psql -d $database -F ' ' -f "$stage/tree/test/documented_names.sql" >"$stage/tmp/names" || return 1
    [ -s "$stage/tmp/names" ] || return 1
    # In a Markdown table a bar is escaped.
    sed 's/\\|/|/g' "$source_dir"/README.md "$source_dir"/docs/*.md >"$stage/tmp/documentation" || return 1
    while read -r kind name; do
        case $kind in
            operator) grep -qF -e "\`$name\`" -e " $name " "$stage/tmp/documentation" ;;
            *) grep -qE -e "(^|[^a-z0-9_])${name//./\\.}([^a-z0-9_]|\$)" "$stage/tmp/documentation" ;;
        esac || echo "$kind $name is not in README.md or docs/"
    done <"$stage/tmp/names" | check "all $(wc -l <"$stage/tmp/names") functions, operators, types and settings are in the documentation"
}

# The SQL of the documentation, block by block, as a reader would paste it: a database for each page.
examples() {
    local directory=$stage/tmp/examples name place database='' output
    mkdir "$directory"
    while read -r name place; do
        if [ "$database" != "${place%:*}" ]; then
            database=${place%:*}
            server_psql -d postgres -c "CREATE DATABASE \"$database\"" && server_psql -d "$database" -c 'CREATE EXTENSION vecdot' || return 1
        fi
        if output=$(server_psql -d "$database" -f "$directory/$name.sql" 2>&1); then
            count 1 0
        else
            printf 'not ok: the SQL at %s\n%s\n' "$place" "$output"
            count 0 1
        fi
    done < <("$python" "$source_dir/test/documentation_sql.py" "$directory" "$source_dir"/README.md "$source_dir"/docs/*.md)
}

# The Python of the documentation, each block a program. VECDOT_PYTHON: an interpreter that has the drivers.
python_examples() {
    local directory=$stage/tmp/python interpreter=${VECDOT_PYTHON:-$python} name place missing output
    mkdir "$directory"
    server_psql -d postgres -c 'CREATE DATABASE python_examples' || return 1
    while read -r name place missing; do
        if [ "$missing" != - ]; then
            echo "skipped: the Python at $place: $interpreter has no ${missing//,/, }"
            count 0 0 1
        elif output=$(PGHOST=$stage/server/socket PGUSER=postgres PGDATABASE=python_examples timeout 300 "$interpreter" "$directory/$name.py" 2>&1); then
            count 1 0
        else
            printf 'not ok: the Python at %s\n%s\n' "$place" "$output"
            count 0 1
        fi
    done < <("$interpreter" "$source_dir/test/documentation_python.py" "$directory" "$source_dir"/README.md "$source_dir"/docs/*.md)
}

# --------------------------------------------------------------------------------------------------

check_patterns
need_packages g++ make binutils perl python3 libxsimd-dev libgtest-dev
want_packages libipc-run-perl clang-14 libclang-rt-14-dev dataset-fashion-mnist python3-numpy python3-psycopg
find_postgres
# Earlier releases of Debian have none.
[ "$pg_major" -lt 17 ] || want_packages "postgresql-$pg_major-pgvector"
# Below /tmp, since the tree may lie where the server's user can't look.
stage=$(mktemp -d /tmp/vecdot-check.XXXXXX) || exit 1
chmod 755 "$stage"
mkdir "$stage/log" "$stage/count"
say "vecdot: make check with $("$PG_CONFIG" --version), $(make_variable CXX | head -1), $jobs_limit at a time; servers run as $server_user below $stage"

say "building; this takes some minutes the first time ($stage/log/build) ..."
run_alone build build || exit 1
while [ ${#running[@]} -gt 0 ]; do reap; done
for instruction_set in $(server_psql -d postgres -c "LOAD 'vecdot'; SELECT unnest(enumvals) FROM pg_settings WHERE name = 'vecdot.instruction_set'"); do
    if [ "$instruction_set" != auto ] && wanted "regress-$instruction_set"; then
        run "regress-$instruction_set" regress "$instruction_set"
    fi
done
run fuzz fuzz
run unit unit
run sources sources
run documentation documentation
run examples examples
run python_examples python_examples
for file in "$source_dir"/test/t/*.pl; do
    [ ! -e "$file" ] || run "tap-$(basename "$file" .pl)" tap "test/t/$(basename "$file")"
done
while [ ${#running[@]} -gt 0 ]; do
    reap
done
summary="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || summary="$summary, $skipped skipped"
status=0
[ "$failed" -eq 0 ] || status=1
finish
say "took $SECONDS s"
say "$summary"
exit $status
