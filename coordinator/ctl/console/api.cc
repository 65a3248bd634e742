#include "coordinator/ctl/console/api.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <array>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>
#include <cstdint>
#include <map>
#include <optional>

#include "common/version.h"
#include "coordinator/ctl/json.h"
#include "coordinator/ctl/lifecycle_drawing.h"
#include "coordinator/ctl/refusal.h"

namespace interlock {
namespace {

using Query = std::map<std::string, std::string, std::less<>>;

int status_of(ExitCode code) {
  switch (code) {
    case ExitCode::kOk:
      return 200;
    case ExitCode::kUsage:
      return 400;
    case ExitCode::kNotFound:
      return 404;
    case ExitCode::kRefused:
      return 409;
    case ExitCode::kUnavailable:
      return 503;
    case ExitCode::kFailed:
      break;
  }
  return 502;
}

ApiAnswer failed(const Failure& failure) {
  return {status_of(failure.code), error_json(failure.sentence, reason_of(failure.code))};
}

ApiAnswer wrong(std::string_view sentence) {
  return failed({ExitCode::kUsage, std::string(sentence)});
}

ApiAnswer answered(const Outcome& outcome, const google::protobuf::Message& answer) {
  return outcome ? failed(*outcome) : ApiAnswer{200, json_line(answer)};
}

std::string value_in(const Query& query, std::string_view name) {
  const auto found = query.find(name);
  return found == query.end() ? "" : found->second;
}

// 0 when it is left out; nothing when it is no number.
std::optional<std::uint64_t> number_in(const Query& query, std::string_view name) {
  const std::string text = value_in(query, name);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!text.empty() && !whole) return std::nullopt;
  return number;
}

// ---- Looking ----

ApiAnswer about(Coordinators& coordinators, const Query&) {
  boost::json::array addresses;
  for (const std::string& address : coordinators.addresses()) addresses.emplace_back(address);
  return {200, boost::json::serialize(boost::json::object{{"coordinators", std::move(addresses)},
                                                          {"version", std::string(version())}})};
}

// One object a line, made one array.
ApiAnswer lifecycle_table(Coordinators&, const Query&) {
  std::string rows = lifecycle_json();
  if (rows.ends_with('\n')) rows.pop_back();
  for (char& c : rows) c = c == '\n' ? ',' : c;
  return {200, fmt::format("[{}]", rows)};
}

ApiAnswer stats(Coordinators& coordinators, const Query& query) {
  const auto number = number_in(query, "coordinator");
  if (!number || *number >= coordinators.addresses().size()) {
    return wrong("There is no coordinator of that number; /api/about lists them from 0.");
  }
  v1::StatsResponse answer;
  return answered(coordinators.client(*number).stats(answer), answer);
}

ApiAnswer gateways(Coordinators& coordinators, const Query&) {
  v1::ListGatewaysResponse answer;
  return answered(coordinators.read([&](AdminClient& client) { return client.gateways(answer); }),
                  answer);
}

ApiAnswer get(Coordinators& coordinators, const Query& query) {
  v1::GetRequest request;
  request.set_key(value_in(query, "key"));
  v1::Connection answer;
  return answered(coordinators.read([&](AdminClient& c) { return c.get(request, answer); }),
                  answer);
}

ApiAnswer history(Coordinators& coordinators, const Query& query) {
  v1::HistoryRequest request;
  request.set_key(value_in(query, "key"));
  v1::HistoryResponse answer;
  return answered(coordinators.read([&](AdminClient& c) { return c.history(request, answer); }),
                  answer);
}

ApiAnswer explain(Coordinators& coordinators, const Query& query) {
  v1::ExplainRequest request;
  request.set_key(value_in(query, "key"));
  v1::ExplainResponse answer;
  return answered(coordinators.read([&](AdminClient& c) { return c.explain(request, answer); }),
                  answer);
}

ApiAnswer outbox(Coordinators& coordinators, const Query& query) {
  const auto after = number_in(query, "after");
  if (!after) return wrong("`after` is the number of an event, from 0.");
  v1::OutboxRequest request;
  request.set_key(value_in(query, "key"));
  request.set_after(*after);
  v1::OutboxResponse answer;
  return answered(coordinators.read([&](AdminClient& c) { return c.outbox(request, answer); }),
                  answer);
}

// ---- Changing ----

std::optional<ApiAnswer> unreadable(const std::string& body, google::protobuf::Message& request) {
  const auto status = google::protobuf::util::JsonStringToMessage(body, &request);
  if (status.ok()) return std::nullopt;
  return wrong(fmt::format("The body is not the JSON of a {}.", request.GetDescriptor()->name()));
}

// One connection that was seen: the console has no button for many.
ApiAnswer kick(Coordinators& coordinators, const std::string& body) {
  v1::KickRequest request;
  if (auto answer = unreadable(body, request)) return *std::move(answer);
  if (request.key().empty() || request.generation() == 0 || request.all() ||
      !request.filter().empty()) {
    return wrong(
        "The console kicks one connection, named by its key and the generation seen; "
        "interlockctl kick can do more.");
  }
  v1::KickResponse answer;
  const auto take = [&answer](const v1::KickResponse& one) {
    if (one.has_kicked()) answer = one;
    return true;
  };
  const Outcome outcome = coordinators.client(coordinators.preferred()).kick(request, take);
  if (!outcome && answer.kicked().has_refusal()) {
    return failed({ExitCode::kRefused, human_sentence(answer.kicked().refusal(), request.key())});
  }
  return answered(outcome, answer);
}

ApiAnswer release(Coordinators& coordinators, const std::string& body) {
  v1::ForceReleaseRequest request;
  if (auto answer = unreadable(body, request)) return *std::move(answer);
  if (request.generation() == 0) return wrong("A release names the generation that was seen.");
  return answered(coordinators.client(coordinators.preferred()).release(request),
                  v1::ForceReleaseResponse());
}

ApiAnswer drain(Coordinators& coordinators, const std::string& body) {
  v1::DrainGatewayRequest request;
  if (auto answer = unreadable(body, request)) return *std::move(answer);
  v1::DrainGatewayResponse done;
  return answered(coordinators.client(coordinators.preferred()).drain(request, done), done);
}

// ---- Which is which ----

struct Look {
  std::string_view path;
  ApiAnswer (*answer)(Coordinators&, const Query&);
};
constexpr std::array looks{Look{"/api/about", about},     Look{"/api/lifecycle", lifecycle_table},
                           Look{"/api/stats", stats},     Look{"/api/gateways", gateways},
                           Look{"/api/get", get},         Look{"/api/history", history},
                           Look{"/api/explain", explain}, Look{"/api/outbox", outbox}};

struct Change {
  std::string_view path;
  ApiAnswer (*answer)(Coordinators&, const std::string&);
};
constexpr std::array changes{Change{"/api/kick", kick}, Change{"/api/release", release},
                             Change{"/api/drain", drain}};

ApiAnswer change(Coordinators& coordinators, const Change& change, const ApiRequest& request) {
  if (request.method != "POST") return {405, error_json("This changes something: POST.", "usage")};
  if (!request.content_type.starts_with("application/json")) {
    return {415, error_json("What changes something is sent as application/json.", "usage")};
  }
  return change.answer(coordinators, request.body);
}

}  // namespace

ApiAnswer answer_api(Coordinators& coordinators, const ApiRequest& request) {
  const auto target = boost::urls::parse_origin_form(request.target);
  if (!target) return wrong("The address cannot be read.");
  const std::string path(target->encoded_path().data(), target->encoded_path().size());
  Query query;
  for (const auto& parameter : target->params()) query[parameter.key] = parameter.value;
  for (const Look& look : looks) {
    if (look.path != path) continue;
    if (request.method == "GET") return look.answer(coordinators, query);
    return {405, error_json("This only looks: GET.", "usage")};
  }
  for (const Change& one : changes) {
    if (one.path == path) return change(coordinators, one, request);
  }
  return {404, error_json("The console has no such address.", "not_found")};
}

std::string error_json(std::string_view sentence, std::string_view reason) {
  return boost::json::serialize(
      boost::json::object{{"error", boost::json::string_view(sentence.data(), sentence.size())},
                          {"reason", boost::json::string_view(reason.data(), reason.size())}});
}

std::string_view reason_of(ExitCode code) {
  switch (code) {
    case ExitCode::kOk:
      return "ok";
    case ExitCode::kUsage:
      return "usage";
    case ExitCode::kNotFound:
      return "not_found";
    case ExitCode::kRefused:
      return "refused";
    case ExitCode::kUnavailable:
      return "unavailable";
    case ExitCode::kFailed:
      break;
  }
  return "failed";
}

}  // namespace interlock
