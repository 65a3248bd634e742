// What the coordinator answered, as the HTTP API says it.
//
// Pure.
#pragma once

#include "gateway/http_answer.h"
#include "interlock/v1/admin.pb.h"
#include "interlock/v1/events.pb.h"

namespace interlock {

// {"sequence":N,"sequence_since":N,"state":"...","repeated":false}
HttpAnswer receipt_answer(const v1::Receipt& receipt);

// What an operator sees of it, in brief.
HttpAnswer connection_answer(const v1::Connection& connection);

}  // namespace interlock
