// How the tool reaches its coordinator, whichever service of it is asked.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "coordinator/ctl/call_failure.h"
#include "coordinator/ctl/failure.h"
#include "coordinator/ctl/interruption.h"
#include "coordinator/ctl/settings.h"

namespace interlock {

// Each call waits for its answer, at most for the settings' timeout, and is tried once: the
// operator decides about trying again.
class CoordinatorCaller {
 public:
  template <typename Stub, typename Request, typename Response>
  using Method = grpc::Status (Stub::*)(grpc::ClientContext*, const Request&, Response*);

  // INVALID_ARGUMENT or what the system said when the token cannot be read. Does not connect yet,
  // unless several coordinators are named: then it takes the first that can be reached within the
  // timeout, and the first of all when there is none. Once `stop` is asked for, calls under way end
  // early, in whatever failure, and so do all that begin later.
  static absl::StatusOr<CoordinatorCaller> make(const ToolSettings& settings,
                                                std::stop_token stop = {});

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  const ServiceTarget& coordinator() const { return settings_.coordinator; }

  template <typename Stub, typename Request, typename Response>
  Outcome call(Stub& stub, Method<Stub, Request, Response> method, const Call& what,
               const Request& request, Response& answer) {
    grpc::ClientContext context;
    prepare(context);
    const std::stop_callback cancel(stop_, [&context] { context.TryCancel(); });
    const grpc::Status status = (stub.*method)(&context, request, &answer);
    if (status.ok()) return std::nullopt;
    return failure(status, what, connected());
  }

  // Calls `take` for each answer until it returns false, the coordinator ends the stream, a signal
  // comes, or nobody reads `output_fd` any more. Only reaching the coordinator has the timeout.
  template <typename Response>
  Outcome follow(
      const Call& what, const HeldSignals& signals, int output_fd,
      const std::function<std::unique_ptr<grpc::ClientReader<Response>>(grpc::ClientContext*)>&
          open,
      const std::function<bool(const Response&)>& take) {
    grpc::ClientContext context;
    const Interruption interruption(signals, output_fd, [&context] { context.TryCancel(); });
    return follow<Response>(what, context, [&] { return interruption.happened(); }, open, take);
  }
  // The same, until `stop` is asked for.
  template <typename Response>
  Outcome follow(
      const Call& what, const std::stop_token& stop,
      const std::function<std::unique_ptr<grpc::ClientReader<Response>>(grpc::ClientContext*)>&
          open,
      const std::function<bool(const Response&)>& take) {
    grpc::ClientContext context;
    const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
    return follow<Response>(what, context, [&] { return stop.stop_requested(); }, open, take);
  }

  void authorize(grpc::ClientContext& context) const;
  // Returns when there is a connection, or it is known that there is none: the call itself then
  // says why. False: neither in time, or `stopped`.
  bool connect_in_time(const std::function<bool()>& stopped);
  bool connect_in_time() {
    return connect_in_time([this] { return stop_.stop_requested(); });
  }
  const std::stop_token& stop() const { return stop_; }
  bool connected() const;
  Failure failure(const grpc::Status& status, const Call& what, bool reached) const;

 private:
  struct Tokens {
    std::string token;
    std::string identity;  // empty: none
  };
  CoordinatorCaller(ToolSettings settings, Tokens tokens, std::stop_token stop);

  // `stopped` becomes true before the call is cancelled.
  template <typename Response>
  Outcome follow(
      const Call& what, grpc::ClientContext& context, const std::function<bool()>& stopped,
      const std::function<std::unique_ptr<grpc::ClientReader<Response>>(grpc::ClientContext*)>&
          open,
      const std::function<bool(const Response&)>& take) {
    authorize(context);
    if (!connect_in_time(stopped)) {
      if (stopped()) return std::nullopt;
      return failure(grpc::Status(grpc::DEADLINE_EXCEEDED, ""), what, false);
    }
    const bool reached = connected();
    const auto reader = open(&context);
    Response answer;
    bool wanted = true;
    while (wanted && reader->Read(&answer)) wanted = take(answer);
    if (!wanted) context.TryCancel();
    const grpc::Status status = reader->Finish();
    if (status.ok() || !wanted || stopped()) return std::nullopt;
    return failure(status, what, reached);
  }

  void prepare(grpc::ClientContext& context) const;

  ToolSettings settings_;
  Tokens tokens_;
  std::shared_ptr<grpc::Channel> channel_;
  std::stop_token stop_;
};

}  // namespace interlock
