// Where names come from that nobody else can have.
#pragma once

#include <string>

namespace interlock {

// 128 random bits from the kernel as 32 lower-case hexadecimal digits: gateway ids, claim ids,
// sessions that the client did not name. Ends the process if the kernel has no random bytes, since
// going on with guessable or repeated names would be worse.
std::string make_identity();

}  // namespace interlock
