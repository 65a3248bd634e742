#include "coordinator/ctl/output.h"

#include <fmt/format.h>
#include <langinfo.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace interlock {

bool is_terminal(std::FILE* stream) {
  const char* const terminal = std::getenv("TERM");
  return isatty(fileno(stream)) != 0 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

bool wants_colour(std::FILE* stream) {
  const char* const no_colour = std::getenv("NO_COLOR");
  return is_terminal(stream) && (no_colour == nullptr || *no_colour == '\0');
}

bool wants_utf8() { return std::string_view(nl_langinfo(CODESET)) == "UTF-8"; }

Output::Output(std::FILE* results, std::FILE* remarks)
    : results_(results), remarks_(remarks), colour_(wants_colour(results)), utf8_(wants_utf8()) {}

bool Output::print(std::string_view text) {
  if (stopped_) return false;
  errno = 0;
  const bool written = std::fwrite(text.data(), 1, text.size(), results_) == text.size() &&
                       std::fflush(results_) == 0;
  if (written) return true;
  stopped_ = true;
  if (errno != EPIPE) error_ = errno;
  return false;
}

void Output::note(std::string_view sentence) {
  std::fprintf(remarks_, "%.*s\n", static_cast<int>(sentence.size()), sentence.data());
}

int Output::results_fd() const { return fileno(results_); }

}  // namespace interlock
