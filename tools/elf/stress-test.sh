#!/usr/bin/env bash
# A short stress: 5, 10 and 15 processes at once (LEVELS), once each, in a temporary store. 1 if
# anything was lost. Options are those of `syncline stress`.
# shellcheck source=/dev/null
. "$(dirname "${BASH_SOURCE[0]}")/store.sh"
unset SYNCLINE_STORE
short=()
case " $* " in *" --levels"[\ =]*) ;; *) short+=(--levels "${LEVELS:-5,10,15}") ;; esac
case " $* " in *" --rounds"[\ =]*) ;; *) short+=(--rounds 1) ;; esac
syncline stress "${short[@]}" "$@" || exit 1
