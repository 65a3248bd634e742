#include "coordinator/service/command_traces.h"

#include <memory>
#include <utility>
#include <variant>

#include "coordinator/service/refusal_message.h"

namespace interlock {
namespace {

std::string_view name_of(TracedCommand what) {
  switch (what) {
    case TracedCommand::kClaim:
      return "claim";
    case TracedCommand::kOperate:
      return "operate";
    case TracedCommand::kPublish:
      break;
  }
  return "publish";
}

SpanAttribute number(std::string_view name, std::uint64_t value) {
  return {name, static_cast<std::int64_t>(value)};
}

// A refusal is an answer like another; whether it is bad news is the asker's affair.
void describe(const Answer& answer, std::vector<SpanAttribute>& out) {
  std::string_view outcome = "answered";
  if (const auto* refusal = std::get_if<Refusal>(&answer)) {
    outcome = name_of(*refusal);
  } else if (const auto* granted = std::get_if<Granted>(&answer)) {
    outcome = "granted";
    out.push_back(number("interlock.generation", granted->generation));
    out.push_back({"interlock.state", std::string(name_of(granted->state))});
  } else if (const auto* done = std::get_if<Done>(&answer)) {
    outcome = done->refused.empty() ? "done" : "step_refused";
    out.push_back({"interlock.state", std::string(name_of(done->state))});
  } else if (const auto* receipt = std::get_if<Receipt>(&answer)) {
    outcome = receipt->repeated ? "repeated" : "accepted";
    out.push_back(number("interlock.sequence", receipt->sequence));
  }
  out.push_back({"interlock.outcome", std::string(outcome)});
}

bool may_be_of(Actor actor, TracedCommand what) {
  switch (actor) {
    case Actor::kBackend:
      return what == TracedCommand::kPublish;
    case Actor::kClient:
    case Actor::kOwner:
    case Actor::kClaimant:
      return what != TracedCommand::kPublish;
    case Actor::kAuthority:
      return true;
    case Actor::kAdmin:
      break;
  }
  return false;
}

}  // namespace

// One of them. Whoever holds its answer keeps it; when nobody does any more, it is forgotten.
class CommandTraces::Open {
 public:
  Open(CommandTraces& all, TracedCommand what, const std::string& key, const OpenSpan& span)
      : what(what), span(span), all_(all) {
    place_ = all_.open_.emplace(key, this);
    all_.size_ = all_.open_.size();
  }
  ~Open() {
    const std::lock_guard lock(all_.mutex_);
    all_.open_.erase(place_);
    all_.size_ = all_.open_.size();
  }
  Open(const Open&) = delete;
  Open& operator=(const Open&) = delete;

  void answered(const Answer& answer) const {
    if (!span.recorded) return;
    Span said{.name = name_of(what), .kind = SpanKind::kServer};
    said.attributes.push_back({"interlock.key", place_->first});
    describe(answer, said.attributes);
    all_.tracer_.end(span, std::move(said));
  }

  const TracedCommand what;
  const OpenSpan span;

 private:
  CommandTraces& all_;
  Map::iterator place_;
};

EngineThread::AnswerTo CommandTraces::around(TracedCommand what, const std::string& key,
                                             std::string_view traceparent,
                                             EngineThread::AnswerTo done) {
  const auto span =
      what == TracedCommand::kPublish ? tracer_.enter(traceparent) : tracer_.follow(traceparent);
  if (!span) return done;
  std::shared_ptr<Open> open;
  {
    const std::lock_guard lock(mutex_);
    if (open_.size() < traced_commands_max) {
      open = std::make_shared<Open>(*this, what, key, *span);
    }
  }
  if (open == nullptr) {
    tracer_.drop(*span);
    return done;
  }
  return [open = std::move(open), done = std::move(done)](Answer answer, Revision revision) {
    open->answered(answer);
    if (done) done(std::move(answer), revision);
  };
}

std::optional<TraceContext> CommandTraces::of(const std::string& key, Actor actor) const {
  if (size_ == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto [first, last] = open_.equal_range(key);
  for (auto at = first; at != last; ++at) {
    if (may_be_of(actor, at->second->what)) return at->second->span.context;
  }
  return std::nullopt;
}

std::size_t CommandTraces::under_way() const { return size_; }

std::string traceparent_of(const grpc::CallbackServerContext& context,
                           const std::string& in_message) {
  if (!in_message.empty()) return in_message;
  const grpc::string_ref name(traceparent_name.data(), traceparent_name.size());
  const auto [first, last] = context.client_metadata().equal_range(name);
  if (first == last || std::next(first) != last) return {};
  return {first->second.data(), first->second.size()};
}

}  // namespace interlock
