// What changes connections and gateways, for operators.
#include "common/log.h"
#include "coordinator/service/admin_service.h"
#include "coordinator/service/kick_stream.h"

namespace interlock {
namespace {

constexpr std::uint32_t kDrainPerS = 100;
constexpr std::uint32_t kDrainPerSMax = 100'000;

std::optional<Refusal> check_drain(const v1::DrainGatewayRequest& request) {
  if (auto wrong = check_gateway_id(request.gateway_id())) return wrong;
  if (request.per_s() > kDrainPerSMax) return InvalidArgument{"per_s", "at most 100,000"};
  return std::nullopt;
}

}  // namespace

grpc::ServerWriteReactor<v1::KickResponse>* AdminService::Kick(grpc::CallbackServerContext* context,
                                                               const v1::KickRequest* request) {
  using Refused = RefusedStream<v1::KickResponse>;
  grpc::Status allowed = parts_.authorizer.authorize(*context, "interlock.v1.Admin.Kick");
  if (!allowed.ok()) return new Refused(std::move(allowed));
  const std::string who = parts_.authorizer.caller(*context);
  auto order = kick_order(*request, who);
  if (const auto* refusal = std::get_if<Refusal>(&order)) return new Refused(to_status(*refusal));
  log_notice("An operator asks for a kick.", {{"operator", who},
                                              {"key", request->key()},
                                              {"filter", request->filter()},
                                              {"all", request->all()},
                                              {"dry_run", request->dry_run()},
                                              {"reason", request->reason()}});
  return KickStream::start(parts_.engine, parts_.workers, std::get<KickOrder>(std::move(order)));
}

grpc::ServerUnaryReactor* AdminService::ForceRelease(grpc::CallbackServerContext* context,
                                                     const v1::ForceReleaseRequest* request,
                                                     v1::ForceReleaseResponse*) {
  const std::string who = parts_.authorizer.caller(*context);
  const auto checked = [&]() -> Checked<Steer> {
    if (auto wrong = check_key(request->key())) return *wrong;
    if (request->generation() == 0) {
      return Refusal{InvalidArgument{"generation", "name the one that you have seen"}};
    }
    auto note = steering_note(who, request->reason());
    if (auto* wrong = std::get_if<Refusal>(&note)) return *wrong;
    return Steer{.kind = Steer::Kind::kRelease,
                 .generation = request->generation(),
                 .note = std::get<std::string>(note)};
  };
  constexpr std::string_view method = "interlock.v1.Admin.ForceRelease";
  if (parts_.authorizer.authorize(*context, method).ok()) {
    log_notice("An operator asks to release a connection by force.",
               {{"operator", who},
                {"key", request->key()},
                {"generation", request->generation()},
                {"reason", request->reason()}});
  }
  return answer_command<Settled, Steer>(parts_, context, method, request->key(), checked(),
                                        [](const Settled&, Revision) {});
}

grpc::ServerUnaryReactor* AdminService::DrainGateway(grpc::CallbackServerContext* context,
                                                     const v1::DrainGatewayRequest* request,
                                                     v1::DrainGatewayResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  grpc::Status allowed = parts_.authorizer.authorize(*context, "interlock.v1.Admin.DrainGateway");
  const std::string who = parts_.authorizer.caller(*context);
  auto note = steering_note(who, request->reason());
  if (auto wrong = check_drain(*request); wrong && allowed.ok()) allowed = to_status(*wrong);
  if (auto* wrong = std::get_if<Refusal>(&note); wrong != nullptr && allowed.ok()) {
    allowed = to_status(*wrong);
  }
  if (!allowed.ok()) {
    reactor->Finish(std::move(allowed));
    return reactor;
  }
  const std::uint32_t per_s = request->per_s() == 0 ? kDrainPerS : request->per_s();
  log_notice("An operator drains a gateway.", {{"operator", who},
                                               {"gateway", request->gateway_id()},
                                               {"per_s", per_s},
                                               {"reason", request->reason()}});
  parts_.engine.drain(
      request->gateway_id(), per_s,
      [reactor, response, &parts = parts_, id = request->gateway_id()](const Answer& answer,
                                                                       Revision) {
        if (const auto* refusal = std::get_if<Refusal>(&answer)) {
          return finish(parts.workers, reactor, to_status(*refusal));
        }
        parts.engine.gateways([reactor, response, &parts, id](const GatewaysSeen& seen) {
          for (const SeenGateway& gateway : seen.gateways) {
            if (gateway.gateway_id == id) response->set_connections(gateway.connections);
          }
          finish(parts.workers, reactor, grpc::Status::OK);
        });
      });
  return reactor;
}

}  // namespace interlock
