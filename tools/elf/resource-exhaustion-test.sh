#!/usr/bin/env bash
# What becomes of records when descriptors, file sizes and time run out, in a temporary store: no call
# says that it recorded what is not there, and each goes through with the same key once there is room.
# shellcheck source=/dev/null
. "$(dirname "${BASH_SOURCE[0]}")/store.sh"
scratch_store
claimed=0
try() { # NAME LIMIT...: one call under a limit of `ulimit`
  local name=$1 code=0
  shift
  (ulimit "$@" && exec "$SYNCLINE" --timeout 5 record failure --title "$name" \
    --domain limits --key "$name") || code=$?
  echo "$name: exit $code"
  [ $code -ne 0 ] || claimed=$((claimed + 1))
}
try "few descriptors" -n 5
try "no large files" -f 1
try "little memory" -v 20000
try "no limit" -n 256
rows=$(sqlite3 "$SYNCLINE_STORE/memory/index.db" 'SELECT count(*) FROM learnings')
[ "$rows" -ge "$claimed" ] || { echo "FAILED: $claimed calls exited 0, $rows rows"; exit 1; }
for name in "few descriptors" "no large files" "little memory" "no limit"; do
  syncline record failure --title "$name" --domain limits --key "$name" >/dev/null
done
agree 4 || exit 1
