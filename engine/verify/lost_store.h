// What is left of a store whose journal is lost, damaged or older than it was: the highest sequence
// and id that anything still names. A store that goes on above them gives none a second time.
//
// Nothing here trusts what it reads beyond a number: a frame that is damaged behind its header, a
// row without its record, a file's name each count for what they say. What cannot be read says
// nothing.
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

namespace syncline {

class LossFloors {
 public:
  uint64_t last_seq() const { return last_seq_; }
  uint64_t last_id() const { return last_id_; }
  void note_seq(uint64_t seq) { note(last_seq_, seq); }
  void note_id(uint64_t id) { note(last_id_, id); }

 private:
  // What is beyond this was made by nobody who counts from 1: a forged name or trailer.
  static constexpr uint64_t kNumberMax = uint64_t{1} << 61;
  static void note(uint64_t& highest, uint64_t number) {
    if (number <= kNumberMax) highest = std::max(highest, number);
  }
  uint64_t last_seq_ = 0;
  uint64_t last_id_ = 0;
};

// Every frame of a journal whose header can be read, by segment and offset, whatever lies between.
struct SurveyedFrame {
  FrameView frame;  // without a payload where it is not whole
  bool whole = false;
  bool discarded = false;  // behind the end that the next segment names: void
};
using FrameVisitor = std::function<void(const SurveyedFrame&)>;
Status survey_frames(Directory& store_directory, const StoreId& store, const FrameVisitor& visit);

// Null where there is none, it is damaged, or not the store's projection.
std::unique_ptr<Database> open_if_sound(StorePlatform& platform, const DatabaseFile& file,
                                        const StoreId& store);

// Frames of every segment that is there, and what their headers say.
Status survey_journal(Directory& store_directory, const StoreId& store, LossFloors& floors);
// Watermark, keys, commits and ids of the database.
Status survey_database(const StorePlaces& places, const Config& config, LossFloors& floors);
// Names of files in the kinds' directories, and headings of the sections in them.
Status survey_files(Directory& root, const Config& config, LossFloors& floors);

}  // namespace syncline
