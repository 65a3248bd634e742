#include "coordinator/store/etcd/versions.h"

#include <array>
#include <charconv>
#include <compare>
#include <optional>

#include "fmt/format.h"
#include "fmt/ranges.h"

namespace interlock::etcd {
namespace {

struct Version {
  int major = 0;
  int minor = 0;
  int patch = 0;
  friend auto operator<=>(const Version&, const Version&) = default;
};

// What follows the third number, as in 3.6.0-rc.1, is not looked at.
std::optional<Version> parse(std::string_view text) {
  Version version;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (int* part : {&version.major, &version.minor, &version.patch}) {
    const auto [next, error] = std::from_chars(at, end, *part);
    if (error != std::errc()) return std::nullopt;
    at = next != end && *next == '.' ? next + 1 : next;
  }
  return version;
}

struct Bug {
  std::array<Version, 3> fixed_in;  // for 3.4, 3.5 and 3.6
  std::string_view what;
};

constexpr Bug kBugs[] = {
    {{Version{3, 4, 31}, {3, 5, 13}, {3, 6, 0}},
     "a leader whose disk stalls revokes every lease when it comes back (etcd #15247)"},
    {{Version{3, 4, 38}, {3, 5, 23}, {3, 6, 5}},
     "a lease that was revoked is renewed with success (etcd #20616)"},
    {{Version{3, 4, 44}, {3, 5, 30}, {3, 6, 11}},
     "users write keys that their roles do not allow, by puts inside nested transactions"},
};

}  // namespace

absl::Status check_version(std::string_view text) {
  const std::optional<Version> version = parse(text);
  if (version && *version >= Version{3, 4, 0}) return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("etcd {} is too old. {}", text.empty() ? "of no version" : text, kVersionAdvice));
}

std::vector<std::string> version_bugs(std::string_view text) {
  std::vector<std::string> bugs;
  const std::optional<Version> version = parse(text);
  if (!version || version->major != 3 || version->minor < 4 || version->minor > 6) return bugs;
  if (version->minor == 4) bugs.emplace_back("this line is no longer maintained");
  if (version->minor == 5 && version->patch < 3) {
    bugs.emplace_back("members' data may differ after a crash (etcd #13766)");
  }
  for (const Bug& bug : kBugs) {
    const Version& fixed = bug.fixed_in[static_cast<std::size_t>(version->minor - 4)];
    if (*version < fixed) bugs.emplace_back(bug.what);
  }
  return bugs;
}

std::string version_warning(std::string_view version) {
  const std::vector<std::string> bugs = version_bugs(version);
  if (bugs.empty()) return "";
  return fmt::format("etcd {} has known faults: {}. {}", version, fmt::join(bugs, "; "),
                     kVersionAdvice);
}

}  // namespace interlock::etcd
