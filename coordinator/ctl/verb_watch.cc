// The verb that looks on: watch.
#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <utility>

#include "common/backoff.h"
#include "coordinator/ctl/admin_client.h"
#include "coordinator/ctl/interruption.h"
#include "coordinator/ctl/json.h"
#include "coordinator/ctl/names.h"
#include "coordinator/ctl/table.h"
#include "coordinator/ctl/text.h"
#include "coordinator/ctl/verbs.h"

namespace interlock {
namespace {

Table transition_table(bool colour) { return Table({{}, {}, {}, {}, {}, {}}, colour); }

void add_remark(Table& table, std::int64_t time_unix_ms, const std::string& key,
                std::string remark) {
  table.add({Cell(format_local_time_of_day(time_unix_ms), Style::kFaint), key,
             Cell(std::move(remark), Style::kTrouble), "", "", ""});
}

void add_transitions(Table& table, const v1::Connection& connection) {
  for (const v1::HistoryEntry& entry : connection.transitions()) {
    const std::string count = human_count(entry);
    const std::string step = human_step(entry.from(), entry.to());
    table.add({Cell(format_local_time_of_day(entry.time_unix_ms()), Style::kFaint),
               connection.key(),
               Cell(count.empty() ? step : step + " " + count, style_of(entry.to())),
               human_name(entry.actor()), human_name(entry.reason()),
               "generation " + std::to_string(entry.generation())});
  }
}

// A line for each transition; none for a change that moved no state.
std::string human_lines(Table& table, const v1::WatchResponse& answer) {
  switch (answer.what_case()) {
    case v1::WatchResponse::kChanged:
      add_transitions(table, answer.changed());
      break;
    case v1::WatchResponse::kLeft:
      add_transitions(table, answer.left());
      break;
    case v1::WatchResponse::kRemovedKey:
      add_remark(table, now_unix_ms(), answer.removed_key(), "forgotten");
      break;
    case v1::WatchResponse::kMissed:
      add_remark(table, now_unix_ms(), "-",
                 "some changes were left out here: list again to be sure");
      break;
    case v1::WatchResponse::kCaughtUp:
    case v1::WatchResponse::WHAT_NOT_SET:
      break;
  }
  return table.take();
}

// Goes on at a coordinator that can be reached when the one that was asked cannot be any more, from
// what was shown last.
class Follower {
 public:
  Follower(Tool& tool, const HeldSignals& signals, v1::WatchRequest request)
      : tool_(tool),
        signals_(signals),
        request_(std::move(request)),
        table_(transition_table(tool.output.colour())) {}

  Outcome watch_once() {
    auto client = AdminClient::make(tool_.settings);
    if (!client.ok()) return usage_failure(client.status());
    address_ = to_string(client->coordinator());
    return client->watch(request_, signals_, tool_.output.results_fd(),
                         [this](const v1::WatchResponse& answer) { return take(answer); });
  }

  Outcome follow() {
    Backoff backoff(retry_initial_ms, retry_max_ms);
    for (;;) {
      const Outcome outcome = watch_once();
      if (unread_ || told_to_end(0)) return std::nullopt;
      // One that could never be reached is more likely a wrong address than an outage.
      const bool may_retry = !outcome || outcome->code == ExitCode::kUnavailable;
      if (!may_retry || !shown_anything_) return outcome;
      if (!away_) {
        tool_.output.note(fmt::format(
            "{} Trying until it is back; Ctrl-C ends it.",
            outcome ? outcome->sentence : "The coordinator at " + address_ + " ended the watch."));
        backoff.reset();
      }
      away_ = true;
      changes_missed_ = 0;
      if (told_to_end(static_cast<int>(backoff.next(random_share())))) return std::nullopt;
    }
  }

 private:
  static constexpr std::int64_t retry_initial_ms = 200;
  static constexpr std::int64_t retry_max_ms = 5'000;

  bool take(const v1::WatchResponse& answer) {
    if (away_) say_back(answer);
    shown_anything_ = true;
    if (answer.revision() > request_.from_revision()) {
      request_.set_from_revision(answer.revision());
    }
    unread_ = !tool_.output.print(tool_.settings.json ? json_line(answer)
                                                      : human_lines(table_, answer));
    return !unread_;
  }

  // What had changed meanwhile is shown before `caught_up`, and counted until then.
  void say_back(const v1::WatchResponse& answer) {
    if (request_.from_revision() == 0) {
      tool_.output.note(fmt::format(
          "Watching again at {}. What happened meanwhile is not known: nothing was shown before.",
          address_));
      away_ = false;
    } else if (answer.has_changed() || answer.has_left() || !answer.removed_key().empty()) {
      ++changes_missed_;
    } else if (answer.missed()) {
      left_out_ = true;
    } else if (answer.caught_up() != 0) {
      tool_.output.note(fmt::format(
          "Watching again at {}, from revision {}: {} connections had changed meanwhile{}.",
          address_, request_.from_revision(), changes_missed_,
          left_out_ ? ", and some removals are not known any more" : ""));
      away_ = left_out_ = false;
    }
  }

  // A signal, or nobody reads any more, within the time.
  bool told_to_end(int within_ms) const {
    std::array<pollfd, 2> watched{
        {{.fd = signals_.fd(), .events = POLLIN, .revents = 0},
         {.fd = tool_.output.results_fd(), .events = 0, .revents = 0}}};
    return poll(watched.data(), watched.size(), within_ms) > 0;
  }

  double random_share() { return std::uniform_real_distribution<double>(0, 1)(random_); }

  Tool& tool_;
  const HeldSignals& signals_;
  v1::WatchRequest request_;  // goes on behind what was shown
  Table table_;
  std::string address_;  // of the coordinator that was asked last
  std::random_device random_;
  bool shown_anything_ = false;
  bool unread_ = false;
  bool away_ = false;
  bool left_out_ = false;
  std::uint64_t changes_missed_ = 0;
};

Outcome run_watch(Tool& tool, const VerbArguments& arguments) {
  const HeldSignals signals;
  v1::WatchRequest request;
  if (!arguments.operands.empty()) request.set_key(arguments.operands.front());
  request.set_filter(arguments.value("filter"));
  const auto from = arguments.number("from");
  if (!from.ok()) return usage_failure(from.status());
  request.set_from_revision(*from);
  Follower follower(tool, signals, std::move(request));
  return arguments.has("follow") ? follower.follow() : follower.watch_once();
}

}  // namespace

Verb watch_verb() {
  return {.name = "watch",
          .operands = "[KEY]",
          .operands_min = 0,
          .operands_max = 1,
          .flags = {{"follow", "", "Go on when the coordinator goes; see below."},
                    {"filter", "FILTER", "Only those that match, and once those that do no more."},
                    {"from", "REVISION", "Show first what has changed behind this revision."}},
          .summary = "Transitions as they happen, of one connection or of all",
          .description =
              "A line for each transition: local time, key, transition, actor, reason, "
              "generation. Goes on until Ctrl-C, or until nobody reads it any more. What "
              "happened before is not shown; history shows it. With --json each line names the "
              "revision from which --from goes on, at any coordinator.\n\n"
              "Ends with exit code 5 when the coordinator goes. With --follow it tries until one "
              "of those that --coordinator names is there, goes on behind what was shown last, "
              "and says how much had changed meanwhile.",
          .examples = {"interlockctl watch", "interlockctl watch alice:tab-1",
                       "interlockctl --coordinator=a:7400,b:7400 watch --follow",
                       "interlockctl --json watch | jq .changed.transitions"},
          .run = run_watch};
}

}  // namespace interlock
