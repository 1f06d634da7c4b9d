# shellcheck shell=bash disable=SC2034
# Sourced by tools/check, tools/quickstart and bench/compare: the Debian 12 packages they need, and how to get them.
#
#   need_packages NAME…   installs those that are not there; without root or sudo it says which.

BUILD_PACKAGES=(g++ meson ninja-build pkg-config libsqlite3-dev libxxhash-dev liburing-dev
  libdeflate-dev libssl-dev libgit2-dev libtomlplusplus-dev nlohmann-json3-dev libcli11-dev
  libfmt-dev git sqlite3)
CHECK_PACKAGES=(libgtest-dev libbenchmark-dev ccache clang-19 libclang-rt-19-dev clang-format-19
  clang-tidy-19 shellcheck spin xfsprogs e2fsprogs btrfs-progs util-linux strace valgrind
  cmake python3-pip python3-setuptools python3-wheel zsh fish rustc python3-jsonschema)
# What bench/compare measures beside, counts system calls with, and draws with.
COMPARE_PACKAGES=(libleveldb-dev librocksdb-dev liblmdb-dev strace util-linux librsvg2-bin)

need_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
      missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  if ! command -v apt-get >/dev/null; then
    echo "not Debian: install what these packages of Debian 12 hold: ${missing[*]}" >&2
    return 1
  fi
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "these packages are missing, and there is neither root nor sudo to install them:" >&2
      echo "  apt-get install ${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  echo "installing: ${missing[*]}"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
    --no-install-recommends "${missing[@]}" >/dev/null
}
