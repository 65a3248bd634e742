// What an error of PostgreSQL means for a commit, and for the person who reads it.
//
// Pure. SQLSTATEs: PostgreSQL's manual, appendix A.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace interlock::postgres {

// An ERROR that ended a statement before its transaction committed: surely not applied. A sentence
// that says what to do. UNAVAILABLE: it may go away by itself.
absl::Status failure_of(std::string_view sqlstate, std::string_view message);

// Whether a warning at a commit says that it stands here, but perhaps not on the standby.
bool leaves_in_doubt(std::string_view sqlstate, std::string_view message);

// The URL without its password, for logs and sentences.
std::string without_password(std::string_view url);

}  // namespace interlock::postgres
