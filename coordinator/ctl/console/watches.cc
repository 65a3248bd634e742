#include "coordinator/ctl/console/watches.h"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "coordinator/ctl/console/api.h"
#include "coordinator/ctl/json.h"

namespace interlock {
namespace {

namespace json = boost::json;

// Between two attempts to go on with a watch whose coordinator has gone.
constexpr std::chrono::milliseconds pause_between_attempts{500};

std::string text_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains({name.data(), name.size()});
  if (value == nullptr || !value->is_string()) return "";
  return {value->get_string().data(), value->get_string().size()};
}

// A whole number that is not negative, or one as text, as proto JSON writes them.
std::optional<std::uint64_t> number_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains({name.data(), name.size()});
  if (value == nullptr) return std::nullopt;
  if (value->is_int64() && value->get_int64() >= 0) {
    return static_cast<std::uint64_t>(value->get_int64());
  }
  if (!value->is_string()) return std::nullopt;
  const std::string text = text_in(object, name);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// False: `stop` was asked for meanwhile.
bool pause(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  woken.wait_for(lock, stop, pause_between_attempts, [] { return false; });
  return !stop.stop_requested();
}

std::string response_of(std::uint64_t id, const v1::WatchResponse& response) {
  std::string body = json_line(response);
  body.pop_back();
  return fmt::format("{{\"watch\":{},\"response\":{}}}", id, body);
}

std::string ending_of(std::uint64_t id, const Failure& failure) {
  const std::string_view reason = reason_of(failure.code);
  return json::serialize(
      json::object{{"watch", id}, {"error", failure.sentence}, {"reason", std::string(reason)}});
}

}  // namespace

bool Watches::obey(std::string_view frame) {
  json::error_code error;
  const json::value value = json::parse({frame.data(), frame.size()}, error);
  if (error || !value.is_object()) return false;
  const json::object& object = value.get_object();
  if (const auto id = number_in(object, "unwatch")) {
    stop(*id);
    return true;
  }
  const auto id = number_in(object, "watch");
  if (!id) return false;
  if (!make_room()) return false;
  v1::WatchRequest request;
  request.set_key(text_in(object, "key"));
  request.set_filter(text_in(object, "filter"));
  request.set_from_revision(number_in(object, "from_revision").value_or(0));
  start(*id, std::move(request));
  return true;
}

// Those that have ended leave; for one too many, those that are about to are waited for.
bool Watches::make_room() {
  watches_.remove_if([](const Watch& watch) { return watch.ended.load(); });
  if (watches_.size() < watches_max) return true;
  watches_.remove_if(
      [](const Watch& watch) { return watch.thread.get_stop_token().stop_requested(); });
  return watches_.size() < watches_max;
}

void Watches::start(std::uint64_t id, v1::WatchRequest request) {
  Watch& watch = watches_.emplace_back();
  watch.id = id;
  watch.thread =
      std::jthread([this, id, &watch, wanted = std::move(request)](const std::stop_token& stop) {
        follow(id, wanted, stop);
        watch.ended = true;
      });
}

void Watches::stop(std::uint64_t id) {
  for (Watch& watch : watches_) {
    if (watch.id == id) watch.thread.request_stop();
  }
}

void Watches::end() {
  for (Watch& watch : watches_) watch.thread.request_stop();
  watches_.clear();
}

void Watches::follow(std::uint64_t id, v1::WatchRequest request, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const std::size_t number = coordinators_.preferred();
    const Outcome outcome = follow_once(id, coordinators_.client(number), request, stop);
    if (stop.stop_requested()) return;
    if (outcome && outcome->code != ExitCode::kUnavailable) {
      mailbox_.put(ending_of(id, *outcome), stop);
      return;
    }
    const std::string sentence = outcome ? outcome->sentence
                                         : fmt::format("The coordinator at {} has ended the watch.",
                                                       coordinators_.addresses()[number]);
    mailbox_.put(json::serialize(json::object{{"watch", id}, {"away", sentence}}), stop);
    coordinators_.prefer_another_than(number);
    if (!pause(stop)) return;
  }
}

// `request` keeps the place: where another attempt goes on.
Outcome Watches::follow_once(std::uint64_t id, AdminClient& client, v1::WatchRequest& request,
                             const std::stop_token& stop) {
  const v1::WatchRequest asked = request;
  return client.watch(asked, stop, [&](const v1::WatchResponse& response) {
    if (response.revision() > request.from_revision()) {
      request.set_from_revision(response.revision());
    }
    return mailbox_.put(response_of(id, response), stop);
  });
}

}  // namespace interlock
