// The real system: libgit2 and the git program.
#include "sync/git/git_platform.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "journal/base/try.h"
#include "sync/git/libgit2.h"
#include "sync/git/open_watch.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

// A new repository must survive a power cut before anything is promised on top of it.
Status sync_everything(Directory& directory, const std::string& name) {
  TRY_ASSIGN(const std::vector<std::string> entries, directory.list(name));
  for (const std::string& entry : entries) {
    const std::string path = name == "." ? entry : name + "/" + entry;
    TRY_ASSIGN(const FileInfo info, directory.info(path));
    if (info.type == FileInfo::Type::kDirectory) {
      TRY(sync_everything(directory, path));
    } else if (info.type == FileInfo::Type::kRegular) {
      TRY_ASSIGN(const std::unique_ptr<File> file, directory.open_file(path, {}));
      TRY(file->sync_data());
    }
  }
  return directory.sync_directory(name);
}

}  // namespace

std::unique_ptr<OpenWatch> GitPlatform::watch_opens(const std::string& path) {
  return make_open_watch(path);
}

Status GitPlatform::make_directories(const std::string& directory) {
  std::error_code fault;
  // The directories that have to be made, and the one they are made in, get a new entry each.
  std::vector<std::string> grown;
  for (fs::path at = directory; !fs::exists(at, fault) && at.has_parent_path();) {
    at = at.parent_path();
    grown.push_back(at.string());
  }
  fs::create_directories(directory, fault);
  if (fault) return errno_error(fault.value(), "create " + directory);
  for (const std::string& parent : grown) {
    TRY_ASSIGN(auto opened, open_directory(parent));
    TRY(opened->sync_directory("."));
  }
  return {};
}

Status GitPlatform::create_repository(const std::string& directory) {
  TRY_ASSIGN(const Libgit2* const git, load_libgit2());
  TRY(make_directories(directory));
  std::error_code fault;
  // Made beside and renamed: whoever finds a git directory then finds a whole one. One that is
  // there is completed in place.
  const bool beside = !fs::exists(directory + "/.git", fault);
  const std::string hidden = directory + "/" + std::string(kHiddenRepository);
  fs::remove_all(hidden, fault);  // of one that died
  if (fault) return errno_error(fault.value(), "remove " + hidden);
  const std::string place = beside ? hidden : directory;

  git_repository_init_options options;
  git->git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
  // No external template: hooks or configuration of a person's template are theirs to add.
  options.flags = GIT_REPOSITORY_INIT_MKPATH;
  options.initial_head = "main";
  git_repository* repository = nullptr;
  const int code = git->git_repository_init_ext(&repository, place.c_str(), &options);
  if (code < 0) return libgit2_error(*git, code, "git init " + directory);
  git->git_repository_free(repository);

  TRY_ASSIGN(auto top, open_directory(directory));
  if (beside) {
    const std::string made(kHiddenRepository);
    TRY(sync_everything(*top, made));
    TRY(top->rename(made + "/.git", ".git"));
    TRY(top->remove_directory(made));
  } else {
    TRY(sync_everything(*top, ".git"));
  }
  return top->sync_directory(".");
}

Result<std::unique_ptr<ObjectReader>> GitPlatform::open_object_reader(
    const std::string& objects_path) {
  return syncline::open_object_reader(objects_path);
}

Result<CommandResult> GitPlatform::run_command(const std::vector<std::string>& arguments,
                                               const std::vector<std::string>& environment,
                                               Deadline deadline) {
  return syncline::run_command(arguments, environment, clock(), deadline);
}

uint32_t GitPlatform::effective_user() {
  return ::geteuid();
}

}  // namespace syncline
