// The design's own table of transitions, copied by hand, so that the program's is compared with
// something that it did not write itself.
#pragma once

#include "coordinator/authority/lifecycle.h"

namespace interlock {

bool design_allows(State from, State to);

}  // namespace interlock
