// interlockctl: looks at connections and steers them.
#include <clocale>
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "coordinator/ctl/tool.h"

int main(int argc, char** argv) {
  // The locale of the user decides only whether lines and arrows can be drawn.
  std::setlocale(LC_CTYPE, "");
  // A reader who has gone away is noticed by the write.
  std::signal(SIGPIPE, SIG_IGN);
  interlock::Output output(stdout, stderr);
  return interlock::run_tool(std::vector<std::string>(argv + 1, argv + argc),
                             interlock::process_environment(), output);
}
