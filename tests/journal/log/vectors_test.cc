// tests/journal/log/vectors/: a journal of two segments, and what FORMAT.md says that it holds, for
// whoever writes a reader of his own. Made here, from fixed bytes; SYNCLINE_WRITE_VECTORS=1 writes
// the files anew, after a change of the format that is meant.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/journal/log/journal_testing.h"
#include "tests/journal/log/second_reader_projections.h"
#include "tests/journal/log/second_reader_tail.h"
#include "tests/journal/log/segment_files.h"
#include "tests/simulation/test_machine.h"
#include "tests/support/read_text.h"

namespace syncline {
namespace {

using namespace simulation;  // NOLINT(google-build-using-namespace)
using Json = nlohmann::ordered_json;

// Payloads of version 1, written here by hand: the bytes stay as they are whatever the program
// writes today.
struct PayloadWriter {
  std::string bytes{'\1'};
  PayloadWriter& number(uint64_t value, int width) {
    for (int i = 0; i < width; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
    return *this;
  }
  PayloadWriter& text(const std::string& value) {
    number(value.size(), 4);
    bytes += value;
    return *this;
  }
  PayloadWriter& raw(const std::string& value) {
    bytes += value;
    return *this;
  }
  // Literals, and single digits of slots: {"n/", "1", ".md"}.
  PayloadWriter& pieces(const std::vector<std::string>& all) {
    number(all.size(), 4);
    for (const std::string& piece : all) {
      const bool slot = piece.size() == 1 && piece[0] >= '1' && piece[0] <= '7';
      number(slot ? static_cast<uint64_t>(piece[0] - '0') : 0, 1);
      if (!slot) text(piece);
    }
    return *this;
  }
};

std::string intent_payload(const std::string& key, const std::vector<std::string>& path,
                           const std::vector<std::string>& header,
                           const std::vector<std::string>& text, const std::string& subject) {
  PayloadWriter payload;
  payload.text("note").text(key).raw(std::string(16, key.empty() ? '\0' : '\x5a'));
  payload.text("notes").text("id").number(3, 4);
  payload.text("n").number(1, 1).number(static_cast<uint64_t>(-7), 8);
  payload.text("path").number(3, 1).pieces({"6"});
  payload.text("nothing").number(0, 1);
  payload.pieces(path).pieces(header).pieces(text).pieces({subject});
  return payload.bytes;
}

NewFrame frame_of(Operation operation, const std::string& payload, uint64_t id, int64_t time_ms) {
  return {operation, id, time_ms, as_bytes(payload), hash_payload(as_bytes(payload))};
}

std::string batch_payload(uint64_t first, uint64_t last, const std::string& parent,
                          const std::string& tree, const std::string& commit) {
  return PayloadWriter{}
      .number(first, 8)
      .number(last, 8)
      .raw(parent)
      .raw(tree)
      .raw(commit)
      .text("Synclïne <x>")
      .text("syncline@localhost")
      .bytes;
}

const std::string& store_text() {
  static const StoreId store = test_store();
  static const std::string text(as_text(store.bytes));
  return text;
}

// Records, outcomes and batches; a flush that fails in between, so that a second segment begins
// with frames copied from the first.
std::map<uint64_t, std::string> make_journal() {
  TestMachine machine;
  const auto root = machine.open();
  StillClock clock;
  constexpr int64_t kTime = 1'700'000'000'123;
  JournalOptions options = small_options();
  options.prepare_bytes = 4096;
  options.control_reserve_bytes = 4096;
  options.segment_bytes_max = 32u << 10;
  EXPECT_OK(Journal::create(*root, test_store(), clock, options));
  auto journal = open_journal(*root, clock, options);
  EXPECT_OK(journal);
  const auto add = [&](const std::vector<NewFrame>& frames, bool flush = true) {
    const auto appended = append(**journal, frames);
    EXPECT_OK(appended);
    if (flush) EXPECT_OK((*journal)->flush(*appended));
  };
  const auto batch = [&](uint64_t first, uint64_t last) {
    const auto parsed = second_reader::read(segment_files(machine), store_text());
    const auto before = second_reader::project(parsed, store_text());
    const std::string parent =
        before.batches.empty() ? second_reader::zero_object() : before.batches.back().commit;
    // What comes out of a batch does not depend on what its frame says came out.
    second_reader::Journal with = parsed;
    const std::string any(20, 'x');
    with.frames.push_back(
        {.operation = 36, .payload = batch_payload(first, last, parent, any, any)});
    const auto made = second_reader::project(with, store_text()).batches.back();
    const std::string payload = batch_payload(first, last, parent, made.tree, made.commit);
    add({frame_of(Operation::kBatch, payload, 0, kTime + 5000)});
  };
  const std::string config = PayloadWriter{}.text("# syncline.toml\n").bytes;
  add({frame_of(Operation::kConfig, config, 0, kTime)});
  const std::string one = intent_payload("key-1", {"notes/", "2", "/a-", "1", ".md"}, {},
                                         {"# ", "3", "\n"}, "first\tsubject");
  const std::string two = intent_payload("", {"notes/log.md"}, {"# Log of ", "4", "\n"},
                                         {"## ", "1", "\nat ", "6", "\n"}, "second");
  const std::string three = intent_payload("key-3", {"notes/log.md"}, {"# Other\n"},
                                           {"## ", "1", " ", "5", "\n"}, "third");
  add({frame_of(Operation::kCreate, one, 7, kTime), frame_of(Operation::kAppend, two, 8, kTime + 1),
       frame_of(Operation::kAppend, three, 1009, kTime + 999)});
  const std::string rebind = PayloadWriter{}.number(1, 8).number(2001, 8).bytes;
  const std::string offsets =
      PayloadWriter{}.number(2, 4).number(2, 8).number(20, 8).number(3, 8).number(45, 8).bytes;
  add({frame_of(Operation::kRebind, rebind, 0, kTime + 1000),
       frame_of(Operation::kAppendOffsets, offsets, 0, kTime + 1000)});
  batch(1, 3);
  const std::string set_aside = PayloadWriter{}.number(4, 8).text("CHECK constraint failed").bytes;
  add({frame_of(Operation::kCreate, one, 11, kTime + 2000),
       frame_of(Operation::kSetAside, set_aside, 0, kTime + 2000)},
      false);
  add({frame_of(Operation::kCreate, intent_payload("", {"x-", "1"}, {}, {"7", "\n"}, "fifth"), 12,
                kTime + 3000)},
      false);
  machine.plan.fail_at(1, EIO, FaultPlan::kOnce, Call::kSync);
  EXPECT_OK((*journal)->flush_all());
  batch(4, 5);
  return segment_files(machine);
}

Json template_json(const second_reader::Template& pieces) {
  Json json = Json::array();
  for (const auto& piece : pieces) {
    json.push_back(piece.slot == 0 ? Json(piece.literal) : Json(piece.slot));
  }
  return json;
}

Json payload_json(const second_reader::Record& frame) {
  Json json;
  if (frame.operation < 32) {
    const auto intent =
        second_reader::intent(static_cast<unsigned>(frame.operation), frame.payload);
    json = {{"kind", intent.kind},
            {"key", intent.key},
            {"content_hash", second_reader::hex(intent.content_hash)},
            {"table", intent.table},
            {"id_column", intent.id_column},
            {"columns", Json::array()},
            {"path", template_json(intent.path)},
            {"header", template_json(intent.header)},
            {"text", template_json(intent.text)},
            {"subject", template_json(intent.subject)}};
    for (const auto& [name, value] : intent.columns) {
      json["columns"].push_back({name, value.type == 'i'   ? Json(value.integer)
                                       : value.type == 'r' ? Json(value.real)
                                       : value.type == 't' ? template_json(value.text)
                                                           : Json()});
    }
    return json;
  }
  const auto control = second_reader::control(frame.operation, frame.payload);
  switch (frame.operation) {
    case 33:
      return {{"seq", control.seq}, {"new_id", control.new_id}};
    case 34:
      return {{"seq", control.seq}, {"reason", control.text}};
    case 35:
      return {{"offsets", control.offsets}};
    case 36:
      return {{"first_seq", control.first_seq},
              {"last_seq", control.last_seq},
              {"parent", second_reader::hex(control.parent)},
              {"tree", second_reader::hex(control.tree)},
              {"commit", second_reader::hex(control.commit)},
              {"author_name", control.author_name},
              {"author_email", control.author_email}};
    default:
      return {{"text", control.text}};
  }
}

std::string describe(const std::map<uint64_t, std::string>& files) {
  const auto journal = second_reader::read(files, store_text());
  EXPECT_EQ(journal.fault, "");
  Json json;
  json["store"] = second_reader::hex(store_text());
  json["segments"] = Json::array();
  for (const auto& [id, file] : files) {
    const auto h = second_reader::header(file, store_text(), id).value();
    json["segments"].push_back({{"segment", h.segment},
                                {"bytes", file.size()},
                                {"epoch", h.epoch},
                                {"first_seq", h.first_seq},
                                {"previous_segment", h.previous_segment},
                                {"previous_end", h.previous_end},
                                {"last_time_ms", h.last_time_ms},
                                {"durable_end", h.durable_end},
                                {"durable_seq", h.durable_seq}});
  }
  json["frames"] = Json::array();
  for (const auto& frame : journal.frames) {
    json["frames"].push_back({{"segment", frame.segment},
                              {"offset", frame.offset},
                              {"operation", frame.operation},
                              {"seq", frame.seq},
                              {"id", frame.id},
                              {"time_ms", frame.time_ms},
                              {"durable_seq", frame.durable_seq},
                              {"durable_offset", frame.durable_offset},
                              {"payload", payload_json(frame)}});
  }
  const auto& [id, last] = *files.rbegin();
  const auto tail = second_reader::judge_tail(
      last, store_text(), second_reader::header(last, store_text(), id).value());
  json["end"] = {
      {"segment", id}, {"offset", tail.offset}, {"seq", tail.seq}, {"verdict", tail.verdict}};
  const auto computed = second_reader::project(journal, store_text());
  json["commits"] = Json::array();
  for (const auto& batch : computed.batches) {
    EXPECT_EQ(batch.commit, batch.frame.commit);
    Json of_batch{{"commit", second_reader::hex(batch.commit)},
                  {"tree", second_reader::hex(batch.tree)},
                  {"files", Json::object()}};
    for (const auto& [path, content] : batch.files) of_batch["files"][path] = content;
    json["commits"].push_back(of_batch);
  }
  json["rows"] = Json::array();
  for (const auto& row : computed.rows) {
    json["rows"].push_back({{"seq", row.seq}, {"table", row.table}, {"id", row.id}});
  }
  json["keys"] = Json::object();
  for (const auto& [key, entry] : computed.keys) json["keys"][key] = entry.first;
  return json.dump(1) + "\n";
}

const std::string& vectors() {
  static const std::string folder = SYNCLINE_SOURCE "/tests/journal/log/vectors/";
  return folder;
}

TEST(Vectors, AreTheBytesThatTheJournalWrites) {
  const auto made = make_journal();
  if (std::getenv("SYNCLINE_WRITE_VECTORS") != nullptr) {
    for (const auto& [id, bytes] : made) {
      std::ofstream(vectors() + segment_name(id), std::ios::binary) << bytes;
    }
    std::ofstream(vectors() + "journal.json") << describe(made);
  }
  ASSERT_EQ(made.size(), 2U);
  for (const auto& [id, bytes] : made) {
    EXPECT_TRUE(bytes == read_text(vectors() + segment_name(id))) << segment_name(id);
  }
}

TEST(Vectors, SayWhatTheSecondReaderReads) {
  std::map<uint64_t, std::string> files;
  for (const uint64_t id : {1, 2}) files[id] = read_text(vectors() + segment_name(id));
  EXPECT_EQ(describe(files), read_text(vectors() + "journal.json"));
}

// "No record at or behind durable_end has an earlier time, and none before has a later one."
TEST(Vectors, LastTimeIsThatOfWhatStandsBeforeDurableEnd) {
  std::map<uint64_t, std::string> files;
  for (const uint64_t id : {1, 2}) files[id] = read_text(vectors() + segment_name(id));
  const auto journal = second_reader::read(files, store_text());
  const auto header = second_reader::header(files[2], store_text(), 2).value();
  ASSERT_GT(header.durable_end, 4096U) << "frames were copied into it";
  int64_t latest = 0;
  for (const auto& frame : journal.frames) {
    if (frame.seq == 0) continue;
    const bool before = frame.segment < 2 || frame.offset < header.durable_end;
    EXPECT_TRUE(before ? frame.time_ms <= header.last_time_ms
                       : frame.time_ms >= header.last_time_ms)
        << frame.seq;
    latest = std::max(latest, frame.time_ms);
  }
  EXPECT_GE(latest, header.last_time_ms);
}

}  // namespace
}  // namespace syncline
