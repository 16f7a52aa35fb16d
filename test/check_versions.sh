#!/bin/bash
# make check-versions: builds vecdot and runs its tests on the PostgreSQL and the compilers of later
# Debian releases, each in a chroot below CHROOTS (made once, 2 GB each; rm -rf removes them).
# ONLY='trixie' runs one of them, CHECK='unit tap-*' part of its tests. ONLY=upgrade: pg_upgrade from Debian 12's
# PostgreSQL to the later ones, all in one chroot. ONLY=arm: unit tests of the
# kernels for 64-bit ARM (NEON), in an emulator. ONLY=experimental: PostgreSQL 19, only when it is named.
set -uo pipefail
. "$(dirname "$0")/common.sh"

# suite, version of PostgreSQL
suites=("trixie 17" "sid 18" "experimental 19" "upgrade 18" "arm 17")
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

# What runs inside for pg_upgrade: vecdot is installed for each version, as packages would. From 17 to 18 is left out:
# PostgreSQL 18.6 does not take what pg_dump of 17.12 writes of any column ("unrecognized parameter "pg_attver"").
inside_upgrade() {
    cat <<END
set -eu
export LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive
cd /tmp/vecdot
for version in 15 17 18; do
    export PG_CONFIG=/usr/lib/postgresql/\$version/bin/pg_config
    rm -f vecdot.so
    make -s -j$jobs_limit
    make -s install
    [ \$version = 15 ] || VECDOT_OLD_BINDIR=/usr/lib/postgresql/15/bin make check ONLY='tap-007*'
done
END
}

# What runs inside for ARM: the kernels, and what reads and writes numbers, are built by a cross compiler, and their tests are run in
# an emulator of the processor.
inside_arm() {
    cat <<END
set -eu
export LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin QEMU_LD_PREFIX=/usr/aarch64-linux-gnu
cd /tmp/vecdot
aarch64-linux-gnu-g++ --version | head -1
qemu-aarch64 --version | head -1
make -s -j$jobs_limit CXX=aarch64-linux-gnu-g++ AR=aarch64-linux-gnu-ar build/free/unit_tests \\
    ENGINE_SOURCES= MATH_SOURCES= UNIT_SOURCES='\$(wildcard test/unit/core/*.cpp test/unit/kernels/*.cpp)'
aarch64-linux-gnu-objdump -d build/free/kernels/isa_baseline.o | grep -qE '[[:space:]]fmla[[:space:]]+v' || { echo 'the kernels have no NEON instruction'; exit 1; }
qemu-aarch64 build/free/unit_tests --gtest_brief=1
END
}

# An archive that stands still has package lists that are no longer valid.
allow_old_lists() {
    echo 'Acquire::Check-Valid-Until "false";' >"$1/etc/apt/apt.conf.d/90valid-until"
}

# Adds the servers of Debian 12 and 13 to the chroot $1 of a later release.
add_older_servers() {
    local release
    allow_old_lists "$1"
    for release in bookworm trixie; do
        echo "deb ${mirror:-http://deb.debian.org/debian} $release main" >"$1/etc/apt/sources.list.d/$release.list"
        printf 'Package: *\nPin: release n=%s\nPin-Priority: 100\n' "$release" >"$1/etc/apt/preferences.d/$release"
    done
    cp -L /etc/resolv.conf "$1/etc/resolv.conf"
    chroot "$1" env DEBIAN_FRONTEND=noninteractive sh -c 'apt-get -q update && apt-get -q -y --no-install-recommends install \
        postgresql-15 postgresql-server-dev-15 postgresql-17 postgresql-server-dev-17' </dev/null
}

# What is newer than unstable: Debian's experimental has it, taken from there only where it is named.
add_experimental() {
    allow_old_lists "$1"
    echo "deb ${mirror:-http://deb.debian.org/debian} experimental main" >"$1/etc/apt/sources.list.d/experimental.list"
    cp -L /etc/resolv.conf "$1/etc/resolv.conf"
    chroot "$1" env DEBIAN_FRONTEND=noninteractive sh -c "apt-get -q update && apt-get -q -y --no-install-recommends -t experimental install \
        postgresql-$2 postgresql-server-dev-$2" </dev/null
}

# A cross compiler for 64-bit ARM, Google Test for it, an emulator.
add_arm() {
    allow_old_lists "$1"
    cp -L /etc/resolv.conf "$1/etc/resolv.conf"
    chroot "$1" env DEBIAN_FRONTEND=noninteractive sh -c 'dpkg --add-architecture arm64 && apt-get -q update &&
        apt-get -q -y --no-install-recommends install g++-aarch64-linux-gnu qemu-user libgtest-dev:arm64' </dev/null
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
    # A release candidate so far.
    [ $# -gt 0 ] || [ "$suite" != experimental ] || continue
    directory=$chroots/$suite
    # Where the chroot is made of another release, what is added to it, and what runs inside.
    release=$suite include=postgresql-$version,postgresql-server-dev-$version added=true script=$(inside "$version")
    case $suite in
        experimental) release=sid include=postgresql-common added="add_experimental $directory $version" ;;
        upgrade) release=sid added="add_older_servers $directory" script=$(inside_upgrade) ;;
        arm) release=trixie include=postgresql-server-dev-$version added="add_arm $directory" script=$(inside_arm) ;;
    esac
    say "=== PostgreSQL $version, Debian $suite, in $directory"
    if [ ! -f "$directory/.complete" ]; then
        say "debootstrap (some minutes; $directory.log) ..."
        rm -rf "$directory"
        debootstrap --variant=minbase --include="$include,g++,make,libxsimd-dev,libgtest-dev,python3,binutils" \
            "$release" "$directory" ${mirror:+"$mirror"} >"$directory.log" 2>&1 && $added >>"$directory.log" 2>&1 || {
            tail -n 20 "$directory.log"
            failed+=("$suite: debootstrap")
            continue
        }
        allow_old_lists "$directory"
        touch "$directory/.complete"
    fi
    cp -L /etc/resolv.conf "$directory/etc/resolv.conf"
    tar -C "$source_dir" --exclude=./build --exclude=./.git --exclude=./vecdot.so --transform='s,^\.,vecdot,' -cf - . |
        enter "$directory" sh -c "$script" || failed+=("$suite")
done

if [ ${#failed[@]} -gt 0 ]; then
    say "failed: ${failed[*]}"
    exit 1
fi
say "all versions passed"
