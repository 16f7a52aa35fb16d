#!/bin/bash
# make check-packages: builds the Debian package of the last commit in a clean chroot of each release, installs
# it in another one that has no compiler, and runs its autopkgtest there; in the first release builds it twice, in
# two directories, and compares the bytes. Lastly the layout of the container images is tried. Chroots lie below
# CHROOTS (made once, 300 MB each); ONLY='trixie' runs one of them.
set -uo pipefail
. "$(dirname "$0")/common.sh"

suites=(bookworm trixie sid)
chroots=${CHROOTS:-/var/tmp/vecdot-chroots}
mirror=${MIRROR:-}  # empty: the one that debootstrap takes by itself

work=
finish() {
    trap - EXIT
    [ -z "$work" ] || rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# enter NAME SUITE SCRIPT: runs a script as root in a copy of the suite's clean chroot that is called NAME and goes
# away afterwards. $work/share is /share there, in all of them.
enter() {
    local name=$1 suite=$2 script=$3
    mkdir -p "$work/$name"/{upper,scratch,root} "$chroots/archives-$suite"
    unshare -m -p -f --kill-child bash -c '
        base=$1 work=$2 share=$3 archives=$4 script=$5
        mount --make-rprivate / &&
        # Volatile: what is thrown away need not be synchronised with the disk, which dpkg does for each file.
        mount -t overlay overlay -o "lowerdir=$base,upperdir=$work/upper,workdir=$work/scratch,volatile" "$work/root" &&
        cd "$work/root" &&
        mkdir -p share && mount --bind "$share" share &&
        mount --bind "$archives" var/cache/apt/archives &&
        mount -t proc proc proc &&
        mount -t tmpfs -o mode=1777 tmpfs dev/shm &&
        { mountpoint -q dev/pts || mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts; } &&
        cp -L /etc/resolv.conf etc/resolv.conf &&
        exec chroot . env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive \
            sh -euc "$script" </dev/null' bash "$chroots/clean-$suite" "$work/$name" "$work/share" "$chroots/archives-$suite" "$script"
    local status=$?
    rm -rf "${work:?}/$name"
    return $status
}


# Builds the package in the directory $1 and leaves it in /share/$1.
build() {
    cat <<END
mkdir -p /$1 /share/$1
tar -xf /share/vecdot-*.tar.gz -C /$1
cd /$1/vecdot-*
log=/share/log-build
{
    apt-get -qq update
    apt-get -qq -y install --no-install-recommends dpkg-dev postgresql-server-dev-all
    pg_buildext updatecontrol
    apt-get -qq -y -P nocheck --no-install-recommends build-dep ./
    DEB_BUILD_PROFILES=nocheck DEB_BUILD_OPTIONS='nocheck parallel=$jobs_limit' dpkg-buildpackage -us -uc -b
} >\$log 2>&1 || { tail -n 40 \$log; exit 1; }
cp ../*.deb /share/$1/
cd /
END
}

# Installs the packages of /share/first and runs their autopkgtest as an ordinary user. The one in pgvector's place gives
# way to pgvector, where there is a package of that.
install_and_test() {
    cat <<'END'
apt-get -qq update
apt-get -qq -y install --no-install-recommends -o Dpkg::Use-Pty=0 autopkgtest /share/first/postgresql-*-vecdot_*.deb /share/first/postgresql-*-vecdot-as-vector_*.deb >/share/log-apt 2>&1 || { tail /share/log-apt; exit 1; }
! command -v g++ || { echo 'there is a compiler here'; exit 1; }
dpkg -L $(dpkg-query -W -f='${Package}\n' 'postgresql-*-vecdot') | grep -E '\.so$|control$'
mkdir /tmp/source && tar -xf /share/vecdot-*.tar.gz -C /tmp/source
useradd -m tester
autopkgtest -B --user tester /share/first/postgresql-*-vecdot_*.deb /share/first/postgresql-*-vecdot-as-vector_*.deb /tmp/source/vecdot-* -- null >/share/log-test 2>&1 || { tail -n 60 /share/log-test; exit 1; }
grep -E 'PASS|FAIL|All .* passed' /share/log-test
version=$(dpkg-query -W -f '${Package}\n' 'postgresql-*-vecdot' | head -1 | grep -oE '[0-9]+')
if apt-cache policy "postgresql-$version-pgvector" | grep -q 'Candidate: [0-9]'; then
    apt-get -s install "postgresql-$version-pgvector" | grep -q "^Remv postgresql-$version-vecdot-as-vector" || { echo 'pgvector does not take the place back'; exit 1; }
    echo "postgresql-$version-pgvector takes its place back"
fi
END
}

# Builds docker/Dockerfile for PostgreSQL $1 on an image that has the layout of the official one (Debian's packages lie
# where its do), then starts a server that finds the extension as CloudNativePG mounts it.
container_images() {
    cat <<END
major=$1
END
    cat <<'END'
apt-get -qq update
log=/share/log-images
apt-get -qq -y install --no-install-recommends postgresql-$major >$log 2>&1 || { tail $log; exit 1; }
tar --one-file-system --exclude=./share --exclude=./tmp --exclude=./var/cache -cf /tmp/base.tar -C / .
apt-get -qq -y install --no-install-recommends buildah netavark >>$log 2>&1 || { tail $log; exit 1; }
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
base=$(buildah from scratch)
buildah add -q $base /tmp/base.tar / >>$log 2>&1 && rm /tmp/base.tar
buildah commit -q $base docker.io/library/postgres:$major-trixie >>$log 2>&1
mkdir /tmp/source && tar -xf /share/vecdot-*.tar.gz -C /tmp/source && cd /tmp/source/vecdot-*
bud() {
    # Its own idea of limits may be more than we are allowed.
    buildah build --ulimit nofile=$(awk '/open files/ { print $4 ":" $5 }' /proc/self/limits) \
        --ulimit nproc=$(awk '/processes/ { print $3 ":" $4 }' /proc/self/limits) --pull=never --network=host -f docker/Dockerfile --ignorefile docker/Dockerfile.dockerignore \
        --build-arg PG_MAJOR=$major "$@" . >>$log 2>&1 || { tail -n 30 $log; exit 1; }
}
bud -t with-vecdot
image=$(buildah mount $(buildah from --pull=never with-vecdot))
ls "$image"/usr/lib/postgresql/$major/lib/vecdot.so "$image"/usr/share/postgresql/$major/extension/vecdot.control
bud --target extension -t vecdot-extension
mkdir -p /extensions && cp -r "$(buildah mount $(buildah from --pull=never vecdot-extension))" /extensions/vecdot
find /extensions/vecdot -type f
cat >/tmp/try.sh <<'TRY'
set -eu
bin=/usr/lib/postgresql/$1/bin
$bin/initdb -D /tmp/cluster -A trust --no-sync >/tmp/initdb.log
cat >>/tmp/cluster/postgresql.conf <<CONF
listen_addresses = ''
unix_socket_directories = '/tmp'
extension_control_path = '\$system:/extensions/vecdot/share'
dynamic_library_path = '\$libdir:/extensions/vecdot/lib'
CONF
$bin/pg_ctl -D /tmp/cluster -l /tmp/server.log -w -s start
psql -X -v ON_ERROR_STOP=1 -h /tmp -d postgres <<SQL
CREATE EXTENSION vecdot;
CREATE TABLE items (id int, v vector(3));
CREATE INDEX ON items USING vecdot (v);
INSERT INTO items SELECT i, ARRAY[sin(i), cos(i), 1]::real[]::vector FROM generate_series(1, 1000) i;
SET enable_seqscan = off;
SELECT id FROM items ORDER BY v <=> (SELECT v FROM items WHERE id = 7) LIMIT 1;
SELECT vecdot_index_check('items_v_idx', true);
SQL
$bin/pg_ctl -D /tmp/cluster -w -s stop
TRY
chmod -R a+rX /extensions
runuser -u postgres -- sh /tmp/try.sh $major
END
}

[ "$(id -u)" -eq 0 ] || die "debootstrap and chroot need root: sudo make check-packages"
for name in "$@"; do
    in_suites=" ${suites[*]} "
    [[ $in_suites == *" $name "* ]] || die "no suite is called $name; there are: ${suites[*]}"
done
need_packages debootstrap util-linux tar git
mkdir -p "$chroots" || die "cannot make $chroots"

failed=()
attempt() {
    local what=$1 status
    shift
    say "--- $what"
    "$@"
    status=$?
    [ $status -eq 0 ] || failed+=("$what")
    return $status
}

for suite in "${suites[@]}"; do
    [ $# -eq 0 ] || [[ " $* " == *" $suite "* ]] || continue
    base=$chroots/clean-$suite
    say "=== Debian $suite ($base)"
    if [ ! -f "$base/.complete" ]; then
        say "debootstrap ($base.log) ..."
        rm -rf "$base"
        debootstrap --variant=minbase "$suite" "$base" ${mirror:+"$mirror"} >"$base.log" 2>&1 || {
            tail -n 20 "$base.log"
            failed+=("$suite: debootstrap")
            continue
        }
        echo 'Acquire::Check-Valid-Until "false";' >"$base/etc/apt/apt.conf.d/90valid-until"
        touch "$base/.complete"
    fi
    work=$(mktemp -d "$chroots/work.XXXXXX") || exit 1
    mkdir "$work/share"
    "$source_dir/test/dist.sh" "$work/share" >/dev/null || die "make dist failed"
    attempt "$suite: build" enter build "$suite" "$(build first)" || continue
    if [ "$suite" = bookworm ]; then
        attempt "$suite: the same bytes from another directory" enter again "$suite" "$(build second-build-elsewhere)
            cd /share; for file in first/*.deb; do cmp \"\$file\" \"second-build-elsewhere/\${file#first/}\"; done" || true
    fi
    attempt "$suite: install without a compiler, autopkgtest" enter test "$suite" "$(install_and_test)"
    [ "$suite" != sid ] || attempt "$suite: container images" enter images "$suite" "$(container_images 18)"
    rm -rf "$work"
    work=
done

if [ ${#failed[@]} -gt 0 ]; then
    say "failed: ${failed[*]}"
    exit 1
fi
say "all packages passed"
