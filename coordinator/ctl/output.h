// Where the tool writes: results to one stream, remarks to the other.
#pragma once

#include <cstdio>
#include <string_view>

namespace interlock {

// Whether a stream is a terminal that can do more than print lines.
bool is_terminal(std::FILE* stream);

// Whether a stream takes colour: it is a terminal, the terminal is not a dumb one, and its user has
// not set NO_COLOR (no-color.org).
bool wants_colour(std::FILE* stream);

// Whether the user's locale can show more than ASCII.
bool wants_utf8();

// Once a reader has gone away (`| head`), nothing is written any more and the verb stops: that is
// no failure. SIGPIPE must be ignored, so that the write reports it.
class Output {
 public:
  // The streams are not owned.
  Output(std::FILE* results, std::FILE* remarks);
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // Writes a part of the result and hands it on at once. False: stop, nobody gets it.
  bool print(std::string_view text);

  // A sentence beside the result, such as why there is none.
  void note(std::string_view sentence);

  bool terminal() const { return is_terminal(results_); }
  bool colour() const { return colour_; }
  bool utf8() const { return utf8_; }
  int results_fd() const;

  // What kept the result from being written, as an errno; 0 when nothing did, or the reader left.
  int error() const { return error_; }

 private:
  std::FILE* results_;
  std::FILE* remarks_;
  bool colour_;
  bool utf8_;
  bool stopped_ = false;
  int error_ = 0;
};

}  // namespace interlock
