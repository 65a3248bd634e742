// What many runs came to, added up over several processes.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>

#include "tests/simulation/run.h"

namespace interlock::sim {

class Totals {
 public:
  void add(const Run& run);
  // As lines of `name value`, for another process.
  void write(std::ostream& out) const;
  void read(std::istream& in);

  void print_table(std::ostream& out) const;
  // Names what has never happened; true: nothing.
  bool all_faults_happened(std::ostream& out) const;
  // For whoever adds up what all tests have done: appended to $INTERLOCK_COUNTS.
  void report_counts() const;
  std::string summary(double cpu_hours) const;

 private:
  std::uint64_t of(const std::string& name) const;

  std::map<std::string, std::uint64_t> sums_;
};

}  // namespace interlock::sim
