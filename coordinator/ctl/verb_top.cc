// The verb that shows the whole as it goes: top.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>

#include "coordinator/ctl/admin_client.h"
#include "coordinator/ctl/full_screen.h"
#include "coordinator/ctl/text.h"
#include "coordinator/ctl/top_sampler.h"
#include "coordinator/ctl/top_view.h"
#include "coordinator/ctl/verbs.h"

namespace interlock {
namespace {

constexpr std::uint64_t interval_default_ms = 1000;
constexpr std::uint64_t interval_min_ms = 100;
constexpr std::uint64_t interval_max_ms = 3'600'000;

using Clock = std::chrono::steady_clock;

struct TopPlan {
  std::chrono::milliseconds interval{interval_default_ms};
  std::uint64_t count = 0;  // of snapshots; 0: no end
};

int milliseconds_until(Clock::time_point when) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(when - Clock::now()).count();
  return static_cast<int>(std::max<std::int64_t>(left, 0));
}

void take_in(TopView& view, TopSample sample) {
  view.before = std::move(view.now);
  view.now = std::move(sample);
  view.problem.clear();
}

// True: told to end, or nobody reads any more.
bool wait_or_told(const HeldSignals& signals, int output_fd, Clock::time_point until) {
  std::array<pollfd, 2> watched{{{.fd = signals.fd(), .events = POLLIN, .revents = 0},
                                 {.fd = output_fd, .events = 0, .revents = 0}}};
  return poll(watched.data(), watched.size(), milliseconds_until(until)) > 0;
}

// Ctrl-C ends it although no answer has come; nothing: it did.
struct Asking {
  AdminClient client;
  std::stop_source stop;  // the client's
};
std::optional<std::variant<TopSample, Failure>> sample_unless_told(Asking& asking,
                                                                   const HeldSignals& signals,
                                                                   int output_fd) {
  const Interruption interruption(signals, output_fd, [&asking] { asking.stop.request_stop(); });
  auto sample = take_sample(asking.client);
  if (interruption.happened()) return std::nullopt;
  return sample;
}

// A snapshot a line, for files, pipes and programs.
Outcome print_snapshots(Tool& tool, Asking& asking, const HeldSignals& signals,
                        const TopPlan& plan, TopView view) {
  for (std::uint64_t printed = 1;; ++printed) {
    const auto next = Clock::now() + plan.interval;
    if (!tool.output.print(tool.settings.json ? top_json(view) : top_line(view)) ||
        printed == plan.count || wait_or_told(signals, tool.output.results_fd(), next)) {
      return std::nullopt;
    }
    auto sample = sample_unless_told(asking, signals, tool.output.results_fd());
    if (!sample) return std::nullopt;
    if (auto* failure = std::get_if<Failure>(&*sample)) return std::move(*failure);
    take_in(view, std::get<TopSample>(*std::move(sample)));
  }
}

// What the screen shows, and what it waits for.
class LiveView {
 public:
  LiveView(TopSampler& sampler, TopView view, std::uint64_t count)
      : sampler_(sampler), view_(std::move(view)), count_(count) {}

  const TopView& view() const { return view_; }
  // Whether it has to be drawn anew.
  bool take_changed() { return std::exchange(changed_, false); }
  bool complete() const { return shown_ == count_; }  // as many as were wanted

  void resized() { changed_ = true; }
  // Time for another look. One that is not answered is said instead.
  void look() {
    if (!waiting_since_ms_) {
      waiting_since_ms_ = now_unix_ms();
      return sampler_.ask();
    }
    view_.problem = fmt::format("{} has not answered for {}.", view_.now.coordinator,
                                format_duration_ms(now_unix_ms() - *waiting_since_ms_));
    changed_ = true;
  }
  void take_answer() {
    auto answer = sampler_.take();
    if (!answer) return;
    changed_ = true;
    waiting_since_ms_.reset();
    if (auto* failure = std::get_if<Failure>(&*answer)) {
      view_.problem = failure->sentence;
    } else {
      take_in(view_, std::get<TopSample>(*std::move(answer)));
      ++shown_;
    }
  }

 private:
  TopSampler& sampler_;
  TopView view_;
  std::uint64_t count_;
  std::uint64_t shown_ = 1;
  bool changed_ = true;
  std::optional<std::int64_t> waiting_since_ms_;
};

// Until q, Ctrl-C, a signal, or nobody sees it any more.
void draw_until_left(Tool& tool, LiveView& live, int answered_fd, const HeldSignals& signals,
                     const HeldResizes& resizes, std::chrono::milliseconds interval) {
  FullScreen screen(tool.output, STDIN_FILENO);
  auto next = Clock::now() + interval;
  while (!live.complete()) {
    if (live.take_changed() && !screen.draw(top_screen(live.view(), screen.size(),
                                                       tool.output.utf8(), tool.output.colour()))) {
      return;
    }
    std::array<pollfd, 5> watched{{{.fd = signals.fd(), .events = POLLIN, .revents = 0},
                                   {.fd = tool.output.results_fd(), .events = 0, .revents = 0},
                                   {.fd = screen.keys_fd(), .events = POLLIN, .revents = 0},
                                   {.fd = resizes.fd(), .events = POLLIN, .revents = 0},
                                   {.fd = answered_fd, .events = POLLIN, .revents = 0}}};
    poll(watched.data(), watched.size(), milliseconds_until(next));
    if (watched[0].revents != 0 || watched[1].revents != 0) return;
    if ((watched[2].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) return;
    if (watched[2].revents != 0 && screen.take_keys().find_first_of("qQ") != std::string::npos) {
      return;
    }
    if (watched[3].revents != 0) {
      resizes.take();
      live.resized();
    }
    if (watched[4].revents != 0) live.take_answer();
    if (Clock::now() >= next) {
      live.look();
      next = Clock::now() + interval;
    }
  }
}

absl::StatusOr<TopPlan> plan_of(const VerbArguments& arguments) {
  TopPlan plan;
  const auto interval_ms = arguments.duration_ms("interval");
  if (!interval_ms.ok()) return interval_ms.status();
  if (arguments.has("interval") &&
      (*interval_ms < interval_min_ms || *interval_ms > interval_max_ms)) {
    return absl::InvalidArgumentError("--interval takes 100ms to 1h.");
  }
  if (*interval_ms > 0) plan.interval = std::chrono::milliseconds(*interval_ms);
  const auto count = arguments.number("count");
  if (!count.ok()) return count.status();
  plan.count = *count;
  return plan;
}

Outcome run_top(Tool& tool, const VerbArguments& arguments) {
  const HeldSignals signals;
  const HeldResizes resizes;
  const auto plan = plan_of(arguments);
  if (!plan.ok()) return usage_failure(plan.status());
  std::stop_source stop;
  auto client = AdminClient::make(tool.settings, stop.get_token());
  if (!client.ok()) return usage_failure(client.status());
  Asking asking{*std::move(client), stop};
  // The first one before anything is drawn: what does not work at all is said as by any verb.
  auto first = sample_unless_told(asking, signals, tool.output.results_fd());
  if (!first) return std::nullopt;
  if (auto* failure = std::get_if<Failure>(&*first)) return std::move(*failure);
  TopView view{.before = {}, .now = std::get<TopSample>(*std::move(first)), .problem = ""};
  if (tool.settings.json || !tool.output.terminal()) {
    return print_snapshots(tool, asking, signals, *plan, std::move(view));
  }
  TopSampler sampler(std::move(asking.client), asking.stop);
  LiveView live(sampler, std::move(view), plan->count);
  draw_until_left(tool, live, sampler.fd(), signals, resizes, plan->interval);
  return std::nullopt;
}

}  // namespace

Verb top_verb() {
  return {
      .name = "top",
      .operands = "",
      .operands_min = 0,
      .operands_max = 0,
      .flags = {{"interval", "DURATION", "How often to look (1s)."},
                {"count", "N", "End after N snapshots."}},
      .summary = "The whole as it goes: states, rates, gateways",
      .description =
          "On a terminal: the full screen, until q or Ctrl-C. Piped: a line for each snapshot; "
          "with "
          "--json an object with `stats`, `gateways` and the rates since the one before. Rates "
          "are what this coordinator wrote. Each look asks two questions whose answers do not grow "
          "with the number of connections.",
      .examples = {"interlockctl top", "interlockctl top --interval=10s >> top.log",
                   "interlockctl --json top --count=1 | jq .stats.connections_by_state"},
      .run = run_top};
}

}  // namespace interlock
