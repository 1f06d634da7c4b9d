#!/usr/bin/env bash
# Records a heuristic: HEURISTIC_DOMAIN, HEURISTIC_RULE, HEURISTIC_EXPLANATION, HEURISTIC_SOURCE,
# HEURISTIC_CONFIDENCE.
# shellcheck source=/dev/null
. "$(dirname "${BASH_SOURCE[0]}")/record.sh"
domain='' rule='' explanation='' source='' confidence=''
usage() {
  echo "Usage: $(basename "$0") --domain DOMAIN --rule RULE [--explanation TEXT]"
  echo "       [--source failure|success|observation] [--confidence 0.0-1.0|low|medium|high]"
}
take HEURISTIC "domain rule explanation source confidence" "$@"
ask domain "Domain"
ask rule "Rule"
ask explanation "Explanation"
ask source "Source (failure, success, observation)"
ask confidence "Confidence (0.0 to 1.0)"
record heuristic --domain="$(one_line "$domain")" --rule="$(one_line "$rule")" \
  --explanation="$(lines "$explanation")" --source="$(one_line "$source")" \
  --confidence="$(one_line "$confidence")"
