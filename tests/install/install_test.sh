#!/bin/sh
# What `meson install` puts in place is enough to build and run a program, and the command.
#
#   install_test.sh BUILD_DIR SOURCE_DIR COMPILER…
#
# Installs into a scratch root; compiles example.cc by nothing but pkg-config's flags, runs it, and
# looks at its work with git and sqlite3; then the same with C, with CMake and with Python, from the
# installed package and from a wheel. The first line that fails ends the test.
set -eu
build=$1 source=$2
shift 2
compiler=$*

scratch=$(mktemp -d "${TMPDIR:-/tmp}/syncline-install-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
fail() { echo "install_test: $*" >&2; exit 1; }

# Not rebuilt here: ninja is running this test.
meson install -C "$build" --no-rebuild --quiet --destdir "$scratch/root" >/dev/null
prefix=$(meson introspect "$build" --buildoptions |
  python3 -c 'import json,sys; print({o["name"]: o["value"] for o in json.load(sys.stdin)}["prefix"])')
installed=$scratch/root$prefix

pc=$(find "$installed" -name syncline.pc)
[ -n "$pc" ] || fail "no syncline.pc"
[ -n "$(find "$installed" -name libsyncline.a)" ] || fail "no libsyncline.a"
[ -n "$(find "$installed" -name syncline.1\*)" ] || fail "no manual page"
"$installed/bin/syncline" --version | grep -q '^syncline [0-9]' || fail "the command does not run"

flags() { PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --define-variable=prefix="$installed" "$@" syncline; }
# Headers stand for themselves: nothing of the source tree is in sight.
cd "$scratch"
# shellcheck disable=SC2046,SC2086  # flags are words
$compiler $(flags --cflags) -Wall -Wextra -Werror -o example "$source/tests/install/example.cc" $(flags --libs)
path=$(./example "$scratch/store")
[ -f "$scratch/store/$path" ] || fail "the example's record has no file"
[ "$(sqlite3 "$scratch/store/syncline.db" 'SELECT count(*) FROM notes')" = 1 ] || fail "no row"
git -C "$scratch/store" cat-file -e "HEAD:$path" || fail "not on the branch"
echo "installed, compiled, ran: $path"

libraries=$(dirname "$(find "$installed" -name libsyncline.a)")
export LD_LIBRARY_PATH="$libraries" PYTHONDONTWRITEBYTECODE=1
strange=$(nm --dynamic --defined-only "$libraries/libsyncline.so.0" | awk '{print $3}' |
  grep -v '^syncline_' | grep -v '^SYNCLINE_0' || true)
[ -z "$strange" ] || fail "libsyncline.so shows more than its interface: $strange"
readelf -d "$libraries/libsyncline.so.0" | grep -q 'NEEDED.*libsqlite3.so' ||
  fail "libsyncline.so has an SQLite of its own"

c_flags() { PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --define-variable=prefix="$installed" "$@" syncline-c; }
# shellcheck disable=SC2046  # flags are words
cc -std=c11 -D_GNU_SOURCE $(c_flags --cflags) -Wall -Wextra -Werror -o sample_c \
  "$source/tests/install/sample.c" $(c_flags --libs)
./sample_c "$scratch/c store"

rustc --edition 2021 -L "$libraries" -o sample_rs "$source/tests/install/sample.rs"
./sample_rs "$scratch/rust store"

cmake -S "$source/tests/install/cmake" -B cmake -DCMAKE_PREFIX_PATH="$installed" >cmake.log 2>&1 ||
  { cat cmake.log; fail "CMake does not find the library"; }
cmake --build cmake >cmake.log 2>&1 || { cat cmake.log; fail "CMake does not build the samples"; }
cmake/sample_c "$scratch/cmake c"
cmake/sample_cxx "$scratch/cmake c++" >/dev/null || fail "the C++ sample that CMake built fails"

# Debian's, for which its packages of pip and wheel are.
python=/usr/bin/python3
[ -x "$python" ] || python=python3
package=$(dirname "$(find "$installed" -path '*/syncline/__init__.py')")
PYTHONPATH=$(dirname "$package") "$python" "$source/tests/install/sample.py" "$scratch/python store"
cp -r "$source/tools/python" wheel
cp "$libraries/libsyncline.so.0" wheel/syncline/
"$python" -m pip wheel --quiet --no-index --no-deps --no-build-isolation --wheel-dir wheels ./wheel >pip.log 2>&1 ||
  { cat pip.log; fail "no wheel"; }
"$python" -m pip install --quiet --no-index --no-deps --target from_wheel wheels/*.whl >pip.log 2>&1 ||
  { cat pip.log; fail "the wheel cannot be installed"; }
LD_LIBRARY_PATH='' PYTHONPATH=from_wheel "$python" "$source/tests/install/sample.py" "$scratch/wheel store"
