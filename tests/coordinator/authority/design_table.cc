#include "tests/coordinator/authority/design_table.h"

#include <map>
#include <set>
#include <sstream>
#include <string>

namespace interlock {
namespace {

constexpr const char* kDesign = R"(
CONNECTING ACCEPTED FAILED CLOSED
ACCEPTED AUTHENTICATED FAILED CLOSED
AUTHENTICATED SERVICES_READY DEGRADED FAILED CLOSED
SERVICES_READY PROCESSING_READY DEGRADED FAILED CLOSED
PROCESSING_READY PROCESSING IDLE DEGRADED RECONNECTING CLOSING FAILED CLOSED
PROCESSING PROCESSING_READY IDLE DEGRADED RECONNECTING CLOSING FAILED CLOSED
IDLE PROCESSING PROCESSING_READY DEGRADED RECONNECTING CLOSING FAILED CLOSED
DEGRADED PROCESSING_READY PROCESSING IDLE RECONNECTING CLOSING FAILED CLOSED
RECONNECTING SERVICES_READY PROCESSING_READY DEGRADED FAILED CLOSED
CLOSING CLOSED
CLOSED
FAILED
)";

using Table = std::map<std::string, std::set<std::string>, std::less<>>;

// Each line: from, then every state that may follow it.
Table read_design() {
  Table table;
  std::istringstream lines(kDesign);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string from;
    if (!(words >> from)) continue;
    std::set<std::string>& row = table[from];
    for (std::string to; words >> to;) row.insert(to);
  }
  return table;
}

}  // namespace

bool design_allows(State from, State to) {
  static const Table table = read_design();
  return table.at(std::string(name_of(from))).contains(std::string(name_of(to)));
}

}  // namespace interlock
