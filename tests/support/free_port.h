// A port on loopback that nobody uses, for a test that must name one beforehand.
#pragma once

#include <cstddef>
#include <vector>

namespace interlock {

// `count` different ports from 20000 to 32000, below the range that the kernel hands out by itself.
// The search begins anywhere, so that tests that run side by side seldom meet; nothing reserves the
// ports, so bind them soon. Ends the process when there are not as many.
std::vector<int> free_ports(std::size_t count);
int free_port();

}  // namespace interlock
