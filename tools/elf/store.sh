# shellcheck shell=bash
# Shared by the scripts beside it: which store they mean, and which program.
#
# They find the store above their own directory (a copy in the framework's scripts/ does), unless
# SYNCLINE_STORE names one; else it is looked for above the current directory. SYNCLINE names the
# program where it is not in PATH.
set -euo pipefail

directory=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ -z "${SYNCLINE_STORE:-}" ]; then
  above=$directory
  while [ "$above" != / ]; do
    if [ -d "$above/.git/syncline" ]; then
      export SYNCLINE_STORE=$above
      break
    fi
    above=$(dirname "$above")
  done
fi

SYNCLINE=$(type -P "${SYNCLINE:-syncline}") || {
  echo "ERROR: syncline is not in PATH; SYNCLINE may name it" >&2
  exit 1
}
syncline() {
  "$SYNCLINE" "$@"
}

# scratch_store: a store of its own in a temporary directory, for scripts that try things out. The
# store that people use is never touched.
scratch_store() {
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  unset SYNCLINE_STORE
  syncline init --nested --profile elf "$scratch" >/dev/null
  export SYNCLINE_STORE=$scratch
}

# agree COUNT: the store holds so many records, and everything agrees.
agree() {
  local rows
  rows=$(sqlite3 "$SYNCLINE_STORE/memory/index.db" 'SELECT count(*) FROM learnings')
  syncline sync >/dev/null
  syncline verify
  echo "rows: $rows of $1"
  [ "$rows" -eq "$1" ]
}
