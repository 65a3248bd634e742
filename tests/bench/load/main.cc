// One simulated gateway, which does what it is told on its standard input.
//
//   bench_gateway COORDINATOR_PORT NAME [TOKEN]
//
//   claim COUNT OUTSTANDING   fresh connections, as fast as they are granted
//   steady RATE               claims so many a second from now on ...
//   stop FILE                 ... until now; writes a line `intended_us took_us` for each
//   reattach                  cuts the stream and attaches again
//
// Each is answered with a JSON object on a line; the first one says that it is attached. The end of
// the input ends it; a failure does too, with status 1 and a sentence on stderr.
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "common/log.h"
#include "tests/bench/load/simulated_gateway.h"

namespace interlock::bench {
namespace {

bool write_samples(const std::vector<Sample>& samples, const std::string& path) {
  std::ofstream out(path);
  for (const Sample& sample : samples) {
    out << sample.intended_us << " " << sample.took_us << "\n";
  }
  return static_cast<bool>(out.flush());
}

bool carry_out(SimulatedGateway& gateway, std::istringstream& line) {
  std::string verb;
  line >> verb;
  if (verb == "claim") {
    std::uint64_t count = 0;
    std::uint64_t outstanding_max = 0;
    return line >> count >> outstanding_max && gateway.claim(count, outstanding_max);
  }
  if (verb == "steady") {
    double claims_per_s = 0;
    if (!(line >> claims_per_s) || claims_per_s <= 0) return false;
    gateway.start_steady(claims_per_s);
    return true;
  }
  if (verb == "stop") {
    std::string path;
    line >> path;
    const auto samples = gateway.stop_steady();
    return samples && write_samples(*samples, path);
  }
  return verb == "reattach" && gateway.reattach();
}

int serve(SimulatedGateway& gateway) {
  std::string text = "attach";
  bool done = gateway.wait_attached();
  while (done) {
    const Tally tally = gateway.tally();
    std::cout << fmt::format("{{\"granted\":{},\"refused\":{},\"lost\":{}}}", tally.granted,
                             tally.refused, tally.lost)
              << std::endl;
    if (!std::getline(std::cin, text)) return 0;
    std::istringstream line(text);
    done = carry_out(gateway, line);
  }
  std::cerr << "bench_gateway: '" << text << "' was not done\n";
  return 1;
}

}  // namespace
}  // namespace interlock::bench

int main(int argc, char** argv) {
  using namespace interlock;
  if (argc != 3 && argc != 4) {
    std::cerr << "bench_gateway: a port, a name and perhaps a token\n";
    return 2;
  }
  const Logging logging({.service = "bench-gateway", .level = LogLevel::warning});
  bench::SimulatedGateway gateway({.coordinator_port = std::atoi(argv[1]),
                                   .token = argc == 4 ? argv[3] : "",
                                   .name = argv[2]});
  return bench::serve(gateway);
}
