// How a client is told no.
//
// Pure: a refusal as an HTTP answer, and as the reason of a close frame behind a 101.
#pragma once

#include <string>

#include "gateway/http_answer.h"
#include "gateway/session_types.h"

namespace interlock {

// The body is one JSON object: status, code and its name (none for kNoStatus), message, and what
// the client may do with after_ms and generation.
HttpAnswer http_refusal(const RefuseUpgrade& refusal);

// At most 123 bytes, as a close frame allows (RFC 6455, 5.5).
std::string close_reason(const RefuseUpgrade& refusal);

}  // namespace interlock
