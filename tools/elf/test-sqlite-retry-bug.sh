#!/usr/bin/env bash
# Twenty calls at once while another program holds the database's lock for 3 s, in a temporary store:
# each waits, and is one row.
# shellcheck source=/dev/null
. "$(dirname "${BASH_SOURCE[0]}")/store.sh"
scratch_store
coproc sqlite3 "$SYNCLINE_STORE/memory/index.db"
holder=$COPROC_PID
echo "BEGIN IMMEDIATE; SELECT 'held';" >&"${COPROC[1]}"
read -r _ <&"${COPROC[0]}"
calls=()
for number in $(seq 20); do
  syncline --timeout 60 record failure --title "call $number" --domain locks >/dev/null &
  calls+=($!)
done
# How long it is held is what is tried; nothing is waited for by it.
sleep 3
echo "COMMIT;" >&"${COPROC[1]}"
echo ".quit" >&"${COPROC[1]}"
failed=0
for call in "${calls[@]}"; do wait "$call" || failed=$((failed + 1)); done
wait "$holder" || true
echo "calls that failed: $failed"
agree 20 && [ $failed -eq 0 ] || exit 1
