#!/usr/bin/env bash
# The report's protocol and its tables, the way of old beside: OLD_WAY is a script that writes file, row
# and commit one after another (`syncline stress --against`); without one, ours alone. 1 if we lost
# anything. Options are those of `syncline stress`.
# shellcheck source=/dev/null
. "$(dirname "${BASH_SOURCE[0]}")/store.sh"
unset SYNCLINE_STORE
against=()
[ -z "${OLD_WAY:-}" ] || against=(--against "$OLD_WAY")
syncline stress "${against[@]}" "$@" || exit 1
