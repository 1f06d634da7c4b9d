// syncline merge-sections BASE OURS THEIRS PATH
#include <fmt/format.h>

#include "journal/base/try.h"
#include "journal/os/file_system.h"
#include "tools/verb.h"

namespace syncline {
namespace {

constexpr const char* kUntouched = "OURS is as it was";

class MergeSectionsVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {.name = "merge-sections",
            .usage = "merge-sections BASE OURS THEIRS PATH",
            .summary = "what git calls to merge two versions of a file of sections",
            .untouched = kUntouched};
  }

  void declare(Options& options) override {
    options.argument("BASE", base_, "what both versions began with (%O)", true);
    options.argument("OURS", ours_, "one version; gets the sections of both (%A)", true);
    options.argument("THEIRS", theirs_, "the other version (%B)", true);
    options.argument("PATH", path_, "whose versions they are, from the top of the work tree (%P)",
                     true);
  }

  int run(Session& session) override {
    const auto store = session.open_store_to_read();
    if (!store) return session.fail(store.error(), kUntouched);
    const Status merged = merge(**store);
    session.tell_notes(**store);
    if (!merged) return session.fail(merged.error(), kUntouched);
    return session.answer({}, {});
  }

 private:
  Status merge(Store& store) const {
    TRY_ASSIGN(const auto here, open_posix_directory("."));
    TRY_ASSIGN(const std::string base, read_file(*here, *base_));
    TRY_ASSIGN(const std::string ours, read_file(*here, *ours_));
    TRY_ASSIGN(const std::string theirs, read_file(*here, *theirs_));
    TRY_ASSIGN(const std::optional<std::string> merged,
               store.merge_sections(*path_, base, ours, theirs));
    if (!merged) {
      return make_error(Code::kDisagree,
                        fmt::format("{} is no file of sections, or one section was changed on "
                                    "both sides",
                                    *path_),
                        "merge it by lines: `git merge-file`");
    }
    return replace_file(*here, *ours_, as_bytes(*merged), /*durable=*/false);
  }

  std::optional<std::string> base_;
  std::optional<std::string> ours_;
  std::optional<std::string> theirs_;
  std::optional<std::string> path_;
};

}  // namespace

std::unique_ptr<Verb> make_merge_sections_verb() {
  return std::make_unique<MergeSectionsVerb>();
}

}  // namespace syncline
