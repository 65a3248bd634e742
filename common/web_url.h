// Whom this program may ask over HTTP.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace interlock {

// https://host[:port][/path][?query]; or http:// where nobody can listen on the way: a loopback
// host, and Google's metadata server, which is the machine's own. The status is a sentence.
absl::Status check_web_url(const std::string& url);

bool is_web_url(const std::string& text);

}  // namespace interlock
