#include "engine/config/elf_profile.h"

#include <string_view>

namespace syncline {
namespace {

// The tables carry every column of the framework's own, so that its programs find what they expect.
// Columns that are not written here (source_id, times_validated, …) belong to those programs.
constexpr std::string_view kElf = R"toml(profile = "elf"
database = "memory/index.db"
%SETTINGS%
# ---- failures and successes ----

[kind.failure]
table = "learnings"
create_table = '''
CREATE TABLE IF NOT EXISTS learnings(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  type TEXT NOT NULL CHECK(type IN ('failure', 'success', 'heuristic', 'experiment', 'observation')),
  filepath TEXT NOT NULL,
  title TEXT NOT NULL,
  summary TEXT,
  tags TEXT,
  domain TEXT,
  severity INTEGER DEFAULT 3 CHECK(severity BETWEEN 1 AND 5),
  created_at DATETIME DEFAULT CURRENT_TIMESTAMP,
  updated_at DATETIME DEFAULT CURRENT_TIMESTAMP
)'''
indexes = ["domain", "type", "tags", "created_at desc", "domain, created_at desc"]
subject = "failure: {title}"
%LEARNING_FIELDS failure%
[kind.failure.columns]
type = "failure"
filepath = "{path}"
title = "{title}"
summary = "{summary|first_line}"
tags = "{tags}"
domain = "{domain}"
severity = "{severity}"
created_at = "{time_seconds}"
updated_at = "{time_seconds}"

[kind.failure.file]
mode = "create"
path = "memory/failures/{date_basic}_{title|slug:100}_{id}.md"
%LEARNING_TEXT%

[kind.success]
table = "learnings"
subject = "success: {title}"
%LEARNING_FIELDS success%
[kind.success.columns]
type = "success"
filepath = "{path}"
title = "{title}"
summary = "{summary|first_line}"
tags = "{tags}"
domain = "{domain}"
severity = "{severity}"
created_at = "{time_seconds}"
updated_at = "{time_seconds}"

[kind.success.file]
mode = "create"
path = "memory/successes/{date_basic}_{title|slug:100}_{id}.md"
%LEARNING_TEXT%

# ---- heuristics: one file a domain, a section each ----

[kind.heuristic]
table = "heuristics"
create_table = '''
CREATE TABLE IF NOT EXISTS heuristics(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  domain TEXT NOT NULL,
  rule TEXT NOT NULL,
  explanation TEXT,
  source_type TEXT,
  source_id INTEGER,
  confidence REAL DEFAULT 0.5 CHECK(confidence BETWEEN 0 AND 1),
  times_validated INTEGER DEFAULT 0 CHECK(times_validated >= 0),
  times_violated INTEGER DEFAULT 0 CHECK(times_violated >= 0),
  is_golden INTEGER DEFAULT 0,
  created_at DATETIME DEFAULT CURRENT_TIMESTAMP,
  updated_at DATETIME DEFAULT CURRENT_TIMESTAMP,
  project_path TEXT,
  times_consulted INTEGER DEFAULT 0,
  status TEXT
)'''
indexes = ["domain", "is_golden", "confidence", "created_at desc", "domain, confidence desc"]
subject = "heuristic: {rule}"

[[kind.heuristic.field]]
name = "domain"
required = true
single_line = true
length_max = 100

[[kind.heuristic.field]]
name = "rule"
required = true
single_line = true
length_max = 500

[[kind.heuristic.field]]
name = "explanation"
length_max = 5000

[[kind.heuristic.field]]
name = "source"
single_line = true
length_max = 100
default = "observation"

[[kind.heuristic.field]]
name = "confidence"
type = "real"
minimum = 0
maximum = 1
words = { low = 0.3, medium = 0.6, high = 0.85 }
default = 0.7

[kind.heuristic.columns]
domain = "{domain}"
rule = "{rule}"
explanation = "{explanation}"
source_type = "{source}"
confidence = "{confidence}"
created_at = "{time_seconds}"
updated_at = "{time_seconds}"

[kind.heuristic.file]
mode = "append"
path = "memory/heuristics/{domain|slug:100}.md"
header = '''
# Heuristics: {domain|slug:100}

What was learned about this domain, a rule a section.

---
'''
text = '''

## H-{id}: {rule}
{?store}<!-- store{store} -->
{/store}
**Confidence**: {confidence}
**Source**: {source}
**Created**: {date}
{?explanation}
{explanation|nest}
{/explanation}
---
'''

# ---- decisions ----

[kind.decision]
table = "decisions"
create_table = '''
CREATE TABLE IF NOT EXISTS decisions(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  title TEXT NOT NULL,
  context TEXT NOT NULL,
  options_considered TEXT,
  decision TEXT NOT NULL,
  rationale TEXT NOT NULL,
  files_touched TEXT,
  tests_added TEXT,
  status TEXT DEFAULT 'accepted',
  domain TEXT,
  superseded_by INTEGER REFERENCES decisions(id),
  created_at DATETIME DEFAULT CURRENT_TIMESTAMP,
  updated_at DATETIME DEFAULT CURRENT_TIMESTAMP
)'''
subject = "decision: {title}"

[[kind.decision.field]]
name = "title"
required = true
single_line = true
length_max = 200

[[kind.decision.field]]
name = "context"
required = true
length_max = 5000

[[kind.decision.field]]
name = "decision"
required = true
length_max = 5000

[[kind.decision.field]]
name = "rationale"
required = true
length_max = 5000

[[kind.decision.field]]
name = "options"
length_max = 5000

[[kind.decision.field]]
name = "domain"
single_line = true
length_max = 100
default = "general"

[[kind.decision.field]]
name = "files"
length_max = 1000

[[kind.decision.field]]
name = "tests"
length_max = 1000

[kind.decision.columns]
title = "{title}"
context = "{context}"
options_considered = "{options}"
decision = "{decision}"
rationale = "{rationale}"
domain = "{domain}"
files_touched = "{files}"
tests_added = "{tests}"
status = "accepted"
created_at = "{time_seconds}"
updated_at = "{time_seconds}"

[kind.decision.file]
mode = "create"
path = "memory/decisions/{date}-{title|slug:50}_{id}.md"
text = '''
# ADR-{id}: {title}

**Domain**: {domain}
**Status**: accepted
**Date**: {date}

## Context

{context|nest}

## Options Considered

{?options}{options|nest}

{/options}## Decision

{decision|nest}

## Rationale

{rationale|nest}

## Files Touched

{?files}- {files|nest}

{/files}## Tests Added

{?tests}- {tests|nest}

{/tests}## Consequences
'''
)toml";

constexpr std::string_view kLearningFields = R"toml(
[[kind.%.field]]
name = "title"
required = true
single_line = true
length_max = 500

[[kind.%.field]]
name = "domain"
required = true
single_line = true
length_max = 100

[[kind.%.field]]
name = "severity"
type = "integer"
minimum = 1
maximum = 5
words = { low = 2, medium = 3, high = 4, critical = 5 }
default = 3

[[kind.%.field]]
name = "tags"
single_line = true
length_max = 1000

[[kind.%.field]]
name = "summary"
length_max = 50000
default = "No summary provided"
)toml";

constexpr std::string_view kLearningText = R"toml(text = '''
# {title}

**Domain**: {domain}
**Severity**: {severity}
{?tags}**Tags**: {tags}
{/tags}**Date**: {date}

## Summary

{summary}

## What Happened

## Root Cause

## Impact

## Prevention

## Related

- **Experiments**:
- **Heuristics**:
- **Similar Failures**:
''')toml";

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
}

}  // namespace

std::string elf_profile_text() {
  std::string text(kElf);
  for (const std::string kind : {"failure", "success"}) {
    std::string fields(kLearningFields);
    replace_all(fields, "%", kind);
    replace_all(text, "%LEARNING_FIELDS " + kind + "%", fields.substr(1));
  }
  replace_all(text, "%LEARNING_TEXT%", kLearningText);
  return text;
}

}  // namespace syncline
