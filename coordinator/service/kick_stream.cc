#include "coordinator/service/kick_stream.h"

#include <utility>

#include "common/log.h"
#include "coordinator/service/refusal.h"
#include "coordinator/service/refusal_message.h"
#include "coordinator/service/translate.h"

namespace interlock {
namespace {

constexpr std::uint32_t kPage = 200;  // under way at once
constexpr std::uint32_t kMayReturn = 4006;
constexpr std::uint32_t kForGood = 4502;

std::optional<Refusal> check_code(const v1::KickRequest& request) {
  const std::uint32_t code = request.code();
  if (code == 0) return std::nullopt;
  const bool comes_back = code >= 4000 && code < 4200;
  const bool stops = code >= 4500 && code < 5000;
  if (request.may_return() ? comes_back : stops) return std::nullopt;
  return InvalidArgument{"code", request.may_return()
                                     ? "a client that may return reconnects at 4000 to 4199 only"
                                     : "a client that may not return stops at 4500 to 4999 only"};
}

std::optional<Refusal> check_whom(const v1::KickRequest& request) {
  const int named = (request.key().empty() ? 0 : 1) + (request.filter().empty() ? 0 : 1) +
                    (request.all() ? 1 : 0);
  if (named == 1) return std::nullopt;
  return InvalidArgument{"key", named == 0
                                    ? "name a key or a filter; to kick every connection, say all"
                                    : "only one of key, filter and all may be given"};
}

}  // namespace

std::variant<KickOrder, Refusal> kick_order(const v1::KickRequest& request,
                                            const std::string& operator_name) {
  KickOrder order;
  if (auto wrong = check_whom(request)) return *wrong;
  if (auto wrong = check_code(request)) return *wrong;
  if (!request.key().empty()) {
    if (auto wrong = check_key(request.key())) return *wrong;
  } else if (request.generation() != 0) {
    return InvalidArgument{"generation", "it belongs to one key"};
  }
  if (auto wrong = check_filter(request.filter(), order.filter)) return *wrong;
  auto note = steering_note(operator_name, request.reason());
  if (auto* wrong = std::get_if<Refusal>(&note)) return *wrong;
  order.key = request.key();
  order.generation = request.generation();
  order.dry_run = request.dry_run();
  order.steer = {.kind = Steer::Kind::kKick,
                 .code = request.code(),
                 .may_return = request.may_return(),
                 .note = std::get<std::string>(note)};
  if (request.code() == 0) order.steer.code = request.may_return() ? kMayReturn : kForGood;
  return order;
}

KickStream* KickStream::start(EngineThread& engine, Workers& workers, KickOrder order) {
  const std::shared_ptr<KickStream> stream(new KickStream(engine, workers, std::move(order)));
  stream->keep_alive();
  if (stream->order_.key.empty()) {
    stream->next_page();
  } else {
    stream->kick_one();
  }
  return stream.get();
}

// Its record is looked up as it surely stands, so that a key that does not exist is said so.
void KickStream::kick_one() {
  under_way_ = 1;
  last_page_ = true;
  engine_.ask(order_.key, Lookup{}, [self = shared()](const Answer& answer, Revision) {
    if (const auto* found = std::get_if<Found>(&answer)) {
      const Generation seen = self->order_.generation;
      SeenConnection connection{.key = self->order_.key, .record = found->record};
      if (seen != 0) connection.record.generation = seen;
      return self->steer(connection);
    }
    const auto* refusal = std::get_if<Refusal>(&answer);
    self->end(refusal != nullptr ? to_status(*refusal)
                                 : grpc::Status(grpc::StatusCode::INTERNAL, "another answer"));
  });
}

void KickStream::next_page() {
  ScanAsked asked{.ticket = 0, .after = after_, .limit = kPage, .live_only = true};
  asked.filter = order_.filter;
  engine_.scan(std::move(asked),
               [self = shared()](const Scanned& scanned) { self->take_page(scanned); });
}

void KickStream::take_page(const Scanned& scanned) {
  {
    const std::lock_guard lock(mutex_);
    after_ = scanned.next;
    last_page_ = scanned.next.empty();
    under_way_ = scanned.connections.size() + 1;  // this function itself
  }
  for (const SeenConnection& seen : scanned.connections) steer(seen);
  one_less();
}

void KickStream::steer(const SeenConnection& seen) {
  const Generation generation = seen.record.generation;
  if (order_.dry_run) {
    told(seen.key, generation, std::nullopt);
    return one_less();
  }
  Steer steer = order_.steer;
  steer.generation = generation;
  engine_.ask(seen.key, std::move(steer),
              [self = shared(), key = seen.key, generation](const Answer& answer, Revision) {
                const auto* refusal = std::get_if<Refusal>(&answer);
                self->told(key, generation,
                           refusal != nullptr ? std::optional(*refusal) : std::nullopt);
                self->one_less();
              });
}

void KickStream::told(const std::string& key, Generation generation,
                      const std::optional<Refusal>& refusal) {
  v1::KickResponse response;
  response.mutable_kicked()->set_key(key);
  response.mutable_kicked()->set_generation(generation);
  if (refusal) *response.mutable_kicked()->mutable_refusal() = to_proto(*refusal);
  if (!order_.dry_run) {
    log_notice("An operator kicks a connection.", {{"key", key},
                                                   {"generation", generation},
                                                   {"code", order_.steer.code},
                                                   {"may_return", order_.steer.may_return},
                                                   {"by", order_.steer.note},
                                                   {"refused", refusal.has_value()}});
  }
  {
    const std::lock_guard lock(mutex_);
    ++(refusal ? refused_ : kicked_);
  }
  push(std::move(response));
}

void KickStream::one_less() {
  {
    const std::lock_guard lock(mutex_);
    if (--under_way_ > 0) return;
    page_over_ = true;
  }
  if (queued() == 0) drained();
}

// Whoever interrupts it means that nobody else is to be kicked.
void KickStream::drained() {
  if (over()) return;
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(page_over_, false)) return;
  }
  if (last_page_) return finish_up();
  next_page();
}

void KickStream::finish_up() {
  v1::KickResponse response;
  response.mutable_done()->set_kicked(kicked_);
  response.mutable_done()->set_refused(refused_);
  push(std::move(response));
  end(grpc::Status::OK);
}

}  // namespace interlock
