#include "coordinator/service/admin_service.h"

#include <chrono>
#include <memory>

#include "common/version.h"
#include "coordinator/service/watch_stream.h"

namespace interlock {
namespace {

constexpr std::uint32_t kPageMax = 200;
constexpr std::uint32_t kOutboxEntriesMax = 64;
constexpr std::uint64_t kVisitsMax = 20'000;  // for one page

// One page is put together from as many scans as it takes; each scan is a bounded slice of the
// engine's time, and all of them together look at kVisitsMax records, about.
void fill_page(const ServiceParts& parts, grpc::ServerUnaryReactor* reactor,
               v1::ListResponse* response, ScanAsked asked, std::uint32_t page) {
  parts.engine.scan(asked, [parts, reactor, response, asked, page](Scanned scanned) {
    response->set_visited(response->visited() + scanned.visited);
    for (const SeenConnection& seen : scanned.connections) {
      to_proto(seen, v1::OBSERVED, response->add_connections());
    }
    const auto filled = static_cast<std::uint32_t>(response->connections_size());
    if (filled < page && !scanned.next.empty() && response->visited() < kVisitsMax) {
      ScanAsked rest = asked;
      rest.after = scanned.next;
      rest.limit = page - filled;
      fill_page(parts, reactor, response, std::move(rest), page);
      return;
    }
    response->set_next_page_token(scanned.next);
    finish(parts.workers, reactor, grpc::Status::OK);
  });
}

}  // namespace

AdminService::AdminService(ServiceParts parts, StatsSource stats)
    : parts_(parts),
      stats_(std::move(stats)),
      started_unix_ms_(std::chrono::duration_cast<std::chrono::milliseconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count()) {}

grpc::ServerUnaryReactor* AdminService::Get(grpc::CallbackServerContext* context,
                                            const v1::GetRequest* request,
                                            v1::Connection* response) {
  constexpr std::string_view method = "interlock.v1.Admin.Get";
  Checked<Lookup> lookup = Lookup{};
  if (auto wrong = check_key(request->key())) lookup = *wrong;
  const bool latest = request->consistency() == v1::LATEST;
  if (latest || std::holds_alternative<Refusal>(lookup)) {
    return answer_command<Found, Lookup>(
        parts_, context, method, request->key(), std::move(lookup),
        [request, response](const Found& found, Revision revision) {
          const SeenConnection seen{request->key(), found.record, revision, found.owner_attached,
                                    found.orphaned, found.unacknowledged_ms};
          to_proto(seen, v1::LATEST, response);
        });
  }
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (grpc::Status allowed = parts_.authorizer.authorize(*context, method); !allowed.ok()) {
    reactor->Finish(std::move(allowed));
    return reactor;
  }
  parts_.engine.observe(request->key(), [reactor, response, &workers = parts_.workers](
                                            std::optional<SeenConnection> seen) {
    if (seen) to_proto(*seen, v1::OBSERVED, response);
    finish(workers, reactor, seen ? grpc::Status::OK : to_status(Refusal{NotFound{}}));
  });
  return reactor;
}

grpc::ServerUnaryReactor* AdminService::List(grpc::CallbackServerContext* context,
                                             const v1::ListRequest* request,
                                             v1::ListResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  grpc::Status allowed = parts_.authorizer.authorize(*context, "interlock.v1.Admin.List");
  std::shared_ptr<const ConnectionFilter> filter;
  if (auto wrong = check_filter(request->filter(), filter); wrong && allowed.ok()) {
    allowed = to_status(*wrong);
  }
  if (allowed.ok() && request->page_size() > kPageMax) {
    allowed = to_status(InvalidArgument{"page_size", "at most 200"});
  }
  if (!allowed.ok()) {
    reactor->Finish(std::move(allowed));
    return reactor;
  }
  const std::uint32_t page = request->page_size() == 0 ? kPageMax : request->page_size();
  fill_page(parts_, reactor, response,
            ScanAsked{.after = request->page_token(),
                      .limit = page,
                      .live_only = request->live_only(),
                      .filter = std::move(filter)},
            page);
  return reactor;
}

grpc::ServerUnaryReactor* AdminService::History(grpc::CallbackServerContext* context,
                                                const v1::HistoryRequest* request,
                                                v1::HistoryResponse* response) {
  Checked<Lookup> lookup = Lookup{};
  if (auto wrong = check_key(request->key())) lookup = *wrong;
  return answer_command<Found, Lookup>(parts_, context, "interlock.v1.Admin.History",
                                       request->key(), std::move(lookup),
                                       [response](const Found& found, Revision) {
                                         to_proto(found.record.transitions,
                                                  found.record.transitions_total,
                                                  response->mutable_entries());
                                       });
}

grpc::ServerWriteReactor<v1::WatchResponse>* AdminService::Watch(
    grpc::CallbackServerContext* context, const v1::WatchRequest* request) {
  grpc::Status allowed = parts_.authorizer.authorize(*context, "interlock.v1.Admin.Watch");
  std::shared_ptr<const ConnectionFilter> filter;
  if (auto wrong = check_filter(request->filter(), filter); wrong && allowed.ok()) {
    allowed = to_status(*wrong);
  }
  if (allowed.ok() && !request->key().empty()) {
    if (auto wrong = check_key(request->key())) allowed = to_status(*wrong);
  }
  if (!allowed.ok()) return new RefusedStream<v1::WatchResponse>(std::move(allowed));
  WatchStream* watch = WatchStream::start(parts_.engine, parts_.workers, request->key(),
                                          std::move(filter), request->from_revision());
  let_stand(parts_, context, "interlock.v1.Admin.Watch", *watch);
  return watch;
}

grpc::ServerUnaryReactor* AdminService::Explain(grpc::CallbackServerContext* context,
                                                const v1::ExplainRequest* request,
                                                v1::ExplainResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  grpc::Status allowed = parts_.authorizer.authorize(*context, "interlock.v1.Admin.Explain");
  if (auto wrong = check_key(request->key()); wrong && allowed.ok()) allowed = to_status(*wrong);
  if (!allowed.ok()) {
    reactor->Finish(std::move(allowed));
    return reactor;
  }
  parts_.engine.explain(request->key(), [reactor, response, &workers = parts_.workers](
                                            const Explained& explained) {
    to_proto(explained, response);
    finish(workers, reactor, grpc::Status::OK);
  });
  return reactor;
}

grpc::ServerUnaryReactor* AdminService::ListGateways(grpc::CallbackServerContext* context,
                                                     const v1::ListGatewaysRequest*,
                                                     v1::ListGatewaysResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  grpc::Status allowed = parts_.authorizer.authorize(*context, "interlock.v1.Admin.ListGateways");
  if (!allowed.ok()) {
    reactor->Finish(std::move(allowed));
    return reactor;
  }
  parts_.engine.gateways([reactor, response, &parts = parts_](const GatewaysSeen& seen) {
    for (const SeenGateway& gateway : seen.gateways) {
      to_proto(gateway, parts.engine.tick_ms(), response->add_gateways());
    }
    finish(parts.workers, reactor, grpc::Status::OK);
  });
  return reactor;
}

grpc::ServerUnaryReactor* AdminService::Outbox(grpc::CallbackServerContext* context,
                                               const v1::OutboxRequest* request,
                                               v1::OutboxResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  grpc::Status allowed = parts_.authorizer.authorize(*context, "interlock.v1.Admin.Outbox");
  if (auto wrong = check_key(request->key()); wrong && allowed.ok()) allowed = to_status(*wrong);
  if (request->limit() > kOutboxEntriesMax && allowed.ok()) {
    allowed = to_status(InvalidArgument{"limit", "at most 64"});
  }
  if (!allowed.ok()) {
    reactor->Finish(std::move(allowed));
    return reactor;
  }
  const std::uint32_t limit = request->limit() == 0 ? kOutboxEntriesMax : request->limit();
  parts_.engine.outbox(
      request->key(), request->after(), limit,
      [reactor, response, &workers = parts_.workers](const OutboxSeen& seen) {
        if (!seen.connection) return finish(workers, reactor, to_status(Refusal{NotFound{}}));
        if (!seen.events.ok()) {
          return finish(workers, reactor, {grpc::StatusCode::UNAVAILABLE,
                                           "the store could not be read; try again: " +
                                               std::string(seen.events.status().message())});
        }
        response->set_held(outbox_events(seen.connection->record));
        for (const OutboxEvent& event : *seen.events) to_proto(event, response->add_entries());
        finish(workers, reactor, grpc::Status::OK);
      });
  return reactor;
}

grpc::ServerUnaryReactor* AdminService::Stats(grpc::CallbackServerContext* context,
                                              const v1::StatsRequest*,
                                              v1::StatsResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  grpc::Status allowed = parts_.authorizer.authorize(*context, "interlock.v1.Admin.Stats");
  if (!allowed.ok()) {
    reactor->Finish(std::move(allowed));
    return reactor;
  }
  const auto counts = parts_.engine.connections_by_state();
  std::uint64_t records = 0;
  for (const State state : kStates) {
    const std::size_t count = counts[static_cast<std::size_t>(state)];
    (*response->mutable_connections_by_state())[std::string(name_of(state))] = count;
    records += count;
  }
  response->set_records(records);
  response->set_gateways(parts_.engine.live_gateways());
  response->set_store_away(parts_.engine.store_away());
  response->set_store_short_of_room(parts_.engine.short_of_room());
  response->set_tick(parts_.engine.tick());
  response->set_version(std::string(version()));
  response->set_started_unix_ms(started_unix_ms_);
  const EngineTally tally = parts_.engine.tally();
  response->set_watchers(tally.watchers);
  response->set_outbox_events(tally.outbox_events);
  response->set_outbox_bytes(tally.outbox_bytes);
  response->set_feed_lag_ms(tally.feed_lag_ms);
  for (const std::string& key : tally.flapping_keys) response->add_flapping_keys(key);
  if (stats_) stats_(*response);
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace interlock
