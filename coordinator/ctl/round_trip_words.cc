#include "coordinator/ctl/round_trip_words.h"

#include <fmt/format.h>

#include "coordinator/ctl/text.h"

namespace interlock {
namespace {

// What the statuses of a gateway mean; another server's may mean anything.
std::string_view advice_on(unsigned status) {
  switch (status) {
    case 400:
      return "Is the session made of [A-Za-z0-9_-], and the gateway as new as this tool?";
    case 401:
      return "It wants a client's token: give one with --client_token_file=FILE.";
    case 403:
      return "Another subject holds this session, or an operator has ended it: use another "
             "--session, or look with interlockctl explain.";
    case 404:
      return "Is it a gateway, and is the path right? The socket is at /ws.";
    case 409:
      return "The session is in use elsewhere and is not to be taken over.";
    case 429:
      return "Some limit is reached: try again later, and look at interlockctl stats.";
    case 503:
      return "It is draining, or has no coordinator or store: look at interlockctl gateways.";
    default:
      return "Is it an Interlock gateway, and does what stands before it let WebSockets through?";
  }
}

ExitCode exit_code_of(unsigned status) {
  if (status == 401 || status == 403 || status == 409) return ExitCode::kRefused;
  return status == 429 || status == 503 ? ExitCode::kUnavailable : ExitCode::kFailed;
}

// By the band, which is what a client goes by.
std::string_view meaning_of(std::uint16_t code) {
  if (code == 1000) return "done";
  if (code == 1006) return "without a close frame: the network, or a process that died";
  if (code == 1011) return "a defect of the gateway: its log says more";
  if (code >= 4000 && code < 4200) return "for now: a client reconnects and resumes";
  if (code >= 4200 && code < 4500) return "a client gets a fresh token and resumes";
  if (code >= 4500 && code < 5000) return "for good: a client stops";
  return "not a code of Interlock";
}

}  // namespace

Failure unreached_gateway(const std::string& url, const SocketUnreached& unreached) {
  return {.code = ExitCode::kUnavailable,
          .sentence = fmt::format("Cannot reach the gateway at {} ({}): is it running, is that its "
                                  "--listen, and does a firewall let this through?",
                                  url, escape_control(unreached.why))};
}

Failure refused_upgrade(const std::string& url, const SocketRefused& refused) {
  std::string sentence =
      fmt::format("The gateway at {} refused the upgrade with {}", url, refused.status);
  if (!refused.message.empty()) sentence += ": " + escape_control(refused.message);
  if (refused.after_ms > 0) {
    sentence += fmt::format(" (again in {})",
                            format_duration_ms(static_cast<std::int64_t>(refused.after_ms)));
  }
  if (!sentence.ends_with('.')) sentence += '.';
  return {.code = exit_code_of(refused.status),
          .sentence = fmt::format("{} {}", sentence, advice_on(refused.status))};
}

std::string describe_end(const SocketEnd& end) {
  return fmt::format("{} ({}{})", end.code, meaning_of(end.code),
                     end.reason.empty() ? "" : "; it said: " + escape_control(end.reason));
}

}  // namespace interlock
