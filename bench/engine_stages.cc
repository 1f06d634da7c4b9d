// bench_engine stages --store DIR --records N [--bytes B] [--kind note|line] [--until STAGE]
//
// Makes the store unless it is there, journals N records, and then takes all of them together to
// each stage, one after the other, up to the one that is named: seconds for each. `wal_bytes` is
// the size of SQLite's log at the end. `lock_ms` is how long `.git/index.lock` was there while it
// published, by the time stamps of whoever watches the directory.
//
// bench_engine steps --store DIR --steps N [--records R] [--bytes B] [--kind note|line]
//
// N times: journals R records, and takes them to `applied`. `step_p99_ms` and `step_max_ms` are of
// the second part, which is one transaction and one flush of the journal.
//
// bench_engine open --store DIR: milliseconds of Store::open and of status().
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "bench/engine.h"

namespace syncline {
namespace {

constexpr std::string_view kLine = R"toml(
[kind.line]
table = "lines"
create_table = "CREATE TABLE IF NOT EXISTS lines(id INTEGER PRIMARY KEY, title TEXT, body TEXT)"
subject = "line"
[[kind.line.field]]
name = "title"
single_line = true
[[kind.line.field]]
name = "body"
[kind.line.columns]
title = "{title}"
body = "{body}"
[kind.line.file]
mode = "append"
path = "lines.md"
text = "{id}"
)toml";

// How long a lock file is there, by inotify. The longest time counts.
class LockWatch {
 public:
  LockWatch(const std::string& directory, std::string name)
      : name_(std::move(name)), events_(inotify_init1(IN_CLOEXEC)), end_(eventfd(0, EFD_CLOEXEC)) {
    require(events_ >= 0 && end_ >= 0, "inotify");
    require(inotify_add_watch(events_, directory.c_str(),
                              IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO) >= 0,
            "inotify_add_watch");
    thread_ = std::thread([this] { watch(); });
  }
  ~LockWatch() {
    if (thread_.joinable()) static_cast<void>(finish_ms());
    close(events_);
    close(end_);
  }
  LockWatch(const LockWatch&) = delete;
  LockWatch& operator=(const LockWatch&) = delete;

  double finish_ms() {
    const uint64_t one = 1;
    require(write(end_, &one, sizeof one) == sizeof one, "eventfd");
    thread_.join();
    return longest_ms_;
  }

 private:
  void watch() {
    int64_t since_ns = 0;
    while (true) {
      pollfd both[] = {{.fd = events_, .events = POLLIN, .revents = 0},
                       {.fd = end_, .events = POLLIN, .revents = 0}};
      if (poll(both, 2, -1) < 0) continue;
      if (both[0].revents != 0) {
        read_events(since_ns);
      } else if (both[1].revents != 0) {
        return;
      }
    }
  }
  void read_events(int64_t& since_ns) {
    alignas(inotify_event) char buffer[8192];
    const ssize_t got = read(events_, buffer, sizeof buffer);
    const int64_t at_ns = now_ns();
    for (ssize_t at = 0; at < got;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
      at += static_cast<ssize_t>(sizeof *event + event->len);
      if (event->len == 0 || name_ != event->name) continue;
      if ((event->mask & (IN_CREATE | IN_MOVED_TO)) != 0) {
        since_ns = at_ns;
      } else if (since_ns != 0) {
        longest_ms_ = std::max(longest_ms_, static_cast<double>(at_ns - since_ns) / 1e6);
        since_ns = 0;
      }
    }
  }

  std::string name_;
  int events_, end_;
  double longest_ms_ = 0;
  std::thread thread_;
};

void journal_records(Store& store, const std::string& kind, uint64_t count, size_t bytes,
                     uint64_t first) {
  // In handfuls: without background threads the queue is written by whoever waits.
  constexpr uint64_t kHandful = 256;
  std::string body;
  while (body.size() < bytes) body += "the quick brown fox jumps over the lazy dog\n";
  body.resize(bytes);
  std::vector<Ticket> tickets;
  for (uint64_t done = 0; done < count;) {
    tickets.clear();
    for (; done < count && tickets.size() < kHandful; ++done) {
      Record record = note(first + done, std::to_string(first + done) + " " + body);
      record.kind = kind;
      tickets.push_back(must(store.submit(record)));
    }
    for (const Ticket& ticket : tickets) must(store.wait(ticket, Stage::kJournaled));
  }
}

}  // namespace

void make_store(const std::string& root) {
  std::filesystem::create_directory(root);
  must(Store::init(root, {.profile = "notes", .nested = true}));
  const std::string path = root + "/syncline.toml";
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::string_view pace = "publish_interval_ms = 2000";
  require(text.contains(pace), "the profile has changed");
  text.replace(text.find(pace), pace.size(), "publish_interval_ms = 86400000");
  text += kLine;
  std::ofstream config(path, std::ios::trunc | std::ios::binary);
  config << text;
  config.close();
  require(config.good(), "cannot write syncline.toml");
}

Record note(uint64_t number, std::string body) {
  return {.kind = "note",
          .fields = {{"title", "note " + std::to_string(number)}, {"body", std::move(body)}}};
}

void measure_stages(const Arguments& arguments, Report& report) {
  const std::string root = arguments.text("store");
  const uint64_t records = arguments.number("records", 10'000);
  const std::string kind = arguments.text("kind", "note");
  const auto until = parse_stage(arguments.text("until", "applied"));
  require(until.has_value(), "--until takes a stage");
  if (!std::filesystem::exists(root)) make_store(root);
  const std::unique_ptr<Store> store = must(Store::open(root));
  const uint64_t first = must(store->status()).journaled + 1;
  const auto take = [&](const std::string& name, const auto& work) {
    const int64_t start_ns = now_ns();
    work();
    const double seconds = seconds_since(start_ns);
    report.add(name + "_s", seconds);
    report.add(name + "_rate", static_cast<double>(records) / seconds);
  };
  // One record more, waited for as far as asked: stages are reached in order.
  const auto reach = [&](Stage stage, uint64_t number) {
    must(store->record(note(number, "last"), stage));
  };
  take("journal",
       [&] { journal_records(*store, kind, records, arguments.number("bytes", 1024), first); });
  if (*until >= Stage::kApplied) {
    take("apply", [&] { reach(Stage::kApplied, first + records); });
    std::error_code absent;
    const auto wal = std::filesystem::file_size(root + "/syncline.db-wal", absent);
    report.add("wal_bytes", absent ? 0 : static_cast<double>(wal));
  }
  if (*until >= Stage::kCommitted) {
    take("fold", [&] { reach(Stage::kCommitted, first + records + 1); });
  }
  if (*until >= Stage::kPublished) {
    LockWatch watch(root + "/.git", "index.lock");
    take("publish", [&] { must(store->sync(false, kForever)); });
    report.add("lock_ms", watch.finish_ms());
    const StoreStatus status = must(store->status());
    require(status.published == status.journaled, "not everything was published");
  }
}

void measure_steps(const Arguments& arguments, Report& report) {
  const std::string root = arguments.text("store");
  const uint64_t records = arguments.number("records", 1000);
  const std::string kind = arguments.text("kind", "note");
  make_store(root);
  const std::unique_ptr<Store> store = must(Store::open(root));
  std::vector<double> steps_ms;
  double seconds = 0;
  uint64_t next = 1;
  for (uint64_t step = 0; step < arguments.number("steps", 20); ++step, next += records) {
    journal_records(*store, kind, records - 1, arguments.number("bytes", 1024), next);
    Record last = note(next + records - 1, "last");
    last.kind = kind;
    const int64_t start_ns = now_ns();
    must(store->record(last, Stage::kApplied));
    seconds += seconds_since(start_ns);
    steps_ms.push_back(seconds_since(start_ns) * 1e3);
  }
  require(!steps_ms.empty(), "--steps is 0");
  std::ranges::sort(steps_ms);
  report.add("rate", static_cast<double>(next - 1) / seconds);
  report.add("step_p50_ms", steps_ms[steps_ms.size() / 2]);
  report.add("step_p99_ms", steps_ms[(steps_ms.size() * 99 + 99) / 100 - 1]);
  report.add("step_max_ms", steps_ms.back());
}

void measure_open(const Arguments& arguments, Report& report) {
  int64_t start_ns = now_ns();
  const std::unique_ptr<Store> store = must(Store::open(arguments.text("store")));
  report.add("open_ms", seconds_since(start_ns) * 1e3);
  start_ns = now_ns();
  const StoreStatus status = must(store->status());
  report.add("status_ms", seconds_since(start_ns) * 1e3);
  report.add("records", static_cast<double>(status.journaled));
}

}  // namespace syncline
