#include "common/trace_settings.h"

#include <algorithm>
#include <string_view>

#include "absl/flags/flag.h"
#include "common/host_port.h"

ABSL_FLAG(
    std::string, otlp_endpoint, "",
    "Where traces go, as OTLP/HTTP in JSON: http://host:port or https://host[:port], to which "
    "/v1/traces is added; empty: nowhere.");
ABSL_FLAG(double, trace_sample_ratio, 0.01,
          "Of what comes without a traceparent, how much is traced, 0 to 1.");
ABSL_FLAG(
    std::string, trace_project_id, "",
    "The Google Cloud project that traces belong to, so that Cloud Logging shows the lines of "
    "a trace; empty: none.");

namespace interlock {

const std::vector<std::string> trace_flags = {"otlp_endpoint", "trace_sample_ratio",
                                              "trace_project_id"};

namespace {

constexpr std::size_t project_id_bytes_max = 64;
constexpr std::string_view traces_path = "/v1/traces";

absl::Status refused(const std::string& sentence) { return absl::InvalidArgumentError(sentence); }

absl::Status no_endpoint(const std::string& text) {
  return refused("--otlp_endpoint does not accept \"" + text +
                 "\"; it takes http://host:port or https://host[:port], perhaps with a path, "
                 "without a query.");
}

absl::StatusOr<std::string> url_of(std::string text) {
  const std::string as_typed = text;
  const std::size_t scheme = text.starts_with("https://") ? 8 : text.starts_with("http://") ? 7 : 0;
  const bool plain = std::ranges::all_of(text, [](char c) { return '!' <= c && c <= '~'; });
  if (scheme == 0 || !plain || text.find_first_of("?#@\\\"") != std::string::npos) {
    return no_endpoint(as_typed);
  }
  while (text.ends_with('/')) text.pop_back();
  if (text.size() <= scheme) return no_endpoint(as_typed);
  std::string authority = text.substr(scheme, text.find('/', scheme) - scheme);
  const auto colon = authority.rfind(':');
  if (colon == std::string::npos || authority.ends_with(']')) authority += ":443";
  if (!parse_host_port(authority).ok()) return no_endpoint(as_typed);
  return text + std::string(traces_path);
}

bool is_project(std::string_view text) {
  return text.size() <= project_id_bytes_max && std::ranges::all_of(text, [](char c) {
           return ('a' <= c && c <= 'z') || ('0' <= c && c <= '9') || c == '-' || c == '.' ||
                  c == ':';
         });
}

}  // namespace

absl::StatusOr<TraceSettings> read_trace_settings() {
  TraceSettings settings;
  settings.sample_ratio = absl::GetFlag(FLAGS_trace_sample_ratio);
  if (!(settings.sample_ratio >= 0 && settings.sample_ratio <= 1)) {
    return refused("--trace_sample_ratio is " + std::to_string(settings.sample_ratio) +
                   "; it takes 0 to 1.");
  }
  settings.project_id = absl::GetFlag(FLAGS_trace_project_id);
  if (!is_project(settings.project_id)) {
    return refused("--trace_project_id does not accept \"" + settings.project_id +
                   "\"; it takes a project's id: lower-case letters, digits and dashes.");
  }
  const std::string endpoint = absl::GetFlag(FLAGS_otlp_endpoint);
  if (endpoint.empty()) return settings;
  auto url = url_of(endpoint);
  if (!url.ok()) return url.status();
  settings.url = *std::move(url);
  return settings;
}

}  // namespace interlock
