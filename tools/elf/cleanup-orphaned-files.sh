#!/usr/bin/env bash
# Files of the memory folders that no record has: by default they are only named (--dry-run);
# --apply moves them to where repair keeps what it replaces. Nothing is deleted.
# shellcheck source=/dev/null
. "$(dirname "${BASH_SOURCE[0]}")/store.sh"
case ${1:---dry-run} in
  --dry-run) syncline verify || exit 1 ;;
  --apply) syncline repair --orphans || exit 1 ;;
  *)
    echo "Usage: $(basename "$0") [--dry-run | --apply]"
    [ "$1" = --help ] || [ "$1" = -h ] || exit 1
    ;;
esac
