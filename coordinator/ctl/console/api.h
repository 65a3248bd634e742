// What the page may ask over HTTP: looking with GET, changing with POST of JSON.
#pragma once

#include <string>
#include <string_view>

#include "coordinator/ctl/console/coordinators.h"

namespace interlock {

struct ApiRequest {
  std::string method;        // GET, POST
  std::string target;        // `/api/get?key=alice%3Atab-1`
  std::string content_type;
  std::string body;
};

// Always JSON: the answer with the protocol's own field names, or
// {"error": SENTENCE, "reason": WORD}.
struct ApiAnswer {
  int status = 200;
  std::string body;
};

inline constexpr std::size_t api_body_bytes_max = 16 * 1024;

// Waits for the coordinator, so it is called on a thread that may. GET: about, lifecycle, stats
// (of one coordinator, by its number), gateways, get, history, explain, outbox. POST: kick,
// release, drain, each with the body of its request in proto/interlock/v1/admin.proto.
ApiAnswer answer_api(Coordinators& coordinators, const ApiRequest& request);

// Also for what is refused before it gets this far.
std::string error_json(std::string_view sentence, std::string_view reason);

// `refused`, as scripts and the page tell failures apart.
std::string_view reason_of(ExitCode code);

}  // namespace interlock
