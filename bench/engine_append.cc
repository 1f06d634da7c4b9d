// bench_engine append --dir DIR --target journal|store|background [what load.h takes]
//
//   journal     the journal alone: no validation, no keys, no encoding
//   store       Store::record(wait journaled); with a batch, submit() of all and wait() for each
//   background  the same, while the store's own threads apply and fold
//
// Adds `flushes`, the journal's own count: io_uring is not seen by strace.
#include <filesystem>

#include "bench/engine.h"
#include "journal/log/journal.h"

namespace syncline {
namespace {

class JournalClient final : public Client {
 public:
  explicit JournalClient(std::shared_ptr<Journal> journal) : journal_(std::move(journal)) {}

  void write(std::span<const std::string> records, uint64_t first) override {
    frames_.clear();
    for (size_t i = 0; i < records.size(); ++i) {
      const ByteSpan payload = std::as_bytes(std::span(records[i]));
      frames_.push_back({.operation = Operation::kCreate,
                         .id = first + i,
                         .payload = payload,
                         .payload_hash = hash_payload(payload)});
    }
    must(journal_->commit(frames_));
  }

 private:
  std::shared_ptr<Journal> journal_;
  std::vector<NewFrame> frames_;
};

void append_to_journal(const std::string& path, const Load& load, Report& report) {
  const std::unique_ptr<Directory> directory = must(open_posix_directory(path));
  must(Journal::create(*directory, StoreId{}, system_clock(), {}));
  const auto open = [&] {
    return std::shared_ptr<Journal>(
        must(Journal::open(*directory, StoreId{}, system_clock(), make_best_ring(), {})));
  };
  // Processes open it for themselves: a parent that had it open would be one process more.
  std::shared_ptr<Journal> shared = load.processes ? nullptr : open();
  run_load(
      load, [&](int) { return std::make_unique<JournalClient>(load.processes ? open() : shared); },
      report);
  if (!shared) shared = open();
  report.add("flushes", static_cast<double>(shared->counter(Counter::kFlushes)));
}

class StoreClient final : public Client {
 public:
  explicit StoreClient(std::shared_ptr<Store> store) : store_(std::move(store)) {}

  void write(std::span<const std::string> records, uint64_t first) override {
    if (records.size() == 1) {
      must(store_->record(note(first, records[0]), Stage::kJournaled));
      return;
    }
    tickets_.clear();
    for (size_t i = 0; i < records.size(); ++i) {
      tickets_.push_back(must(store_->submit(note(first + i, records[i]))));
    }
    for (const Ticket& ticket : tickets_) must(store_->wait(ticket, Stage::kJournaled));
  }

 private:
  std::shared_ptr<Store> store_;
  std::vector<Ticket> tickets_;
};

void append_to_store(const std::string& root, bool background, const Load& load, Report& report) {
  make_store(root);
  const auto open = [&] {
    return std::shared_ptr<Store>(must(Store::open(root, {.background = background})));
  };
  std::shared_ptr<Store> shared = load.processes ? nullptr : open();
  run_load(
      load, [&](int) { return std::make_unique<StoreClient>(load.processes ? open() : shared); },
      report);
  if (!shared) shared = open();
  const StoreStatus status = must(shared->status());
  report.add("flushes", static_cast<double>(status.flushes));
  report.add("backlog", static_cast<double>(status.journaled - status.applied));
}

}  // namespace

void measure_append(const Arguments& arguments, Report& report) {
  const std::string directory = arguments.text("dir");
  const std::string target = arguments.text("target");
  const Load load(arguments);
  if (target == "journal") {
    append_to_journal(directory, load, report);
  } else {
    require(target == "store" || target == "background",
            "--target is journal, store or background");
    append_to_store(directory + "/store", target == "background", load, report);
  }
}

}  // namespace syncline
