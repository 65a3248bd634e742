#include "gateway/open_files.h"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "common/log.h"

namespace interlock {
namespace {

constexpr std::uint64_t reserve = 256;  // for everything but clients

}  // namespace

absl::Status fit_into_open_files(ListenerLimits& limits) {
  rlimit files{};
  const bool known = getrlimit(RLIMIT_NOFILE, &files) == 0;
  files.rlim_cur = files.rlim_max;
  if (!known || setrlimit(RLIMIT_NOFILE, &files) != 0) {
    return absl::InternalError(std::string("The limit of open files: ") + std::strerror(errno));
  }
  const std::uint64_t open_files = files.rlim_cur;
  const std::uint64_t sockets = open_files - std::min(open_files, reserve);
  log_notice("The limit of open files is raised.",
             {{"open_files", open_files}, {"client_sockets", sockets}});
  limits.greetings_max = std::min<std::size_t>(limits.greetings_max, sockets / 2);
  if (limits.sessions_max + limits.greetings_max <= sockets) return absl::OkStatus();
  limits.sessions_max = sockets - limits.greetings_max;
  log_warning("There will be fewer sessions than --sessions_max, for want of open files.",
              {{"sessions_max", limits.sessions_max}});
  return absl::OkStatus();
}

}  // namespace interlock
