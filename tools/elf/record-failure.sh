#!/usr/bin/env bash
# Records a failure: FAILURE_TITLE, FAILURE_DOMAIN, FAILURE_SEVERITY, FAILURE_TAGS, FAILURE_SUMMARY.
# shellcheck source=/dev/null
. "$(dirname "${BASH_SOURCE[0]}")/record.sh"
record_learning failure FAILURE "$@"
