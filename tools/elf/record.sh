# shellcheck shell=bash
# Shared by the record-*.sh scripts, which take what the framework's own scripts take: options, or
# variables of the same names, or answers on a terminal.
#
# Exit 0: recorded, row and file are there. 6: a link is in the way. 1: anything else. What syncline
# has journalled before it failed stays; the message says so.
# shellcheck source=/dev/null
. "$(dirname "${BASH_SOURCE[0]}")/store.sh"

# One line: control characters removed, runs of blanks made one, ends trimmed.
one_line() {
  printf '%s' "$1" | tr '\t\n\r' '   ' | tr -d '\000-\010\013\014\016-\037\177' |
    sed -e 's/  */ /g' -e 's/^ //' -e 's/ $//'
}

# The same for a text of several lines, whose line ends stay.
lines() {
  printf '%s' "$1" | tr '\t' ' ' | tr -d '\000-\010\013-\037\177' |
    sed -e 's/  */ /g' -e 's/ $//'
}

# Anything but a severity is the default, as it always was.
severity() {
  case $(printf '%s' "$1" | tr '[:upper:]' '[:lower:]') in
    1 | 2 | 3 | 4 | 5 | low | medium | high | critical) one_line "$1" ;;
    *) printf 3 ;;
  esac
}

# take PREFIX "NAME ..." ARGUMENTS...: fills the variables NAME from options (--name VALUE), else
# from the environment (PREFIX_NAME).
take() {
  local prefix=$1 names=$2 name variable
  shift 2
  given=no
  for name in $names; do
    variable=${prefix}_$(printf '%s' "$name" | tr '[:lower:]' '[:upper:]')
    printf -v "$name" '%s' "${!variable:-}"
    [ -z "${!variable:-}" ] || given=yes
  done
  while [ $# -gt 0 ]; do
    name=${1#--}
    if [ "$1" = --help ] || [ "$1" = -h ]; then
      usage
      exit 0
    fi
    case " $names " in
      *" $name "*) ;;
      *)
        echo "unknown option: $1" >&2
        usage >&2
        exit 1
        ;;
    esac
    if [ $# -lt 2 ]; then
      echo "$1 needs a value" >&2
      exit 1
    fi
    printf -v "$name" '%s' "$2"
    given=yes
    shift 2
  done
  if [ "$given" = no ] && [ ! -t 0 ]; then
    usage
    exit 0
  fi
}

# ask NAME QUESTION: on a terminal, for what was not given.
ask() {
  local answer
  [ -z "${!1}" ] && [ "$given" = no ] || return 0
  read -r -p "$2: " answer || true
  printf -v "$1" '%s' "$answer"
}

# record KIND [--field=VALUE ...]: fields without a value are left out.
record() {
  local kind=$1 answer code=0 field
  local fields=()
  shift
  for field in "$@"; do
    [ -z "${field#*=}" ] || fields+=("$field")
  done
  answer=$(syncline --json record "$kind" "${fields[@]}") || code=$?
  if [ $code -eq 0 ]; then
    echo "Database record created (ID: $(printf '%s' "$answer" | sed -n 's/.*"id":\([0-9]*\).*/\1/p'))"
    echo "Recorded $kind: $(printf '%s' "$answer" | sed -n 's/.*"path":"\([^"]*\)".*/\1/p')"
    return 0
  fi
  # An error's message, or the reason for which the record was set aside.
  printf 'ERROR: %s\n' "$(printf '%s' "$answer" |
    sed -n 's/.*"\(message\|set_aside\)":"\(\([^"\\]\|\\.\)*\)".*/\2/p')" >&2
  case $answer in
    *"symbolic links"* | *"hard links"* | *"is not a regular file"*) exit 6 ;;
  esac
  [ $code -ne 6 ] || exit 6
  exit 1
}

# record_learning KIND PREFIX ARGUMENTS...: failures and successes take the same.
record_learning() {
  local kind=$1 prefix=$2
  shift 2
  local title='' domain='' severity='' tags='' summary=''
  usage() {
    echo "Usage: $(basename "$0") --title TITLE --domain DOMAIN [--severity 1-5|low|medium|high|critical]"
    echo "       [--tags TAGS] [--summary TEXT]"
  }
  take "$prefix" "title domain severity tags summary" "$@"
  ask title "Title"
  ask domain "Domain"
  ask severity "Severity (1-5)"
  ask tags "Tags (comma-separated)"
  ask summary "Summary"
  record "$kind" --title="$(one_line "$title")" --domain="$(one_line "$domain")" \
    --severity="$(severity "$severity")" --tags="$(one_line "$tags")" --summary="$(lines "$summary")"
}
