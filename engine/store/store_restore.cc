// Store::restore: what a person has removed or changed comes back on request.
#include <fmt/format.h>

#include <set>

#include "engine/store/store_impl.h"
#include "journal/base/try.h"

namespace syncline {

Result<RestoreReport> Store::restore(uint64_t seq) {
  TRY(impl_->check_process());
  TRY_ASSIGN(const Receipt receipt, show(seq));
  if (receipt.retracted_by != 0) {
    return make_error(
        Code::kNotFound,
        fmt::format("record {} was taken away by record {}", seq, receipt.retracted_by),
        "record it again, with another key or none: `syncline export --retracted` gives its "
        "fields");
  }
  if (!receipt.set_aside.empty() || receipt.path.empty() || receipt.retracts != 0) {
    return make_error(Code::kNotFound, fmt::format("record {} has no file", seq),
                      fmt::format("`syncline show {}` says why", seq));
  }
  TRY(impl_->check_writable());
  TRY(impl_->roles->apply.try_turns());
  std::vector<std::string> rows;
  TRY(impl_->roles->apply.with_applier([&](Applier& applier) -> Status {
    TRY_ASSIGN(rows, applier.put_back_row(seq));
    return {};
  }));
  TRY_ASSIGN(RestoreReport report,
             impl_->restore({receipt.path}, [seq](uint64_t each) { return each == seq; }));
  report.rows = std::move(rows);
  return report;
}

Result<RestoreReport> Store::restore(const std::string& path) {
  TRY(impl_->check_process());
  bool known = false;
  TRY(log(1, /*follow=*/false, [&](const LogEntry& entry) {
    known = entry.receipt.path == path && entry.receipt.set_aside.empty();
    return !known;
  }));
  if (!known) {
    return make_error(Code::kNotFound, fmt::format("no record has the file {}", path),
                      "give a path from the top of the store, or a sequence number");
  }
  return impl_->restore({path}, [](uint64_t) { return true; });
}

Result<RestoreReport> Store::Impl::restore(const std::set<std::string>& paths,
                                           const std::function<bool(uint64_t seq)>& wanted) {
  TRY(check_writable());
  TRY(roles->apply.try_turns());
  TRY_ASSIGN(PublishReport report, roles->sync.restore(paths, wanted));
  return RestoreReport{.rows = {},
                       .restored = std::move(report.republished),
                       .left = std::move(report.left),
                       .waiting = std::move(report.waiting)};
}

}  // namespace syncline
