#!/usr/bin/env bash
# Records a success: SUCCESS_TITLE, SUCCESS_DOMAIN, SUCCESS_SEVERITY, SUCCESS_TAGS, SUCCESS_SUMMARY.
# shellcheck source=/dev/null
. "$(dirname "${BASH_SOURCE[0]}")/record.sh"
record_learning success SUCCESS "$@"
