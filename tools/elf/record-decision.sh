#!/usr/bin/env bash
# Records a decision: DECISION_TITLE, DECISION_CONTEXT, DECISION_OPTIONS, DECISION_DECISION,
# DECISION_RATIONALE, DECISION_DOMAIN, DECISION_FILES, DECISION_TESTS.
# shellcheck source=/dev/null
. "$(dirname "${BASH_SOURCE[0]}")/record.sh"
title='' context='' options='' decision='' rationale='' domain='' files='' tests=''
usage() {
  echo "Usage: $(basename "$0") --title TITLE --context TEXT --decision TEXT --rationale TEXT"
  echo "       [--options TEXT] [--domain DOMAIN] [--files TEXT] [--tests TEXT]"
}
take DECISION "title context options decision rationale domain files tests" "$@"
ask title "Title"
ask context "Context"
ask options "Options considered"
ask decision "Decision"
ask rationale "Rationale"
ask domain "Domain"
ask files "Files touched"
ask tests "Tests added"
record decision --title="$(one_line "$title")" --context="$(lines "$context")" \
  --options="$(lines "$options")" --decision="$(lines "$decision")" \
  --rationale="$(lines "$rationale")" --domain="$(one_line "$domain")" \
  --files="$(one_line "$files")" --tests="$(one_line "$tests")"
