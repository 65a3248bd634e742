#include "coordinator/ctl/services_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "coordinator/ctl/latency.h"
#include "coordinator/ctl/names.h"
#include "coordinator/ctl/text.h"

namespace interlock {
namespace {

constexpr std::uint32_t defect_code = 1011;
constexpr const char* nothing = "-";

Cell state_cell(const v1::GatewayInfo& gateway) {
  if (gateway.expired()) return {"expired", Style::kTrouble};
  const std::string holding = gateway.load().holding() ? ", holding" : "";
  if (gateway.draining_per_s() > 0) {
    return {fmt::format("draining, {} a second", gateway.draining_per_s()) + holding,
            Style::kWaiting};
  }
  const std::string where = gateway.attached() ? "attached" : "elsewhere";
  if (!holding.empty()) return {where + holding, Style::kTrouble};
  return {where, gateway.attached() ? Style::kGood : Style::kPlain};
}

Cell breaker_cell(const v1::GatewayLoad& load) {
  const auto breaker = load.breaker();
  if (!v1::GatewayLoad_Breaker_IsValid(breaker)) return nothing;
  const Style style = breaker == v1::GatewayLoad::OPEN        ? Style::kBad
                      : breaker == v1::GatewayLoad::HALF_OPEN ? Style::kWaiting
                                                              : Style::kPlain;
  return {words_of(v1::GatewayLoad_Breaker_Name(breaker)), style};
}

Cell defects_cell(const v1::GatewayLoad& load) {
  std::uint64_t count = 0;
  for (const auto& closes : load.closes()) {
    if (closes.code() == defect_code) count += closes.count();
  }
  return {std::to_string(count), count > 0 ? Style::kBad : Style::kPlain};
}

// What it says of itself; an older build says nothing.
void add_load(std::vector<Cell>& row, const v1::GatewayInfo& gateway) {
  if (!gateway.has_load()) {
    row.insert(row.end(), {nothing, nothing, nothing, nothing, nothing});
    return;
  }
  const v1::GatewayLoad& load = gateway.load();
  row.emplace_back(std::to_string(load.sockets()));
  row.emplace_back(std::to_string(load.sessions()));
  row.push_back(breaker_cell(load));
  row.push_back(defects_cell(load));
  row.emplace_back(format_latency(load.handshake()));
}

class Fields {
 public:
  explicit Fields(bool colour) : table_({{}, {}}, colour) {}
  void add(std::string name, Cell value) {
    table_.add({Cell(std::move(name), Style::kFaint), std::move(value)});
  }
  std::string take() { return table_.take(); }

 private:
  Table table_;
};

void add_states(Fields& fields, const v1::StatsResponse& stats) {
  fields.add("connections", std::to_string(connections_in_all(stats)));
  const auto* states = v1::State_descriptor();
  for (int i = 0; i < states->value_count(); ++i) {
    const auto count = stats.connections_by_state().find(states->value(i)->name());
    if (count == stats.connections_by_state().end()) continue;
    const auto state = static_cast<v1::State>(states->value(i)->number());
    fields.add("  " + count->first, Cell(std::to_string(count->second), style_of(state)));
  }
}

void add_counts(Fields& fields, const v1::StatsResponse& stats) {
  fields.add("transitions", std::to_string(stats.transitions()));
  fields.add("takeovers", std::to_string(stats.takeovers()));
  fields.add("orphans swept", std::to_string(stats.orphans_swept()));
  fields.add("refusals", refusals_line(stats));
  fields.add("agent runs", fmt::format("{} complete, {} incomplete", stats.runs_complete(),
                                       stats.runs_incomplete()));
  if (stats.runs_complete() > 0) {
    std::vector<std::pair<std::string, std::uint64_t>> kinds(stats.run_events().begin(),
                                                             stats.run_events().end());
    std::ranges::sort(kinds);
    for (const auto& [kind, count] : kinds) {
      fields.add("  with " + kind, fmt::format("{} of {}", count, stats.runs_complete()));
    }
  }
  for (const std::string& key : stats.flapping_keys()) fields.add("flapping", {key, Style::kBad});
}

}  // namespace

std::string gateway_table(const v1::ListGatewaysResponse& gateways, std::size_t id_digits,
                          bool colour) {
  Table table({{"GATEWAY"},
               {"ADDRESS"},
               {"STATE"},
               {"CONNECTIONS", Align::kRight},
               {"LEASE AGE", Align::kRight},
               {"SOCKETS", Align::kRight},
               {"SESSIONS", Align::kRight},
               {"BREAKER"},
               {"1011", Align::kRight},
               {"HANDSHAKE"},
               {"SINCE"}},
              colour);
  for (const v1::GatewayInfo& gateway : gateways.gateways()) {
    std::vector<Cell> row{
        id_digits == 0 ? gateway.gateway_id() : gateway.gateway_id().substr(0, id_digits),
        gateway.address(), state_cell(gateway), std::to_string(gateway.connections()),
        format_duration_ms(static_cast<std::int64_t>(gateway.lease_age_ms()))};
    add_load(row, gateway);
    row.emplace_back(format_local_time(gateway.first_seen_unix_ms()));
    table.add(std::move(row));
  }
  return table.take();
}

std::string stats_table(const v1::StatsResponse& stats, bool colour) {
  Fields fields(colour);
  add_states(fields, stats);
  fields.add("records", std::to_string(stats.records()));
  fields.add("outbox", fmt::format("{} events, {}", stats.outbox_events(),
                                   format_bytes(stats.outbox_bytes())));
  fields.add("gateways",
             fmt::format("{}, {} attached here", stats.gateways(), stats.attached_gateways()));
  fields.add("watchers", std::to_string(stats.watchers()));
  fields.add("store", store_cell(stats));
  fields.add("commit", format_latency(stats.commit()));
  fields.add("feed lag", format_duration_ms(static_cast<std::int64_t>(stats.feed_lag_ms())));
  add_counts(fields, stats);
  fields.add("coordinator", stats.coordinator_id().empty() ? nothing : stats.coordinator_id());
  fields.add("version", stats.version());
  fields.add("memory", stats.memory_bytes() == 0 ? nothing : format_bytes(stats.memory_bytes()));
  fields.add("up for", format_duration_ms(now_unix_ms() - stats.started_unix_ms()));
  return fields.take();
}

Cell store_cell(const v1::StatsResponse& stats) {
  const std::string name = stats.store().empty() ? "" : stats.store() + ", ";
  if (stats.store_away()) return {name + "away", Style::kBad};
  if (!stats.store_short_of_room().empty()) return {name + "short of room", Style::kTrouble};
  return {name + "there", Style::kPlain};
}

std::string refusals_line(const v1::StatsResponse& stats) {
  std::vector<std::pair<std::string, std::uint64_t>> all(stats.refusals().begin(),
                                                         stats.refusals().end());
  std::ranges::sort(all, [](const auto& left, const auto& right) {
    return left.second != right.second ? left.second > right.second : left.first < right.first;
  });
  std::string line;
  for (const auto& [reason, count] : all) {
    if (count > 0) line += fmt::format("{}{} {}", line.empty() ? "" : ", ", reason, count);
  }
  return line.empty() ? "none" : line;
}

std::uint64_t connections_in_all(const v1::StatsResponse& stats) {
  std::uint64_t sum = 0;
  for (const auto& [state, count] : stats.connections_by_state()) sum += count;
  return sum;
}

}  // namespace interlock
