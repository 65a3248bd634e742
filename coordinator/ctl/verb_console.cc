// The verb that shows everything in a browser: console.
#include <fmt/format.h>

#include <latch>
#include <stop_token>

#include "common/host_port.h"
#include "common/identity.h"
#include "coordinator/ctl/console/assets.h"
#include "coordinator/ctl/console/browser.h"
#include "coordinator/ctl/console/coordinators.h"
#include "coordinator/ctl/console/server.h"
#include "coordinator/ctl/interruption.h"
#include "coordinator/ctl/verbs.h"

namespace interlock {
namespace {

constexpr int no_reader = -1;  // the console goes on although nobody reads its output any more

absl::StatusOr<int> port_in(const VerbArguments& arguments) {
  if (!arguments.has("port")) return 0;
  const auto port = parse_port(arguments.value("port"));
  if (!port.ok()) return absl::InvalidArgumentError("--port takes a port, or 0 for a free one.");
  return port;
}

Outcome serve(Tool& tool, const VerbArguments& arguments, int port) {
  const HeldSignals signals;
  std::stop_source stopping;
  auto coordinators = Coordinators::make(tool.settings, stopping.get_token());
  if (!coordinators.ok()) return usage_failure(coordinators.status());
  const std::string token = make_identity();
  const auto server = ConsoleServer::start(
      *coordinators, {.port = port, .token = token, .assets = console_assets()});
  if (!server.ok()) return Failure{ExitCode::kFailed, std::string(server.status().message())};

  // What stands behind # is not sent to any server, and not kept in any server's log.
  const std::string url = fmt::format("http://127.0.0.1:{}/#token={}", (*server)->port(), token);
  tool.output.print(tool.settings.json
                        ? fmt::format("{{\"url\":\"{}\"}}\n", url)
                        : fmt::format("The console is at {}\nCtrl-C ends it.\n", url));
  std::latch ended(1);
  const Interruption interruption(signals, no_reader, [&ended] { ended.count_down(); });
  if (arguments.has("no_browser")) {
    ended.wait();
  } else {
    const BrowserDoor door(url);
    ended.wait();
  }
  stopping.request_stop();
  return std::nullopt;
}

Outcome run_console(Tool& tool, const VerbArguments& arguments) {
  if (console_assets().empty()) {
    return Failure{ExitCode::kFailed,
                   "This interlockctl was built without the console's page, because npm was "
                   "missing or could not fetch its libraries: run deploy/install.sh node, and "
                   "then deploy/build.sh --target interlockctl."};
  }
  const auto port = port_in(arguments);
  if (!port.ok()) return usage_failure(port.status());
  return serve(tool, arguments, *port);
}

}  // namespace

Verb console_verb() {
  return {.name = "console",
          .operands = "",
          .operands_min = 0,
          .operands_max = 0,
          .flags = {{"port", "N", "The port on 127.0.0.1; 0, the default, takes a free one."},
                    {"no_browser", "", "Only print the address."}},
          .summary = "A web page on this machine that shows and steers everything",
          .description =
              "Served on 127.0.0.1 only, over your own credentials, to whoever has the address "
              "that it prints: it holds a token that is made anew each time. --coordinator may "
              "name several coordinators, with commas: each one's health is shown, and the first "
              "that answers is asked. Goes on until Ctrl-C.",
          .examples = {"interlockctl console",
                       "interlockctl --coordinator=10.0.0.5:7400,10.0.0.6:7400 console "
                       "--port=8088 --no_browser"},
          .run = run_console};
}

}  // namespace interlock
