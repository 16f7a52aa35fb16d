# Sourced by the commands (check, check-versions, demo): packages, the user that may run a server,
# private servers on an installation below a directory, and a clean end.

umask 022
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# A user's own PG... variables would lead our clients to another server.
PG_CONFIG=${PG_CONFIG:-pg_config}
for variable in ${!PG@}; do
    case $variable in PG_CONFIG | PGVECTOR_DESTDIR) ;; *) unset "$variable" ;; esac
done

# Of the calling make's flags only what was assigned on its command line goes to ours.
case ${MAKEFLAGS:-} in
    *'-- '*) export MAKEFLAGS="-- ${MAKEFLAGS#*-- }" ;;
    *) unset MAKEFLAGS ;;
esac
unset MFLAGS MAKELEVEL MAKEOVERRIDES
jobs_limit=${JOBS:-$(nproc)}

# The interpreter that Debian's python3-... packages are for, whatever else is in PATH.
python=/usr/bin/python3
[ -x "$python" ] || python=python3

say() {
    printf '%s\n' "$*"
}

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# --- packages -------------------------------------------------------------------------------------

missing_packages() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
    done
}

# A PostgreSQL that can be built against and started: from PG_CONFIG if that has one.
has_postgres() {
    local headers bindir
    # Debian's client package alone brings pgxs.mk, without the headers that it needs.
    headers=$("$PG_CONFIG" --includedir-server 2>/dev/null) && bindir=$("$PG_CONFIG" --bindir 2>/dev/null) &&
        [ -f "$headers/postgres.h" ] && [ -f "$("$PG_CONFIG" --pgxs)" ] && [ -x "$bindir/initdb" ]
}

apt_get() {
    local sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || return 1
        sudo=(sudo)
        # Without a terminal sudo must not ask for a password.
        [ -t 0 ] || sudo=(sudo -n)
    fi
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 "$@" </dev/null
}

# Installs the Debian packages of its arguments that are missing, and PostgreSQL.
need_packages() {
    local wanted=("$@") missing attempt
    if ! command -v dpkg-query >/dev/null; then
        has_postgres || die "no PostgreSQL with its development files ($PG_CONFIG --pgxs), and this is not Debian, where this command would install it"
        say "not Debian: taking for granted that what Debian calls ${wanted[*]} is here"
        return
    fi
    has_postgres || wanted+=(postgresql postgresql-server-dev-all)
    mapfile -t missing < <(missing_packages "${wanted[@]}")
    [ ${#missing[@]} -gt 0 ] || return 0

    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
        die "these Debian packages are missing and there is no sudo to install them: run as root: apt-get install ${missing[*]}"
    say "Installing from Debian what is missing: ${missing[*]}"
    for attempt in 1 2 3; do
        apt_get update || say "warning: apt-get update failed; trying with the package lists that are here"
        # How much it is, before it is done.
        apt_get -o APT::Get::Assume-Yes=false --assume-no --no-install-recommends install "${missing[@]}" | grep -E 'disk space|archives'
        apt_get install --no-install-recommends "${missing[@]}" && break
        # Another run may hold the package lists.
        sleep 5
    done
    mapfile -t missing < <(missing_packages "${missing[@]}")
    [ ${#missing[@]} -eq 0 ] || die "could not install ${missing[*]}: see apt-get's messages above"
    hash -r
    has_postgres || die "no PostgreSQL with its development files: $PG_CONFIG --pgxs gives '$("$PG_CONFIG" --pgxs 2>&1)'"
}

# Installs packages that tests can do without, where this Debian has them.
want_packages() {
    local package
    for package in "$@"; do
        if ! command -v dpkg-query >/dev/null || [ -z "$(missing_packages "$package")" ]; then
            continue
        elif apt-cache show "$package" >/dev/null 2>&1 || { apt_get update && apt-cache show "$package" >/dev/null 2>&1; }; then
            say "Installing from Debian: $package"
            apt_get install --no-install-recommends "$package" || say "could not install $package: what needs it is skipped"
        else
            say "there is no package $package here: what needs it is skipped"
        fi
    done
}

# Sets what is known only once PostgreSQL is there.
find_postgres() {
    pg_bindir=$("$PG_CONFIG" --bindir)
    pg_sharedir=$("$PG_CONFIG" --sharedir)
    pg_pkglibdir=$("$PG_CONFIG" --pkglibdir)
    pg_major=$("$PG_CONFIG" --version | sed -E 's/^PostgreSQL ([0-9]+).*/\1/')
    pgxs_dir=$(dirname "$(dirname "$("$PG_CONFIG" --pgxs)")")
    # PostgreSQL refuses to run as root.
    server_user=$(id -un)
    if [ "$(id -u)" -eq 0 ]; then
        server_user=${SERVER_USER:-postgres}
        id "$server_user" >/dev/null 2>&1 ||
            die "PostgreSQL does not run as root and there is no user \"$server_user\": name one by SERVER_USER=..."
    fi
}

# --- an ordinary user, private servers ------------------------------------------------------------

# Runs a command as the user of the server, in $stage (our own directory may be closed to that user).
as_server_user() {
    if [ "$(id -u)" -eq 0 ]; then
        (cd "$stage" && exec env HOME="$stage" runuser -u "$server_user" -- "$@")
    else
        (cd "$stage" && exec "$@")
    fi
}

# Settings by which a server finds what `make install DESTDIR=$1` installed.
destdir_settings() {
    if [ "$pg_major" -ge 18 ]; then
        printf "extension_control_path = '%s:\$system'\n" "$1$pg_sharedir"
    else
        printf "extension_destdir = '%s'\n" "$1"
    fi
    printf "dynamic_library_path = '%s:\$libdir'\n" "$1$pg_pkglibdir"
}

# A new cluster in $1/data that listens on a socket in $1/socket only, for the installation below $2.
new_cluster() {
    as_server_user mkdir -m 700 -p "$1/socket"
    as_server_user "$pg_bindir/initdb" -D "$1/data" -U postgres -A trust --locale=C.UTF-8 -E UTF8 --no-sync >"$1/initdb.log" 2>&1 || {
        cat "$1/initdb.log"
        return 1
    }
    {
        destdir_settings "$2"
        echo "listen_addresses = ''"
        echo "unix_socket_directories = '$1/socket'"
        echo "max_connections = 40"
        cat
    } >>"$1/data/postgresql.conf"
}

start_cluster() {
    as_server_user "$pg_bindir/pg_ctl" -D "$1/data" -l "$1/server.log" -w -s start </dev/null 8<&- || {
        tail -n 30 "$1/server.log"
        return 1
    }
}

stop_cluster() {
    [ ! -f "$1/data/postmaster.pid" ] ||
        as_server_user "$pg_bindir/pg_ctl" -D "$1/data" -m "${2:-fast}" -w -s stop </dev/null
}

# --- building -------------------------------------------------------------------------------------

# What root built in another user's tree belongs to that user, who may want to go on building.
give_to_owner() {
    local owner
    owner=$(stat -c %u:%g "$source_dir")
    if [ "$(id -u)" -eq 0 ] && [ "${owner%%:*}" -ne 0 ]; then
        chown "$owner" "$source_dir"/vecdot.so "$source_dir"/vecdot*--*.sql 2>/dev/null
        # The demonstration's cluster belongs to its server's user.
        find "$source_dir/build" -path "$source_dir/build/demo/cluster" -prune -o -exec chown -h "$owner" {} +
    fi
    return 0
}

# One build at a time in this tree; $@ are make's arguments.
locked_make() {
    mkdir -p "$source_dir/build"
    flock "$source_dir/build" nice -n "${NICE:-0}" make -C "$source_dir" --no-print-directory -j"$jobs_limit" PG_CONFIG="$PG_CONFIG" "$@"
    local status=$?
    give_to_owner
    return $status
}
