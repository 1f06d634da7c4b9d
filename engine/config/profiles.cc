#include "engine/config/profiles.h"

// The three ready configurations that `init --profile` writes. They are plain syncline.toml: what a
// store does with them, it does with any other.
#include <string>
#include <string_view>

#include "engine/config/elf_profile.h"
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

}  // namespace

Result<std::string> profile_text(std::string_view name) {
  std::string body;
  if (name == "notes") body = kNotes;
  if (name == "packages") body = kPackages;
  if (name == "elf") body = elf_profile_text();
  if (body.empty()) {
    const std::string names[] = {"notes", "packages", "elf"};
    return make_error(Code::kInvalid, "there is no profile " + quote_for_message(name),
                      near_name_hint(name, names));
  }
  constexpr std::string_view kHere = "%SETTINGS%";
  body.replace(body.find(kHere), kHere.size(), kSettings.substr(1));
  return std::string(kHead) + body;
}

}  // namespace syncline
