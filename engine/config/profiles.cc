#include "engine/config/profiles.h"

// The three ready configurations that `init --profile` writes. They are plain syncline.toml: what a
// store does with them, it does with any other.
#include <string>
#include <string_view>

#include "engine/config/near_name.h"

namespace syncline {
namespace {

constexpr std::string_view kHead =
    R"toml(# Syncline: what this store records, and how it keeps it. `syncline config check` tells whether a
# change is sound. Kinds, patterns and every other setting are described in syncline.toml(5).
schema = 1
)toml";

constexpr std::string_view kSettings = R"toml(
[author]
name = "Syncline"
email = "syncline@localhost"

[sync]
batch_records_max = 1000     # records in one commit
batch_bytes_max = 16777216
batch_age_ms_max = 1000      # a background syncer waits this long for a batch to fill
publish_interval_ms = 2000   # commits on the checked-out branch come no faster
remote = "origin"

[limits]                     # beyond them `record` answers "retry later"
backlog_records_max = 1000000
backlog_bytes_max = 1073741824

[journal]
segment_bytes_max = 67108864
retain_bytes_max = 0         # 0: nothing is trimmed, the store can be replayed from its beginning
retain_days_max = 0
)toml";

// Patterns: {field} and {field|filter} are filled in from the record, {?field}…{/field} stands only
// where the record has the field, {id} {shard} {date} {time} {path} are decided by the store.
constexpr std::string_view kNotes = R"toml(profile = "notes"
database = "syncline.db"
%SETTINGS%
[kind.note]
table = "notes"
create_table = '''
CREATE TABLE IF NOT EXISTS notes(
  id INTEGER PRIMARY KEY,
  title TEXT NOT NULL,
  body TEXT,
  tags TEXT,
  path TEXT NOT NULL,
  created_at TEXT NOT NULL
)'''
subject = "note: {title}"

[[kind.note.field]]
name = "title"
required = true
single_line = true
length_max = 500

[[kind.note.field]]
name = "body"
length_max = 1000000

[[kind.note.field]]
name = "tags"
single_line = true
length_max = 1000

[kind.note.columns]
title = "{title}"
body = "{body}"
tags = "{tags}"
path = "{path}"
created_at = "{time}"

[kind.note.file]
mode = "create"
path = "notes/{shard}/{title|slug:100}-{id}.md"
text = '''
# {title}

{?tags}**Tags**: {tags}
{/tags}**Date**: {time}
{?body}
{body}
{/body}'''
)toml";

constexpr std::string_view kPackages = R"toml(profile = "packages"
database = "syncline.db"
%SETTINGS%
[kind.package]
table = "packages"
create_table = '''
CREATE TABLE IF NOT EXISTS packages(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  version TEXT,
  architecture TEXT,
  section TEXT,
  priority TEXT,
  maintainer TEXT,
  homepage TEXT,
  description TEXT,
  path TEXT NOT NULL,
  created_at TEXT NOT NULL
)'''
subject = "package: {name}{?version} {version}{/version}"

[[kind.package.field]]
name = "name"
required = true
single_line = true
length_max = 200

[[kind.package.field]]
name = "version"
single_line = true
length_max = 200

[[kind.package.field]]
name = "architecture"
single_line = true
length_max = 200

[[kind.package.field]]
name = "section"
single_line = true
length_max = 200

[[kind.package.field]]
name = "priority"
single_line = true
length_max = 200

[[kind.package.field]]
name = "maintainer"
single_line = true
length_max = 1000

[[kind.package.field]]
name = "homepage"
single_line = true
length_max = 2000

[[kind.package.field]]
name = "description"
length_max = 200000

[kind.package.columns]
name = "{name}"
version = "{version}"
architecture = "{architecture}"
section = "{section}"
priority = "{priority}"
maintainer = "{maintainer}"
homepage = "{homepage}"
description = "{description}"
path = "{path}"
created_at = "{time}"

[kind.package.file]
mode = "create"
path = "packages/{shard}/{name|slug:100}-{id}.md"
text = '''
# {name}

{?version}**Version**: {version}
{/version}{?architecture}**Architecture**: {architecture}
{/architecture}{?section}**Section**: {section}
{/section}{?priority}**Priority**: {priority}
{/priority}{?maintainer}**Maintainer**: {maintainer}
{/maintainer}{?homepage}**Homepage**: {homepage}
{/homepage}**Date**: {time}
{?description}
{description}
{/description}'''
)toml";

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
  type TEXT NOT NULL,
  filepath TEXT NOT NULL,
  title TEXT NOT NULL,
  summary TEXT,
  tags TEXT,
  domain TEXT,
  severity INTEGER DEFAULT 3,
  created_at DATETIME DEFAULT CURRENT_TIMESTAMP,
  updated_at DATETIME DEFAULT CURRENT_TIMESTAMP
)'''
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
text = '''
# {title}

**Domain**: {domain}
**Severity**: {severity}
{?tags}**Tags**: {tags}
{/tags}**Date**: {date}
{?summary}
## Summary

{summary}
{/summary}'''

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
text = '''
# {title}

**Domain**: {domain}
**Severity**: {severity}
{?tags}**Tags**: {tags}
{/tags}**Date**: {date}
{?summary}
## Summary

{summary}
{/summary}'''

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
  confidence REAL DEFAULT 0.5,
  times_validated INTEGER DEFAULT 0,
  times_violated INTEGER DEFAULT 0,
  is_golden BOOLEAN DEFAULT 0,
  created_at DATETIME DEFAULT CURRENT_TIMESTAMP,
  updated_at DATETIME DEFAULT CURRENT_TIMESTAMP
)'''
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
header = "# Heuristics: {domain|slug:100}"
text = '''

## H-{id}{store}: {rule}

**Domain**: {domain}
**Confidence**: {confidence}
**Source**: {source}
**Date**: {date}
{?explanation}
{explanation|nest}
{/explanation}'''

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
  domain TEXT,
  files_touched TEXT,
  tests_added TEXT,
  status TEXT DEFAULT 'accepted'
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

[kind.decision.file]
mode = "create"
path = "memory/decisions/{date}-{title|slug:50}_{id}.md"
text = '''
# {title}

{?domain}**Domain**: {domain}
{/domain}**Status**: accepted
**Date**: {date}

## Context

{context|nest}
{?options}
## Options

{options|nest}
{/options}
## Decision

{decision|nest}

## Rationale

{rationale|nest}
{?files}
## Files

{files|nest}
{/files}{?tests}
## Tests

{tests|nest}
{/tests}'''
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
)toml";

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
}

}  // namespace

Result<std::string> profile_text(std::string_view name) {
  std::string_view body;
  if (name == "notes") body = kNotes;
  if (name == "packages") body = kPackages;
  if (name == "elf") body = kElf;
  if (body.empty()) {
    const std::string names[] = {"notes", "packages", "elf"};
    return make_error(Code::kInvalid, "there is no profile " + quote_for_message(name),
                      near_name_hint(name, names));
  }
  std::string text(kHead);
  text += body;
  replace_all(text, "%SETTINGS%", kSettings.substr(1));
  for (const std::string kind : {"failure", "success"}) {
    std::string fields(kLearningFields);
    replace_all(fields, "%", kind);
    replace_all(text, "%LEARNING_FIELDS " + kind + "%", fields.substr(1));
  }
  return text;
}

}  // namespace syncline
