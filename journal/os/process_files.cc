#include "journal/os/process_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>

#include "journal/base/posix_fd.h"

namespace syncline {

std::string content_of_process_file(const std::string& path) {
  const PosixFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string content;
  if (file.get() < 0) return content;
  char buffer[4096];
  while (true) {
    const ssize_t count = ::read(file.get(), buffer, sizeof buffer);
    if (count > 0) content.append(buffer, static_cast<size_t>(count));
    if (count == 0 || (count < 0 && errno != EINTR)) return content;
  }
}

// "7 (name) S …", where the name may hold anything; the start is the 22nd field.
std::optional<ProcessStat> process_stat(const std::string& id) {
  const std::string text = content_of_process_file("/proc/" + id + "/stat");
  const size_t begin = text.find('(');
  const size_t end = text.rfind(')');
  if (end == std::string::npos || begin > end) return std::nullopt;
  ProcessStat stat{.name = text.substr(begin + 1, end - begin - 1), .state = {}};
  std::istringstream fields(text.substr(end + 1));
  fields >> stat.state;
  std::string passed_over;
  for (int number = 4; number < 22; ++number) fields >> passed_over;
  fields >> stat.started_ticks;
  return stat;
}

}  // namespace syncline
