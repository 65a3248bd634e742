#include "coordinator/store/postgres/failures.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace interlock::postgres {
namespace {

struct Advice {
  std::string_view sqlstate;  // or its first two digits
  absl::StatusCode code;
  std::string_view sentence;
};

constexpr Advice kAdvice[] = {
    {"25006", absl::StatusCode::kUnavailable,
     "The server only reads: name the primary in --store, never a replica"},
    {"42501", absl::StatusCode::kPermissionDenied,
     "The database user may not do that: make it the owner of interlock_* , or GRANT it all of "
     "them"},
    {"3D000", absl::StatusCode::kNotFound, "There is no such database: create it"},
    {"28", absl::StatusCode::kPermissionDenied,
     "User or password are wrong: correct them in --store"},
    {"53100", absl::StatusCode::kUnavailable, "The server's disk is full: make room"},
    {"53", absl::StatusCode::kUnavailable, "The server has no room"},
    {"40P01", absl::StatusCode::kUnavailable,
     "A deadlock: something else writes to interlock_* , which nothing but Interlock may"},
    {"40", absl::StatusCode::kUnavailable, "The transaction was rolled back"},
    {"55P03", absl::StatusCode::kUnavailable, "Another coordinator has held the lock for too long"},
    {"57", absl::StatusCode::kUnavailable, "The server is being stopped or started"},
    {"42", absl::StatusCode::kFailedPrecondition,
     "The database does not hold what this build expects: was it changed by hand?"},
};

}  // namespace

absl::Status failure_of(std::string_view sqlstate, std::string_view message) {
  const auto view = [](std::string_view text) {
    return absl::string_view(text.data(), text.size());
  };
  for (const Advice& advice : kAdvice) {
    if (!sqlstate.starts_with(advice.sqlstate)) continue;
    return {advice.code, absl::StrCat(view(advice.sentence), ". PostgreSQL: ", view(message), " (",
                                      view(sqlstate), ")")};
  }
  return absl::UnavailableError(
      absl::StrCat("PostgreSQL refused it: ", view(message), " (", view(sqlstate), ")"));
}

bool leaves_in_doubt(std::string_view sqlstate, std::string_view message) {
  return sqlstate.starts_with("01") &&
         message.find("might not have been replicated") != std::string_view::npos;
}

std::string without_password(std::string_view url) {
  std::string shown(url);
  const auto hide = [&shown](std::size_t from, std::size_t to) {
    shown.replace(from, std::min(to, shown.size()) - from, "***");
  };
  if (const auto named = shown.find("password="); named != std::string::npos) {
    hide(named + 9, shown.find('&', named));
  }
  const auto scheme = shown.find("://");
  const auto at = shown.find('@', scheme == std::string::npos ? 0 : scheme);
  const auto colon = shown.find(':', scheme == std::string::npos ? 0 : scheme + 3);
  if (scheme != std::string::npos && at != std::string::npos && colon < at) hide(colon + 1, at);
  return shown;
}

}  // namespace interlock::postgres
