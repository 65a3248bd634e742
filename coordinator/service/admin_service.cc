#include "coordinator/service/admin_service.h"

#include "coordinator/service/watch_stream.h"

namespace interlock {
namespace {

constexpr std::uint32_t kPageMax = 200;

class RefusedWatch final : public grpc::ServerWriteReactor<v1::WatchResponse> {
 public:
  explicit RefusedWatch(grpc::Status status) { Finish(std::move(status)); }
  void OnDone() override { delete this; }
};

grpc::Status unimplemented(const char* what) {
  return {grpc::StatusCode::UNIMPLEMENTED,
          std::string(what) + " is not there in this version of the coordinator"};
}

// One page is put together from as many scans as it takes; each scan is a bounded slice of the
// engine's time.
void fill_page(const ServiceParts& parts, grpc::ServerUnaryReactor* reactor,
               v1::ListResponse* response, ScanAsked asked, std::uint32_t page) {
  parts.engine.scan(asked, [parts, reactor, response, asked, page](Scanned scanned) {
    for (const SeenConnection& seen : scanned.connections) {
      to_proto(seen, v1::OBSERVED, response->add_connections());
    }
    const auto filled = static_cast<std::uint32_t>(response->connections_size());
    if (filled < page && !scanned.next.empty()) {
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
                                    found.orphaned};
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
  if (allowed.ok() && !request->filter().empty()) allowed = unimplemented("a filter");
  if (allowed.ok() && request->page_size() > kPageMax) {
    allowed = to_status(InvalidArgument{"page_size", "at most 200"});
  }
  if (!allowed.ok()) {
    reactor->Finish(std::move(allowed));
    return reactor;
  }
  const std::uint32_t page = request->page_size() == 0 ? kPageMax : request->page_size();
  fill_page(parts_, reactor, response,
            ScanAsked{0, request->page_token(), page, request->live_only()}, page);
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
  if (allowed.ok() && request->from_revision() != 0) allowed = unimplemented("from_revision");
  if (allowed.ok() && !request->key().empty()) {
    if (auto wrong = check_key(request->key())) allowed = to_status(*wrong);
  }
  if (!allowed.ok()) return new RefusedWatch(std::move(allowed));
  return WatchStream::start(parts_.engine, parts_.workers, request->key()).get();
}

}  // namespace interlock
