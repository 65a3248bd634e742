#include "coordinator/store/etcd/watch_response.h"

#include <string>
#include <utility>

#include "fmt/format.h"

namespace interlock::etcd {
namespace {

constexpr int kCanceled = 1;

}  // namespace

WatchNews read_watch_response(const Layout& layout, etcdserverpb::WatchResponse& response) {
  if (response.compact_revision() != 0) {
    return Lost{absl::DataLossError(fmt::format("etcd's history before revision {} was compacted.",
                                                response.compact_revision()))};
  }
  if (response.canceled()) return failure_of(kCanceled, response.cancel_reason());
  if (response.events_size() == 0) return {};
  Shown shown;
  for (auto& event : *response.mutable_events()) {
    etcdserverpb::KeyValue& kv = *event.mutable_kv();
    shown.through.value = static_cast<std::uint64_t>(kv.mod_revision());
    const auto key = layout.parse_record(kv.key());
    if (!key) continue;
    Change change{.key = std::string(*key), .revision = static_cast<Revision>(kv.mod_revision())};
    if (event.type() == etcdserverpb::Event::PUT) change.bytes = std::move(*kv.mutable_value());
    shown.changes.push_back(std::move(change));
  }
  return shown;
}

}  // namespace interlock::etcd
