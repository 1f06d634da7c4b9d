#!/usr/bin/env bash
# The report's protocol: 5, 10, 15, 20, 30 and 50 processes at once, 3 rounds of each, 390 calls, in a
# temporary store. 1 if anything was lost. Options are those of `syncline stress`.
# shellcheck source=/dev/null
. "$(dirname "${BASH_SOURCE[0]}")/store.sh"
unset SYNCLINE_STORE
syncline stress "$@" || exit 1
