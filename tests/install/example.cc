#include <syncline/store.h>
#include <syncline/version.h>

#include <chrono>
#include <iostream>

int main(int, char** arguments) {
  if (auto made = syncline::Store::init(arguments[1], {.profile = "notes"}); !made) return 1;
  auto store = syncline::Store::open(arguments[1], {.background = true});
  if (!store) return 1;
  auto receipt = (*store)->record({.kind = "note", .fields = {{"title", "Hello"}}, .key = "1"});
  if (!receipt) return 1;
  std::cout << receipt->path << '\n';
  static_assert(SYNCLINE_VERSION_NUMBER > 0);
  if (!(*store)->sync(false, syncline::Deadline::in(std::chrono::seconds(60)))) return 1;
  return (*store)->close() ? 0 : 1;
}
