#include "coordinator/store/etcd/greeting.h"

#include <memory>
#include <utility>

#include "coordinator/store/etcd/versions.h"
#include "fmt/format.h"

namespace interlock::etcd {
namespace {

using etcdserverpb::StatusRequest;
using etcdserverpb::StatusResponse;
using etcdserverpb::TxnRequest;
using etcdserverpb::TxnResponse;

struct Greeting {
  Client& client;
  Touch& touch;
  const Layout& layout;
  std::function<void(absl::StatusOr<std::string> version)> done;
};
using Shared = std::shared_ptr<Greeting>;

// Two children: one writes the format where there is none, the other one reads it. Compares and
// permissions are looked at before anything is written.
TxnRequest format_request(const Layout& layout) {
  TxnRequest request = nested_put(layout.format(), std::string(kFormat));
  auto* child = request.mutable_success(0)->mutable_request_txn();
  auto* compare = child->add_compare();
  compare->set_target(etcdserverpb::Compare::MOD);
  compare->set_key(layout.format());
  compare->set_mod_revision(0);
  child->add_failure()->mutable_request_range()->set_key(layout.format());
  // etcd before 3.4.44 and 3.5.30 asks for no permission inside nested Txns; here it does.
  request.add_success()->mutable_request_range()->set_key(layout.format());
  return request;
}

absl::Status check_format(const TxnResponse& response) {
  if (response.responses_size() != 2) {
    return absl::InternalError("etcd answered something else than was asked.");
  }
  const TxnResponse& child = response.responses(0).response_txn();
  if (child.succeeded()) return absl::OkStatus();
  const auto& found = child.responses(0).response_range();
  if (found.kvs_size() == 1 && found.kvs(0).value() == kFormat) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "What etcd holds under this prefix was written by a newer coordinator: start that one, or "
      "name another prefix in --store.");
}

void ask_version(const Shared& greeting) {
  greeting->client.call<StatusRequest, StatusResponse>(
      status, {}, [greeting](Reply<StatusRequest, StatusResponse> reply) {
        if (reply.failure) return greeting->done(reply.failure->reason);
        absl::Status fit = check_version(reply.response.version());
        if (!fit.ok()) return greeting->done(fit);
        greeting->done(reply.response.version());
      });
}

void ask_format(const Shared& greeting) {
  greeting->client.call<TxnRequest, TxnResponse>(txn, format_request(greeting->layout),
                                                 [greeting](Reply<TxnRequest, TxnResponse> reply) {
                                                   if (reply.failure)
                                                     return greeting->done(reply.failure->reason);
                                                   absl::Status fit = check_format(reply.response);
                                                   if (!fit.ok()) return greeting->done(fit);
                                                   ask_version(greeting);
                                                 });
}

}  // namespace

void greet(Client& client, Touch& touch, const Layout& layout,
           std::function<void(absl::StatusOr<std::string> version)> done) {
  auto greeting = std::make_shared<Greeting>(Greeting{client, touch, layout, std::move(done)});
  touch.make([greeting](const absl::StatusOr<etcdserverpb::ResponseHeader>& header) {
    if (!header.ok()) return greeting->done(header.status());
    ask_format(greeting);
  });
}

}  // namespace interlock::etcd
