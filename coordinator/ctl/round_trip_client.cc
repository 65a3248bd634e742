#include "coordinator/ctl/round_trip_client.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <utility>
#include <variant>

#include "coordinator/ctl/round_trip_words.h"
#include "coordinator/ctl/text.h"

namespace interlock {
namespace {

namespace json = boost::json;

std::uint64_t number_in(const json::object& frame, const char* name) {
  const json::value* value = frame.if_contains(name);
  if (value == nullptr || !value->is_int64() || value->as_int64() < 0) return 0;
  return static_cast<std::uint64_t>(value->as_int64());
}

std::string text_in(const json::object& frame, const char* name) {
  const json::value* value = frame.if_contains(name);
  return value != nullptr && value->is_string() ? value->as_string().c_str() : "";
}

bool is_true(const json::object& frame, const char* name) {
  const json::value* value = frame.if_contains(name);
  return value != nullptr && value->is_bool() && value->as_bool();
}

Failure broken(std::string sentence) {
  return {.code = ExitCode::kFailed, .sentence = std::move(sentence)};
}

}  // namespace

Outcome RoundTripClient::connect(const std::string& url) {
  greeted_ = ready_ = open_ = false;
  const SocketOpening opening = world_.open(url, query());
  if (const auto* unreached = std::get_if<SocketUnreached>(&opening)) {
    return unreached_gateway(url, *unreached);
  }
  if (const auto* refused = std::get_if<SocketRefused>(&opening)) {
    return refused_upgrade(url, *refused);
  }
  open_ = true;
  return read_until([this] { return ready_; }, "`ready`");
}

Outcome RoundTripClient::wait_for(std::uint64_t sequence) {
  return read_until([&] { return last_ >= sequence; }, fmt::format("event {}", sequence));
}

void RoundTripClient::acknowledge() {
  world_.send(fmt::format("{{\"type\":\"ack\",\"seq\":{}}}", last_));
}

void RoundTripClient::cut() {
  world_.cut();
  open_ = false;
}

Outcome RoundTripClient::close() {
  open_ = false;
  const SocketEnd end = world_.close();
  if (end.code == 1000) return std::nullopt;
  return broken(
      fmt::format("A close with 1000 was answered with {}: what stands between this tool "
                  "and the gateway may end sockets on its own.",
                  describe_end(end)));
}

std::string RoundTripClient::query() const {
  std::string query = "session=" + session_;
  if (generation_ == 0) return query;
  return query +
         fmt::format("&last_seq={}&seq_gen={}&gen={}&try=1", last_, generation_, generation_);
}

Outcome RoundTripClient::read_until(const std::function<bool()>& done, const std::string& what) {
  const std::int64_t deadline_ms = world_.now_ms() + patience_ms_;
  while (!done()) {
    const std::int64_t left_ms = deadline_ms - world_.now_ms();
    const SocketNews news = left_ms > 0 ? world_.read(left_ms) : SocketSilence{};
    if (const auto* end = std::get_if<SocketEnd>(&news)) {
      open_ = false;
      return broken(fmt::format("The gateway closed the socket before {} with {}.", what,
                                describe_end(*end)));
    }
    if (std::holds_alternative<SocketSilence>(news)) {
      return Failure{ExitCode::kFailed, fmt::format("There was no {} within {}.", what,
                                                    format_duration_ms(patience_ms_))};
    }
    if (Outcome outcome = take(std::get<SocketFrame>(news).text)) return outcome;
  }
  return std::nullopt;
}

Outcome RoundTripClient::take(const std::string& text) {
  json::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_object()) {
    return broken(
        "The gateway sent a frame that is not a JSON object: is it an Interlock gateway?");
  }
  const json::object& frame = value.as_object();
  const std::string type = text_in(frame, "type");
  if (type == "hello") {
    return take_hello({.key = text_in(frame, "key"),
                       .generation = number_in(frame, "generation"),
                       .next = number_in(frame, "next_seq"),
                       .resumed = is_true(frame, "resumed")});
  }
  if (!greeted_) return broken("The gateway's first frame was no `hello`.");
  if (type == "ready") {
    ready_ = true;
    state_ = text_in(frame, "state");
  } else if (type == "event" && number_in(frame, "seq") > 0) {
    return take_event(number_in(frame, "seq"));
  } else if (type == "expired") {
    return broken(fmt::format("Event {} arrived as expired, though it had no time to live.",
                              number_in(frame, "seq")));
  } else if (type == "lost") {
    return broken(fmt::format("The gateway says that continuity is lost: {}.",
                              escape_control(text_in(frame, "reason"))));
  }
  return std::nullopt;  // what is neither durable nor about the sequence
}

Outcome RoundTripClient::take_hello(const Hello& hello) {
  const bool again = generation_ != 0;
  greeted_ = true;
  resumed_ = hello.resumed;
  if (again && hello.key != key_) {
    return broken(
        fmt::format("The second gateway calls the connection {}, the first called it {}: "
                    "do both know the same tokens?",
                    escape_control(hello.key), escape_control(key_)));
  }
  if (again && (!hello.resumed || hello.next != last_ + 1)) {
    return broken(
        fmt::format("The connection was not resumed: the client had seen up to event {}, "
                    "and the gateway goes on with {}{}. Do both gateways ask coordinators "
                    "of the same store?",
                    last_, hello.next, hello.resumed ? "" : " in another sequence"));
  }
  if (again && hello.generation <= generation_) {
    return broken(fmt::format("The generation did not rise: {} was followed by {}.", generation_,
                              hello.generation));
  }
  generation_ = hello.generation;
  key_ = hello.key;
  if (!again) last_ = hello.next > 0 ? hello.next - 1 : 0;
  return std::nullopt;
}

Outcome RoundTripClient::take_event(std::uint64_t sequence) {
  if (sequence == last_ + 1) {
    last_ = sequence;
    return std::nullopt;
  }
  if (sequence <= last_) {
    return broken(fmt::format("Event {} came a second time, behind {}.", sequence, last_));
  }
  return broken(fmt::format("Out of order: event {} came where {} was due.", sequence, last_ + 1));
}

}  // namespace interlock
