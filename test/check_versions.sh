#!/bin/bash
# make check-versions: builds vecdot and runs its tests on the PostgreSQL and the compilers of later
# Debian releases, each in a chroot below CHROOTS (made once, 2 GB each; rm -rf removes them).
# ONLY='trixie' runs one of them, CHECK='unit tap-*' part of its tests.
set -uo pipefail
. "$(dirname "$0")/common.sh"

# suite, version of PostgreSQL
suites=("trixie 17" "sid 18")
chroots=${CHROOTS:-/var/tmp/vecdot-chroots}
mirror=${MIRROR:-}  # empty: the one that debootstrap takes by itself

# What runs inside: as for any extension, then every test. $1: version of PostgreSQL.
inside() {
    cat <<END
set -eu
export LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive
cd /tmp/vecdot
g++ --version | head -1
dpkg-query -W postgresql-$1 libxsimd-dev
echo "== make, make install, make installcheck"
make -s -j$jobs_limit
make -s install
chown -R postgres /tmp/vecdot
cat >/tmp/installcheck <<'SCRIPT'
set -eu
cd /tmp/vecdot
bin=/usr/lib/postgresql/$1/bin
\$bin/initdb -D /tmp/cluster -A trust --no-sync >/tmp/initdb.log
\$bin/pg_ctl -D /tmp/cluster -l /tmp/server.log -w -s -o "-c listen_addresses= -c unix_socket_directories=/tmp -c fsync=off" start
status=0
PGHOST=/tmp make -s installcheck || { status=1; cat regression.diffs; }
\$bin/pg_ctl -D /tmp/cluster -m fast -w -s stop
exit \$status
SCRIPT
runuser -u postgres -- sh /tmp/installcheck
make -s uninstall
chown -R root /tmp/vecdot
echo "== make check"
make check ONLY='${CHECK:-}'
END
}

# Runs a command in the chroot $1 with file systems of its own, which end with it.
enter() {
    local directory=$1
    shift
    unshare -m -p -f --kill-child bash -c '
        directory=$1; shift
        mount --make-rprivate / &&
        mount -t proc proc "$directory/proc" &&
        mount -t tmpfs -o mode=1777 tmpfs "$directory/dev/shm" &&
        { mountpoint -q "$directory/dev/pts" || mount -t devpts -o newinstance,ptmxmode=0666 devpts "$directory/dev/pts"; } &&
        mount -t tmpfs -o mode=1777 tmpfs "$directory/tmp" &&
        tar -xf - -C "$directory/tmp" &&
        exec chroot "$directory" "$@" </dev/null' bash "$directory" "$@"
}

[ "$(id -u)" -eq 0 ] || die "debootstrap and chroot need root: sudo make check-versions"
need_packages debootstrap util-linux tar
mkdir -p "$chroots" || die "cannot make $chroots"

for name in "$@"; do
    [[ " ${suites[*]} " == *" $name "* ]] || die "no suite is called $name; there are (with their PostgreSQL): ${suites[*]}"
done

failed=()
for entry in "${suites[@]}"; do
    read -r suite version <<<"$entry"
    [ $# -eq 0 ] || [[ " $* " == *" $suite "* ]] || continue
    directory=$chroots/$suite
    say "=== PostgreSQL $version, Debian $suite, in $directory"
    if [ ! -f "$directory/.complete" ]; then
        say "debootstrap (some minutes; $directory.log) ..."
        rm -rf "$directory"
        debootstrap --variant=minbase --include="postgresql-$version,postgresql-server-dev-$version,g++,make,libxsimd-dev,libgtest-dev,python3,binutils" \
            "$suite" "$directory" ${mirror:+"$mirror"} >"$directory.log" 2>&1 || {
            tail -n 20 "$directory.log"
            failed+=("$suite: debootstrap")
            continue
        }
        echo 'Acquire::Check-Valid-Until "false";' >"$directory/etc/apt/apt.conf.d/90valid-until"
        touch "$directory/.complete"
    fi
    cp -L /etc/resolv.conf "$directory/etc/resolv.conf"
    tar -C "$source_dir" --exclude=./build --exclude=./.git --exclude=./vecdot.so --transform='s,^\.,vecdot,' -cf - . |
        enter "$directory" sh -c "$(inside "$version")" || failed+=("$suite")
done

if [ ${#failed[@]} -gt 0 ]; then
    say "failed: ${failed[*]}"
    exit 1
fi
say "all versions passed"
