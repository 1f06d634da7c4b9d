// What the clients were told, and whether the store still says the same: the oracle of the torture
// and power tests.
//
// A client is told that its record is in by a receipt on standard output, or by exit 0 of an
// `ingest` that had it in its input. Every such claim is appended to a file outside the store and
// synced before the test goes on, as a caller's own books would be. What was said to be *not* in
// ("nothing was written") is a claim as well.
//
// What must hold, whatever was killed or cut, is asked of the sqlite3 program (expect_kept) and, by
// expect_agreement, of git: every claimed record is there once, with the id and path of its
// receipt; no record is there twice; none is there that nobody asked for; ids rise with the
// sequence.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "syncline/record.h"
#include "tests/e2e/client_calls.h"
#include "tests/e2e/store_under_test.h"

namespace syncline {

class Claims {
 public:
  explicit Claims(const std::filesystem::path& log);
  ~Claims();
  Claims(const Claims&) = delete;
  Claims& operator=(const Claims&) = delete;

  // A client ended so: notes what it was told. A second receipt of a key must equal the first.
  void hear(const ClientCall& call, const ProcessResult& result);
  // Of a client that prints a receipt a line, each with its "key"; the last line may be cut short.
  void hear_lines(const ClientCall& call, const ProcessResult& result);
  // Of one receipt, however it came.
  void hear_receipt(const std::string& key, const Json& receipt);
  // The key is being asked for by a client whose answer may never come.
  void ask(const std::string& key) { records_[key]; }

  // All claims against the rows. Fails the test by what was lost, doubled, changed or made up.
  void expect_kept(const StoreUnderTest& store);
  // The keys whose askers got no answer that settles what became of them.
  std::vector<std::string> unsettled() const;
  // After the store was put back to an earlier state: nothing of what was claimed holds.
  void forget();

  uint64_t acknowledged() const { return acknowledged_; }  // over all, forgotten ones too
  uint64_t lost() const { return lost_; }
  uint64_t doubled() const { return doubled_; }
  // "acknowledged A, lost L, doubled D"
  std::string figures() const;

 private:
  struct Receipt {
    uint64_t seq = 0;
    std::string table;
    int64_t id = 0;
    std::string path;
    bool operator==(const Receipt&) const = default;
  };
  struct Known {
    bool acknowledged = false;
    bool told_new = false;  // a receipt said that it was no duplicate
    std::string denial;     // what those who asked were told, if all were told "nothing written"
    bool unclear = false;   // someone who asked got no answer that settles it
    std::optional<Receipt> receipt;
  };

  void acknowledge(const std::string& key, std::optional<Receipt> receipt);
  void expect_one(const std::string& key, const Known& known,
                  const std::map<std::string, std::vector<Receipt>>& rows);
  void expect_ids_rise() const;

  int log_ = -1;
  std::map<std::string, Known> records_;  // by key: all that were ever asked for
  uint64_t acknowledged_ = 0;
  uint64_t lost_ = 0;
  uint64_t doubled_ = 0;
};

}  // namespace syncline
