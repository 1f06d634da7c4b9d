#include "sync/git/open_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "journal/base/posix_fd.h"

namespace syncline {
namespace {

class InotifyWatch final : public OpenWatch {
 public:
  InotifyWatch(PosixFd queue, std::string path)
      : queue_(std::move(queue)), path_(std::move(path)) {}

  void begin() override {
    // The file may be another one by now; of the same one this changes nothing.
    constexpr uint32_t kAll = IN_OPEN | IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
    const bool watched = inotify_add_watch(queue_.get(), path_.c_str(), kAll) >= 0;
    Answer last = Answer::kEvents;
    while (last == Answer::kEvents) last = take();
    quiet_ = watched && last == Answer::kNothing;
  }

  bool is_quiet() override {
    if (quiet_ && take() != Answer::kNothing) quiet_ = false;
    return quiet_;
  }

 private:
  enum class Answer : uint8_t { kNothing, kEvents, kFailed };

  Answer take() {
    alignas(inotify_event) char events[4096];
    ssize_t count = 0;
    do {
      count = ::read(queue_.get(), events, sizeof(events));
    } while (count < 0 && errno == EINTR);
    if (count > 0) return Answer::kEvents;
    return count < 0 && errno == EAGAIN ? Answer::kNothing : Answer::kFailed;
  }

  PosixFd queue_;
  const std::string path_;
  bool quiet_ = false;
};

}  // namespace

std::unique_ptr<OpenWatch> make_open_watch(const std::string& path) {
  PosixFd queue(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (queue.get() < 0) return nullptr;
  return std::make_unique<InotifyWatch>(std::move(queue), path);
}

}  // namespace syncline
