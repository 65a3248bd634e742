// What is wrong with a gateway, in words, and what to do about it.
#pragma once

#include <cstdint>
#include <string>

#include "coordinator/ctl/failure.h"
#include "coordinator/ctl/socket_news.h"

namespace interlock {

Failure unreached_gateway(const std::string& url, const SocketUnreached& unreached);
Failure refused_upgrade(const std::string& url, const SocketRefused& refused);

// `4502 (kicked): for good, the client is to stop`.
std::string describe_end(const SocketEnd& end);

}  // namespace interlock
