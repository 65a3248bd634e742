#include "coordinator/ctl/lifecycle_drawing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "coordinator/authority/lifecycle.h"
#include "coordinator/ctl/names.h"

namespace interlock {
namespace {

std::string_view phase_of(State state) {
  if (is_setup(state)) return "setup";
  if (is_operational(state)) return "operational";
  if (is_final(state)) return "final";
  return state == State::kClosing ? "ending" : "waiting";
}

struct Strokes {
  std::string_view line;
  std::string_view arrow;
  std::string_view end;
};
constexpr Strokes utf8_strokes{"─", "▶", "■"};
constexpr Strokes ascii_strokes{"-", ">", "#"};

std::string painted_name(State state, bool colour) {
  return paint(name_of(state), style_of(static_cast<v1::State>(state)), colour);
}

std::size_t longest_name() {
  std::size_t longest = 0;
  for (const State state : kStates) longest = std::max(longest, name_of(state).size());
  return longest;
}

std::string repeat(std::string_view stroke, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += stroke;
  return out;
}

std::string join(const std::vector<State>& states, bool colour) {
  std::string out;
  for (const State state : states) out += (out.empty() ? "" : ", ") + painted_name(state, colour);
  return out;
}

// `  IDLE ────────▶ PROCESSING, CLOSED`
std::string draw_row(State from, const Strokes& strokes, bool colour) {
  const std::size_t length = longest_name() - name_of(from).size() + 1;
  const std::vector<State> to = successors(from);
  return fmt::format("  {} {}{}\n", painted_name(from, colour), repeat(strokes.line, length),
                     to.empty() ? std::string(strokes.end)
                                : fmt::format("{} {}", strokes.arrow, join(to, colour)));
}

}  // namespace

std::string draw_lifecycle(bool utf8, bool colour) {
  const Strokes& strokes = utf8 ? utf8_strokes : ascii_strokes;
  std::string out;
  std::string_view phase;
  for (const LifecycleRow& row : lifecycle()) {
    if (phase_of(row.from) != phase) {
      phase = phase_of(row.from);
      out += fmt::format("{}{}\n", out.empty() ? "" : "\n", paint(phase, Style::kHeading, colour));
    }
    out += draw_row(row.from, strokes, colour);
  }
  return out +
         fmt::format("\nA machine begins in {}; behind {} the next claim starts another one.\n",
                     painted_name(kStates.front(), colour), strokes.end);
}

std::string lifecycle_json() {
  std::string out;
  for (const LifecycleRow& row : lifecycle()) {
    std::string to;
    for (const State state : successors(row.from)) {
      to += fmt::format("{}\"{}\"", to.empty() ? "" : ",", name_of(state));
    }
    out += fmt::format("{{\"state\":\"{}\",\"phase\":\"{}\",\"to\":[{}]}}\n", name_of(row.from),
                       phase_of(row.from), to);
  }
  return out;
}

}  // namespace interlock
