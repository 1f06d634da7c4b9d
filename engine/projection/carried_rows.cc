#include "engine/projection/carried_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "engine/projection/row_applier.h"
#include "engine/sqlite/table_ddl.h"
#include "journal/base/ascii.h"
#include "journal/base/try.h"

namespace syncline {
namespace {

struct SchemaEntry {
  std::string type, name, table, sql;
};

bool is_virtual(const SchemaEntry& entry) {
  return ascii_lowered(entry.sql).starts_with("create virtual");
}

// A table in which a virtual one keeps what it holds, as words_data is of words.
bool is_shadow(const SchemaEntry& entry, const std::vector<SchemaEntry>& schema) {
  return std::ranges::any_of(schema, [&](const SchemaEntry& other) {
    return is_virtual(other) &&
           ascii_lowered(entry.name).starts_with(ascii_lowered(other.name) + "_");
  });
}

bool is_own(std::string_view name) {
  const std::string lower = ascii_lowered(name);
  return lower.starts_with("sqlite_") || lower.starts_with("syncline_");
}

// A row as it was read: its key, and its columns.
struct OldRow {
  Value key;
  std::vector<Value> values;
};

class Carrier {
 public:
  Carrier(Database& damaged, Database& fresh) : damaged_(damaged), fresh_(fresh) {}

  Status run(const std::vector<std::pair<std::string, std::string>>& kinds) {
    const auto schema = read_schema();
    if (!schema) {
      leave_out(fmt::format("nothing of it could be read: {}", schema.error().message));
      return {};
    }
    for (const SchemaEntry& entry : *schema) {
      if (entry.type != "table" || is_own(entry.name) || is_shadow(entry, *schema)) continue;
      const auto kind = std::ranges::find_if(kinds, [&](const auto& each) {
        return ascii_lowered(each.first) == ascii_lowered(entry.name);
      });
      TRY(kind == kinds.end() ? carry_table(entry) : carry_kind(entry, kind->second));
    }
    TRY(raise_sequences());
    for (const char* type : {"index", "view", "trigger"}) {
      for (const SchemaEntry& entry : *schema) {
        if (entry.type != type || entry.sql.empty() || is_own(entry.table)) continue;
        TRY(make(entry));
      }
    }
    return {};
  }
  CarriedRows take() { return std::move(carried_); }

 private:
  void leave_out(std::string what) { carried_.left_out.push_back(std::move(what)); }

  Result<std::vector<SchemaEntry>> read_schema() {
    TRY_ASSIGN(Statement rows, damaged_.prepare("SELECT type, name, tbl_name, sql"
                                                " FROM sqlite_schema ORDER BY rowid"));
    std::vector<SchemaEntry> entries;
    while (true) {
      TRY_ASSIGN(const bool row, rows.step());
      if (!row) return entries;
      entries.push_back({std::string(rows.text(0)), std::string(rows.text(1)),
                         std::string(rows.text(2)), std::string(rows.text(3))});
    }
  }

  static Result<std::vector<std::string>> columns_of(Database& database, std::string_view table) {
    TRY_ASSIGN(Statement rows,
               database.prepare("SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0"));
    rows.bind(1, table);
    std::vector<std::string> columns;
    while (true) {
      TRY_ASSIGN(const bool row, rows.step());
      if (!row) return columns;
      columns.emplace_back(rows.text(0));
    }
  }

  // The statement of the old schema, and no more than that one.
  Status make(const SchemaEntry& entry) {
    TRY_ASSIGN(Statement there,
               fresh_.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE"));
    TRY_ASSIGN(const bool known, there.bind(1, std::string_view(entry.name)).step());
    if (known) return {};
    auto statement = fresh_.prepare(entry.sql);
    const Status made = statement ? statement->run() : Status(statement.error());
    if (!made && !is_local(made.error())) return made;
    if (!made) {
      leave_out(fmt::format("the {} {}: {}", entry.type, entry.name, made.error().message));
    }
    return {};
  }

  // The new database does not take this; another thing it may take.
  bool is_local(const Error& error) const {
    return fresh_.in_transaction() && error.code != Code::kIo && error.code != Code::kRetryLater &&
           error.code != Code::kCorrupt;
  }

  Status carry_kind(const SchemaEntry& entry, const std::string& id) {
    const auto added = add_missing_columns(fresh_, entry.name, entry.sql);
    if (!added && !is_local(added.error()) && added.error().code != Code::kInvalid) {
      return Status(added.error());
    }
    const auto old_columns = columns_of(damaged_, entry.name);
    TRY_ASSIGN(const std::vector<std::string> new_columns, columns_of(fresh_, entry.name));
    if (!old_columns) {
      leave_out(fmt::format("table {}: {}", entry.name, old_columns.error().message));
      return {};
    }
    std::vector<std::string> columns;
    for (const std::string& column : *old_columns) {
      const auto same = [&](const std::string& other) {
        return ascii_lowered(other) == ascii_lowered(column);
      };
      if (same(id)) continue;
      if (std::ranges::any_of(new_columns, same)) {
        columns.push_back(column);
      } else {
        leave_out(fmt::format("the column {} of {}", column, entry.name));
      }
    }
    return copy_rows(entry.name, id, columns, /*compare=*/true);
  }

  Status carry_table(const SchemaEntry& entry) {
    if (is_virtual(entry)) {
      leave_out(fmt::format("the virtual table {}", entry.name));
      return {};
    }
    const size_t left_out = carried_.left_out.size();
    TRY(make(entry));
    if (carried_.left_out.size() > left_out) return {};
    ++carried_.tables;
    const auto columns = columns_of(damaged_, entry.name);
    if (!columns) {
      leave_out(fmt::format("table {}: {}", entry.name, columns.error().message));
      return {};
    }
    return copy_rows(entry.name, "rowid", *columns, /*compare=*/false);
  }

  // Reads the rows in the order of `key`; where SQLite cannot go on, from the other end.
  Status copy_rows(const std::string& table, const std::string& key,
                   const std::vector<std::string>& columns, bool compare) {
    if (columns.empty() && !compare) return {};
    auto prepared = Target::prepare(fresh_, table, key, columns);
    if (!prepared && !is_local(prepared.error())) return Status(prepared.error());
    if (!prepared) {
      leave_out(fmt::format("table {}: {}", table, prepared.error().message));
      return {};
    }
    Target& target = *prepared;
    std::optional<Value> reached;
    Error damage;
    for (const bool forward : {true, false}) {
      auto rows = damaged_.prepare(fmt::format("SELECT {}{} FROM {} ORDER BY {} {}", quote_key(key),
                                               target.list, quote_identifier(table), quote_key(key),
                                               forward ? "ASC" : "DESC"));
      if (!rows) {
        leave_out(fmt::format("table {}: {}", table, rows.error().message));
        return {};
      }
      while (true) {
        const auto row = rows->step();
        if (row && !*row) return {};  // all of them, or all but those between
        if (!row) {
          damage = row.error();
          break;
        }
        OldRow old{rows->value(0), {}};
        if (!forward && reached && old.key == *reached) break;
        for (size_t i = 0; i < columns.size(); ++i) {
          old.values.push_back(rows->value(static_cast<int>(i) + 1));
        }
        TRY(put(table, target, old, compare));
        if (forward) reached = std::move(old.key);
      }
    }
    leave_out(fmt::format("rows of {} that cannot be read: {}", table, damage.message));
    return {};
  }

  static std::string quote_key(const std::string& key) {
    return key == "rowid" ? key : quote_identifier(key);
  }

  struct Target {
    std::string list;  // ", a, b"
    Statement find, insert, update;

    static Result<Target> prepare(Database& fresh, const std::string& table, const std::string& key,
                                  const std::vector<std::string>& columns) {
      std::string list, values, assignments;
      for (size_t i = 0; i < columns.size(); ++i) {
        const std::string name = quote_identifier(columns[i]);
        list += ", " + name;
        values += fmt::format(", ?{}", i + 2);
        assignments += fmt::format("{}{} = ?{}", i == 0 ? "" : ", ", name, i + 2);
      }
      const std::string name = quote_identifier(table), id = quote_key(key);
      TRY_ASSIGN(Statement find, fresh.prepare(fmt::format("SELECT {}{} FROM main.{} WHERE {} = ?1",
                                                           id, list, name, id)));
      TRY_ASSIGN(Statement insert,
                 fresh.prepare(fmt::format("INSERT OR IGNORE INTO main.{}({}{}) VALUES(?1{})", name,
                                           id, list, values)));
      TRY_ASSIGN(Statement update,
                 fresh.prepare(fmt::format("UPDATE OR IGNORE main.{} SET {} WHERE {} = ?1", name,
                                           assignments.empty() ? id + " = ?1" : assignments, id)));
      return Target{std::move(list), std::move(find), std::move(insert), std::move(update)};
    }
  };

  Status put(const std::string& table, Target& target, const OldRow& old, bool compare) {
    bool there = false, same = true;
    if (compare) {
      TRY_ASSIGN(there, target.find.bind(1, old.key).step());
      for (size_t i = 0; there && same && i < old.values.size(); ++i) {
        same = same_value(target.find.value(static_cast<int>(i) + 1), old.values[i]);
      }
      target.find.reset();
      if (there && same) return {};
    }
    Statement& write = there ? target.update : target.insert;
    write.bind(1, old.key);
    for (size_t i = 0; i < old.values.size(); ++i) {
      write.bind(static_cast<int>(i) + 2, old.values[i]);
    }
    const Status written = write.run();
    if (!written && !is_local(written.error())) return written;
    if (!written || fresh_.changes() == 0) {
      const auto* const id = std::get_if<int64_t>(&old.key);
      leave_out(
          fmt::format("row {} of {}, which the table refuses", id != nullptr ? *id : 0, table));
    } else {
      ++(there ? carried_.changed : carried_.inserted);
    }
    return {};
  }

  // No id that was given out is given out again.
  Status raise_sequences() {
    TRY_ASSIGN(const bool there, fresh_.has_table("sqlite_sequence"));
    auto rows = damaged_.prepare("SELECT name, seq FROM sqlite_sequence");
    if (!there || !rows) return {};
    TRY_ASSIGN(Statement raise, fresh_.prepare("UPDATE sqlite_sequence SET seq = max(seq, ?2)"
                                               " WHERE name = ?1 COLLATE NOCASE"));
    TRY_ASSIGN(Statement add,
               fresh_.prepare("INSERT INTO sqlite_sequence(name, seq) SELECT name, ?2"
                              " FROM sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE"
                              " NOCASE AND name NOT IN (SELECT name FROM sqlite_sequence)"));
    while (true) {
      const auto row = rows->step();
      if (!row || !*row) return {};
      TRY(raise.bind(1, rows->text(0)).bind(2, rows->integer(1)).run());
      TRY(add.bind(1, rows->text(0)).bind(2, rows->integer(1)).run());
    }
  }

  Database& damaged_;
  Database& fresh_;
  CarriedRows carried_;
};

}  // namespace

std::string CarriedRows::text() const {
  std::vector<std::string> parts;
  const auto add = [&](uint64_t count, std::string_view one, std::string_view many) {
    if (count != 0) parts.push_back(fmt::format("{} {}", count, count == 1 ? one : many));
  };
  add(changed, "row that was changed by hand", "rows that were changed by hand");
  add(inserted, "row of no record", "rows of no record");
  add(tables, "other table", "other tables");
  std::string text;
  if (!parts.empty()) text = fmt::format("carried over: {}", fmt::join(parts, ", "));
  if (!left_out.empty()) {
    text +=
        fmt::format("{}not carried over: {}", text.empty() ? "" : "; ", fmt::join(left_out, ", "));
  }
  return text;
}

Result<CarriedRows> carry_rows(Database& damaged, Database& fresh,
                               const std::vector<std::pair<std::string, std::string>>& kinds) {
  Carrier carrier(damaged, fresh);
  TRY(carrier.run(kinds));
  return carrier.take();
}

}  // namespace syncline
