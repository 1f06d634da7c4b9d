// Surveys a store whose journal is lost, damaged or older than it was, for the highest sequence and
// id that anything still names. A store that continues above them gives none a second time.
//
// Only numbers are taken from what is read: a frame that is damaged behind its header, a row
// without its record and the name of a file all count. Whatever cannot be read is passed over.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>

#include "engine/config/config.h"
#include "engine/place/identity.h"
#include "engine/place/store_platform.h"
#include "engine/sqlite/database.h"
#include "journal/log/frame.h"
#include "journal/os/file_system.h"
#include "sync/own/loss_survey.h"

namespace syncline {

class LossFloors {
 public:
  uint64_t last_seq() const { return last_seq_; }
  uint64_t last_id() const { return last_id_; }
  void note_seq(uint64_t seq) { note(last_seq_, seq); }
  void note_id(uint64_t id) { note(last_id_, id); }

 private:
  // Counting from 1 never comes near this: a higher number is from a forged name or trailer.
  static constexpr uint64_t kNumberMax = uint64_t{1} << 61;
  static void note(uint64_t& highest, uint64_t number) {
    if (number <= kNumberMax) highest = std::max(highest, number);
  }
  uint64_t last_seq_ = 0;
  uint64_t last_id_ = 0;
};

// Every frame of a journal whose header can be read, by segment and offset, with damage in between
// passed over.
struct SurveyedFrame {
  FrameView frame;  // without its payload where that is damaged
  bool whole = false;
  bool discarded = false;  // behind the end that the next segment names: void
};
using FrameVisitor = std::function<void(const SurveyedFrame&)>;
Status survey_frames(Directory& store_directory, const StoreId& store, const FrameVisitor& visit);

// Null where there is no database, or it is damaged, or another store's projection.
std::unique_ptr<Database> open_if_sound(StorePlatform& platform, const DatabaseFile& file,
                                        const StoreId& store);

// Surveys the segments that are there: their headers and their frames.
Status survey_journal(Directory& store_directory, const StoreId& store, LossFloors& floors);
// Surveys the database: watermark, keys, commits and ids.
Status survey_database(const StorePlaces& places, const Config& config, LossFloors& floors);
// Surveys the names of the files in the kinds' directories, and the headings of their sections.
Status survey_files(Directory& root, const Config& config, LossFloors& floors);
// The files in which kinds of this configuration have their sections.
HoldsSections section_files(std::shared_ptr<const Config> config);

}  // namespace syncline
