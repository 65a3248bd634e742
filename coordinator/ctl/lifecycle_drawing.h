// The table of states, drawn.
#pragma once

#include <string>

namespace interlock {

// Both derive from coordinator/authority/lifecycle.h and know no state themselves.

// Grouped by phase, one line for each state with the states that may follow it. `utf8`: with lines
// and arrows that ASCII does not have.
std::string draw_lifecycle(bool utf8, bool colour);

// {"state":"CONNECTING","phase":"setup","to":["ACCEPTED","CLOSED","FAILED"]}, one object a line.
std::string lifecycle_json();

}  // namespace interlock
