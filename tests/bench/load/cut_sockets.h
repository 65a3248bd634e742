// A network that breaks, as seen from inside of the process.
#pragma once

#include <cstddef>

namespace interlock::bench {

// Shuts every TCP connection of this process to that loopback port, as if the peer had gone. How
// many there were.
std::size_t cut_sockets_to(int port);

}  // namespace interlock::bench
