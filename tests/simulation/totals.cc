#include "tests/simulation/totals.h"

#include <cstdlib>
#include <fstream>
#include <ostream>
#include <sstream>

namespace interlock::sim {

void Totals::add(const Run& run) {
  ++sums_["seeds"];
  sums_["virtual_ms"] += run.time.now() / 1'000;
  sums_["events"] += run.time.events();
  for (std::size_t i = 0; i < kFaultNames.size(); ++i) {
    sums_["fault." + std::string(kFaultNames[i])] += run.faults.of(static_cast<Fault>(i));
  }
  for (const auto& [name, count] : run.counts) sums_["count." + name] += count;
}

void Totals::write(std::ostream& out) const {
  for (const auto& [name, value] : sums_) out << value << " " << name << "\n";
}

void Totals::read(std::istream& in) {
  std::uint64_t value = 0;
  for (std::string name; in >> value && std::getline(in >> std::ws, name);) sums_[name] += value;
}

std::uint64_t Totals::of(const std::string& name) const {
  const auto found = sums_.find(name);
  return found == sums_.end() ? 0 : found->second;
}

void Totals::print_table(std::ostream& out) const {
  for (const auto& [name, value] : sums_) {
    if (name.starts_with("fault.")) out << fmt::format("{:<32}{:>12}\n", name, value);
  }
  for (const auto& [name, value] : sums_) {
    if (name.starts_with("count.")) out << fmt::format("{:<32}{:>12}\n", name, value);
  }
}

bool Totals::all_faults_happened(std::ostream& out) const {
  bool all = true;
  for (const std::string_view name : kFaultNames) {
    if (of("fault." + std::string(name)) > 0) continue;
    out << "never happened: " << name << "\n";
    all = false;
  }
  return all;
}

void Totals::report_counts() const {
  const char* file = std::getenv("INTERLOCK_COUNTS");
  if (file == nullptr) return;
  std::ofstream out(file, std::ios::app);
  out << "simulation.seeds " << of("seeds") << "\n";
  out << "simulation.virtual_hours " << of("virtual_ms") / 3'600'000 << "\n";
  for (const auto& [name, value] : sums_) {
    if (name.starts_with("fault.")) out << "simulation." << name << " " << value << "\n";
  }
}

std::string Totals::summary(double cpu_hours) const {
  std::uint64_t faults = 0;
  for (const auto& [name, value] : sums_) faults += name.starts_with("fault.") ? value : 0;
  const double hours = static_cast<double>(of("virtual_ms")) / 3.6e6;
  return fmt::format(
      "{} seeds, {:.1f} virtual hours, {:.0f} virtual hours per core-hour, {} events, {} faults of "
      "{} kinds",
      of("seeds"), hours, hours / cpu_hours, of("events"), faults, kFaultNames.size());
}

}  // namespace interlock::sim
