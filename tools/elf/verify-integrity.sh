#!/usr/bin/env bash
# Do journal, rows, files and git agree? 0: they do. 1: they do not, or it could not be told; what was
# found is printed, with what settles it.
# shellcheck source=/dev/null
. "$(dirname "${BASH_SOURCE[0]}")/store.sh"
syncline verify "$@" || exit 1
