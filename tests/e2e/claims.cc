#include "tests/e2e/claims.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <system_error>
#include <utility>

namespace syncline {
namespace {

// The exit codes that say "nothing was written".
bool denies(const ProcessResult& result) {
  return result.exit_code == 1 || result.exit_code == 10 || result.exit_code == 75;
}

}  // namespace

Claims::Claims(const std::filesystem::path& log)
    : log_(open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600)) {
  if (log_ < 0) throw std::system_error(errno, std::generic_category(), log.string());
}

Claims::~Claims() {
  close(log_);
}

void Claims::acknowledge(const std::string& key, std::optional<Receipt> receipt) {
  Json line{{"key", key}};
  if (receipt) {
    line.update({{"seq", receipt->seq}, {"id", receipt->id}, {"path", receipt->path}});
  }
  const std::string text = line.dump() + "\n";
  const bool written = write(log_, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (!written || fdatasync(log_) != 0) {
    throw std::system_error(errno, std::generic_category(), "the log of acknowledgements");
  }
  Known& known = records_[key];
  if (!known.acknowledged) ++acknowledged_;
  known.acknowledged = true;
  if (!receipt) return;
  if (known.receipt) {
    EXPECT_EQ(known.receipt->seq, receipt->seq) << key << ": two receipts differ";
    EXPECT_EQ(known.receipt->id, receipt->id) << key << ": two receipts differ";
    EXPECT_EQ(known.receipt->path, receipt->path) << key << ": two receipts differ";
  }
  EXPECT_GT(receipt->id, 0) << key;
  EXPECT_GT(receipt->seq, 0U) << key;
  known.receipt = std::move(receipt);
}

void Claims::hear_receipt(const std::string& key, const Json& receipt) {
  // Receipts are not heard in the order in which they were given, but only one can be the first.
  if (!receipt.value("duplicate", false)) {
    EXPECT_FALSE(std::exchange(records_[key].told_new, true)) << key << " was new to two clients";
  }
  acknowledge(key, Receipt{.seq = receipt.value("seq", uint64_t{0}),
                           .table = receipt.value("table", std::string()),
                           .id = receipt.value("id", int64_t{0}),
                           .path = receipt.value("path", std::string())});
}

void Claims::hear(const ClientCall& call, const ProcessResult& result) {
  for (const std::string& key : call.keys) ask(key);
  if (call.one_receipt) {
    // A receipt that was printed counts, even if the client was killed right after.
    const Json receipt = Json::parse(result.out, nullptr, false);
    if (receipt.is_object() && receipt.contains("duplicate")) {
      hear_receipt(call.keys.at(0), receipt);
      return;
    }
    // A failure that names the record's sequence says that it is durable.
    if (receipt.is_object() && receipt.contains("seq") && receipt["seq"].is_number()) {
      EXPECT_FALSE(denies(result)) << result.describe();
      acknowledge(call.keys.at(0), std::nullopt);
      return;
    }
    EXPECT_NE(result.exit_code, 0) << "exit 0 without a receipt: " << result.describe();
  } else if (result.exit_code == 0) {
    for (const std::string& key : call.keys) acknowledge(key, std::nullopt);
    return;
  }
  for (const std::string& key : call.keys) {
    Known& known = records_[key];
    if (call.one_receipt && denies(result)) {
      known.denial += result.describe();
    } else {
      known.unclear = true;
    }
  }
}

void Claims::hear_lines(const ClientCall& call, const ProcessResult& result) {
  std::istringstream lines(result.out);
  std::string line;
  while (std::getline(lines, line)) {
    const Json receipt = Json::parse(line, nullptr, false);
    if (receipt.is_object()) hear_receipt(receipt["key"], receipt);
  }
  hear(call, result);
}

std::vector<std::string> Claims::unsettled() const {
  std::vector<std::string> keys;
  for (const auto& [key, known] : records_) {
    if (!known.acknowledged) keys.push_back(key);
  }
  return keys;
}

void Claims::expect_one(const std::string& key, const Known& known,
                        const std::map<std::string, std::vector<Receipt>>& rows) {
  const auto found = rows.find(key);
  const size_t times = found == rows.end() ? 0 : found->second.size();
  if (known.acknowledged && times == 0) {
    ++lost_;
    ADD_FAILURE() << key << " was acknowledged and is lost";
  }
  if (times > 1) {
    ++doubled_;
    ADD_FAILURE() << key << " is there " << times << " times";
  }
  if (times == 1 && !known.denial.empty() && !known.unclear && !known.acknowledged) {
    ADD_FAILURE() << key << " is there, though who asked was told that nothing was written:\n"
                  << known.denial;
  }
  if (times != 1 || !known.receipt) return;
  const Receipt& row = found->second[0];
  EXPECT_EQ(row.table, known.receipt->table) << key;
  EXPECT_EQ(row.id, known.receipt->id) << key;
  // Rows of heuristics and decisions name no file; expect_agreement holds them to their files.
  if (!row.path.empty()) {
    EXPECT_EQ(row.path, known.receipt->path) << key;
  }
}

void Claims::expect_ids_rise() const {
  std::map<uint64_t, const Receipt*> by_seq;
  for (const auto& [key, known] : records_) {
    if (!known.receipt) continue;
    const auto [other, fresh] = by_seq.emplace(known.receipt->seq, &*known.receipt);
    EXPECT_TRUE(fresh) << "two keys were told seq " << other->first;
  }
  std::map<std::string, int64_t> last;
  for (const auto& [seq, receipt] : by_seq) {
    EXPECT_GT(receipt->id, last[receipt->table]) << receipt->table << ", seq " << seq;
    last[receipt->table] = receipt->id;
  }
}

void Claims::expect_kept(const StoreUnderTest& store) {
  std::map<std::string, std::vector<Receipt>> rows;
  const Json found = store.sql(
      "SELECT 'learnings' AS t, title AS k, id AS i, filepath AS p FROM learnings "
      "UNION ALL SELECT 'heuristics', rule, id, '' FROM heuristics "
      "UNION ALL SELECT 'decisions', title, id, '' FROM decisions");
  for (const Json& row : found) {
    const std::string key = row["k"];
    EXPECT_TRUE(records_.contains(key)) << "nobody asked for " << key;
    rows[key].push_back({.seq = 0, .table = row["t"], .id = row["i"], .path = row["p"]});
  }
  for (const auto& [key, known] : records_) expect_one(key, known, rows);
  expect_ids_rise();
}

void Claims::forget() {
  records_.clear();
}

std::string Claims::figures() const {
  return "acknowledged " + std::to_string(acknowledged_) + ", lost " + std::to_string(lost_) +
         ", doubled " + std::to_string(doubled_);
}

}  // namespace syncline
