#!/usr/bin/env bash
# Records a success: SUCCESS_TITLE, SUCCESS_DOMAIN, SUCCESS_SEVERITY, SUCCESS_TAGS, SUCCESS_SUMMARY.
# shellcheck source=/dev/null
. "$(dirname "${BASH_SOURCE[0]}")/record.sh"
title='' domain='' severity='' tags='' summary=''
usage() {
  echo "Usage: $(basename "$0") --title TITLE --domain DOMAIN [--severity 1-5|low|medium|high|critical]"
  echo "       [--tags TAGS] [--summary TEXT]"
}
take SUCCESS "title domain severity tags summary" "$@"
ask title "Title"
ask domain "Domain"
ask severity "Severity (1-5)"
ask tags "Tags (comma-separated)"
ask summary "Summary"
record success --title="$(one_line "$title")" --domain="$(one_line "$domain")" \
  --severity="$(severity "$severity")" --tags="$(one_line "$tags")" --summary="$(lines "$summary")"
