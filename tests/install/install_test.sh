#!/bin/sh
# What `meson install` puts in place is enough to build and run a program, and the command.
#
#   install_test.sh BUILD_DIR SOURCE_DIR COMPILER…
#
# Installs into a scratch root, compiles example.cc by nothing but pkg-config's flags, runs it, and
# looks at its work with git and sqlite3. The first line that fails ends the test.
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
