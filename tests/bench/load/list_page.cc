// How long a first page of List keeps the engine, with many records and with few: prints one JSON
// object. Usage: bench_list_page MANY FEW ROUNDS
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "coordinator/engine/connection_filter.h"
#include "tests/coordinator/engine/many_records.h"

namespace interlock {
namespace {

constexpr std::size_t kPage = 200;
constexpr std::size_t kVisits = 20'000;

// Median milliseconds of a page, from its first slice to its last.
double page_ms(BareEngine& bare, const std::string& text, int rounds) {
  const auto filter = std::make_shared<ConnectionFilter>(*ConnectionFilter::parse(text));
  std::vector<double> took;
  for (int i = 0; i < rounds; ++i) {
    const auto began = std::chrono::steady_clock::now();
    const Page page = first_page(bare, filter, kPage, kVisits);
    const std::chrono::duration<double, std::milli> ms = std::chrono::steady_clock::now() - began;
    if (page.visited == 0) std::abort();
    took.push_back(ms.count());
  }
  std::nth_element(took.begin(), took.begin() + rounds / 2, took.end());
  return took[static_cast<std::size_t>(rounds / 2)];
}

}  // namespace
}  // namespace interlock

int main(int argc, char** argv) {
  using namespace interlock;
  if (argc != 4) return 2;
  const int rounds = std::atoi(argv[3]);
  BareEngine many;
  fill(many, static_cast<std::size_t>(std::atoll(argv[1])));
  BareEngine few;
  fill(few, static_cast<std::size_t>(std::atoll(argv[2])));
  fmt::print("{{\"page_ms\":{:.3f},\"few_page_ms\":{:.3f},\"searched_ms\":{:.3f}}}\n",
             page_ms(many, "", rounds), page_ms(few, "", rounds), page_ms(many, "waiting", rounds));
  return 0;
}
