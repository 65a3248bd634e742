#include "coordinator/store/etcd/space.h"

#include <algorithm>
#include <string_view>

#include "fmt/format.h"

namespace interlock::etcd {
namespace {

constexpr std::uint64_t kHysteresisPercent = 5;

double mebibytes(std::uint64_t bytes) { return static_cast<double>(bytes) / (1024.0 * 1024.0); }

bool has_alarm(const etcdserverpb::StatusResponse& member, std::string_view alarm) {
  return std::any_of(member.errors().begin(), member.errors().end(), [&](const std::string& text) {
    return text.find(alarm) != std::string::npos;
  });
}

void judge(const etcdserverpb::StatusResponse& member, const Settings& settings, bool was_low,
           Space& space) {
  const auto used = static_cast<std::uint64_t>(member.dbsizeinuse());
  const auto size = static_cast<std::uint64_t>(member.dbsize());
  const auto said = static_cast<std::uint64_t>(member.dbsizequota());
  const std::uint64_t quota = said != 0 ? said : settings.quota_bytes;
  if (has_alarm(member, "CORRUPT")) {
    space.full = absl::UnavailableError(
        "etcd has raised its alarm CORRUPT: its members' data differ, and nothing is written any "
        "more. Find and replace the corrupt member.");
  } else if (has_alarm(member, "NOSPACE")) {
    space.full = absl::UnavailableError(
        "etcd has raised its alarm NOSPACE: its space quota was used up, and nothing is written "
        "any more. Defragment its members, raise --quota-backend-bytes where that is not enough, "
        "and run etcdctl alarm disarm.");
  } else if (size >= quota && used * 100 >= quota * 95) {
    space.full = absl::UnavailableError(fmt::format(
        "A member of etcd holds {:.0f} MiB, and its space quota is {:.0f} MiB: nothing is written "
        "any more. Raise --quota-backend-bytes, and quota_bytes in --store.",
        mebibytes(size), mebibytes(quota)));
  }
  const std::uint64_t low_percent =
      settings.room_low_percent -
      (was_low ? std::min(kHysteresisPercent, settings.room_low_percent) : 0);
  if (used * 100 >= quota * low_percent) {
    space.low = fmt::format(
        "The store is nearly full: {:.0f} of {:.0f} MiB are used in etcd. Nothing new is taken "
        "until there is room: raise --quota-backend-bytes, or wait for connections to end.",
        mebibytes(used), mebibytes(quota));
  }
}

}  // namespace

Space space_of(const std::vector<etcdserverpb::StatusResponse>& members, const Settings& settings,
               bool was_low) {
  Space space;
  for (const auto& member : members) judge(member, settings, was_low, space);
  return space;
}

}  // namespace interlock::etcd
