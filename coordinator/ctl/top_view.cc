#include "coordinator/ctl/top_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "coordinator/ctl/json.h"
#include "coordinator/ctl/latency.h"
#include "coordinator/ctl/names.h"
#include "coordinator/ctl/services_view.h"
#include "coordinator/ctl/table.h"
#include "coordinator/ctl/text.h"

namespace interlock {
namespace {

constexpr std::size_t id_digits = 8;
constexpr std::size_t state_columns = 18;  // the longest name, and a gap
constexpr std::size_t count_columns = 10;

std::uint64_t refusals_in_all(const v1::StatsResponse& stats) {
  return std::accumulate(stats.refusals().begin(), stats.refusals().end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& one) { return sum + one.second; });
}

bool same_process(const v1::StatsResponse& left, const v1::StatsResponse& right) {
  return left.coordinator_id() == right.coordinator_id() &&
         left.started_unix_ms() == right.started_unix_ms();
}

std::string per_second(const std::optional<double>& rate) {
  if (!rate) return "-";
  return *rate > 0 && *rate < 10 ? fmt::format("{:.1f}/s", *rate) : fmt::format("{:.0f}/s", *rate);
}

std::string json_number(const std::optional<double>& rate) {
  return rate ? fmt::format("{:.3f}", *rate) : "null";
}

std::string lag_of(const v1::StatsResponse& stats) {
  return format_duration_ms(static_cast<std::int64_t>(stats.feed_lag_ms()));
}

// Names are faint, values are not, and two blanks stand between.
class Line {
 public:
  explicit Line(bool colour) : colour_(colour) {}
  Line& add(std::string_view name, const Cell& value) {
    if (!text_.empty()) text_ += "   ";
    if (!name.empty()) text_ += paint(name, Style::kFaint, colour_) + " ";
    text_ += paint(escape_control(value.text), value.style, colour_);
    return *this;
  }
  std::string take() { return std::move(text_); }

 private:
  bool colour_;
  std::string text_;
};

std::vector<std::string> head(const TopView& view, bool colour) {
  const v1::StatsResponse& stats = view.now.stats;
  const TopRates rates = rates_of(view);
  const std::string refused = refusals_line(stats);
  return {
      Line(colour)
          .add("", Cell("interlockctl top", Style::kHeading))
          .add("", view.now.coordinator)
          .add("coordinator", stats.coordinator_id().substr(0, id_digits))
          .add("version", stats.version())
          .add("up", format_duration_ms(view.now.unix_ms - stats.started_unix_ms()))
          .add("", format_local_time_of_day(view.now.unix_ms))
          .take(),
      Line(colour)
          .add("store", store_cell(stats))
          .add("records", std::to_string(stats.records()))
          .add("outbox", fmt::format("{} events, {}", stats.outbox_events(),
                                     format_bytes(stats.outbox_bytes())))
          .add("watchers", std::to_string(stats.watchers()))
          .add("memory", format_bytes(stats.memory_bytes()))
          .take(),
      Line(colour)
          .add("transitions", per_second(rates.transitions))
          .add("takeovers", fmt::format("{} ({})", per_second(rates.takeovers), stats.takeovers()))
          .add("refusals", fmt::format("{} ({})", per_second(rates.refusals), refused))
          .take(),
      Line(colour)
          .add("commit", format_latency(rates.commit))
          .add("feed lag", lag_of(stats))
          .add("orphans swept", std::to_string(stats.orphans_swept()))
          .add("agent runs", fmt::format("{} complete, {} incomplete", stats.runs_complete(),
                                         stats.runs_incomplete()))
          .take(),
  };
}

std::string bar(std::uint64_t count, std::uint64_t most, std::size_t columns, bool utf8) {
  const double share = static_cast<double>(count) / static_cast<double>(std::max(most, count));
  const auto filled = static_cast<std::size_t>(std::lround(share * static_cast<double>(columns)));
  std::string out;
  for (std::size_t i = 0; i < std::max<std::size_t>(filled, 1); ++i) out += utf8 ? "█" : "#";
  return out;
}

std::vector<std::string> bars(const v1::StatsResponse& stats, std::size_t columns, bool utf8,
                              bool colour) {
  std::uint64_t most = 0;
  for (const auto& [name, count] : stats.connections_by_state()) most = std::max(most, count);
  const std::size_t taken = state_columns + count_columns + 1;
  const std::size_t room = columns > taken + 1 ? columns - taken : 1;
  std::vector<std::string> lines{
      paint(fmt::format("CONNECTIONS {}", connections_in_all(stats)), Style::kHeading, colour)};
  const auto* states = v1::State_descriptor();
  for (int i = 0; i < states->value_count(); ++i) {
    const auto found = stats.connections_by_state().find(states->value(i)->name());
    if (found == stats.connections_by_state().end() || found->second == 0) continue;
    const Style style = style_of(static_cast<v1::State>(states->value(i)->number()));
    lines.push_back(fmt::format("{:<{}}{:>{}} {}", found->first, state_columns, found->second,
                                count_columns,
                                paint(bar(found->second, most, room, utf8), style, colour)));
  }
  return lines;
}

void append_lines(std::vector<std::string>& lines, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
}

}  // namespace

TopRates rates_of(const TopView& view) {
  TopRates rates{.transitions = {}, .takeovers = {}, .refusals = {}, .commit = {}};
  rates.commit = view.now.stats.commit();
  if (!view.before || !same_process(view.before->stats, view.now.stats)) return rates;
  const double seconds = static_cast<double>(view.now.steady_ms - view.before->steady_ms) / 1000.0;
  if (seconds <= 0) return rates;
  const auto rate = [seconds](std::uint64_t before, std::uint64_t now) {
    return now < before ? 0.0 : static_cast<double>(now - before) / seconds;
  };
  const v1::StatsResponse& before = view.before->stats;
  const v1::StatsResponse& now = view.now.stats;
  rates.transitions = rate(before.transitions(), now.transitions());
  rates.takeovers = rate(before.takeovers(), now.takeovers());
  rates.refusals = rate(refusals_in_all(before), refusals_in_all(now));
  const v1::Latency since = measured_between(before.commit(), now.commit());
  if (quantile_seconds(since, 0.5)) rates.commit = since;  // else nothing was committed meanwhile
  return rates;
}

std::vector<std::string> top_screen(const TopView& view, ScreenSize size, bool utf8, bool colour) {
  std::vector<std::string> lines = head(view, colour);
  if (!view.problem.empty()) {
    lines.push_back(paint(escape_control(view.problem), Style::kBad, colour));
  }
  for (const std::string& key : view.now.stats.flapping_keys()) {
    lines.push_back(Line(colour).add("flapping", Cell(key, Style::kBad)).take());
  }
  lines.emplace_back();
  for (std::string& line : bars(view.now.stats, size.columns, utf8, colour)) {
    lines.push_back(std::move(line));
  }
  lines.emplace_back();
  if (view.now.gateways.gateways().empty()) {
    lines.push_back(paint("GATEWAYS none", Style::kHeading, colour));
  }
  append_lines(lines, gateway_table(view.now.gateways, id_digits, colour));
  // The last row says how to get out, whatever there is no room for.
  const std::size_t room = size.rows > 1 ? size.rows - 1 : 0;
  if (lines.size() > room) lines.resize(room);
  lines.push_back(paint("q leaves", Style::kFaint, colour));
  for (std::string& line : lines) line = clip_to_width(line, size.columns);
  return lines;
}

std::string top_line(const TopView& view) {
  const v1::StatsResponse& stats = view.now.stats;
  const TopRates rates = rates_of(view);
  return fmt::format(
      "{}  connections {}  transitions {}  takeovers {}  refusals {}  commit {}  feed lag {}  "
      "gateways {}  flapping {}  store {}\n",
      format_local_time_of_day(view.now.unix_ms), connections_in_all(stats),
      per_second(rates.transitions), per_second(rates.takeovers), per_second(rates.refusals),
      format_latency(rates.commit), lag_of(stats), stats.gateways(), stats.flapping_keys_size(),
      escape_control(store_cell(stats).text));
}

std::string top_json(const TopView& view) {
  const auto object = [](const google::protobuf::Message& message) {
    std::string line = json_line(message);
    line.pop_back();
    return line;
  };
  const TopRates rates = rates_of(view);
  std::string gateways;
  for (const v1::GatewayInfo& gateway : view.now.gateways.gateways()) {
    gateways += (gateways.empty() ? "" : ",") + object(gateway);
  }
  return fmt::format(
      "{{\"time_unix_ms\":\"{}\",\"transitions_per_s\":{},\"takeovers_per_s\":{},"
      "\"refusals_per_s\":{},\"stats\":{},\"gateways\":[{}]}}\n",
      view.now.unix_ms, json_number(rates.transitions), json_number(rates.takeovers),
      json_number(rates.refusals), object(view.now.stats), gateways);
}

}  // namespace interlock
