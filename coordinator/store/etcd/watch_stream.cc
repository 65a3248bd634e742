#include "coordinator/store/etcd/watch_stream.h"

#include <utility>

namespace interlock::etcd {

std::shared_ptr<WatchStream> WatchStream::open(Client& client, Loop& loop,
                                               etcdserverpb::WatchRequest request, Events events) {
  auto stream = std::make_shared<WatchStream>(loop);
  stream->events_ = std::move(events);
  stream->request_ = std::move(request);
  stream->self_ = stream;
  client.prepare(stream->context_);
  client.current().watch->async()->Watch(&stream->context_, stream.get());
  stream->AddHold();  // reads are started on the loop; given up when one of them fails
  stream->StartWrite(&stream->request_);
  stream->StartRead(&stream->response_);
  stream->StartCall();
  return stream;
}

void WatchStream::OnReadDone(bool ok) {
  if (!ok) return RemoveHold();
  hold_.post([self = shared_from_this()] { self->take(); });
}

void WatchStream::take() {
  etcdserverpb::WatchResponse response = std::move(response_);
  response_.Clear();
  StartRead(&response_);
  events_.response(response);
}

void WatchStream::OnDone(const grpc::Status& status) {
  // Its last reference goes on the loop, perhaps before post_last() has returned.
  Loop::Hold hold = std::move(hold_);
  hold.post_last([self = std::move(self_), status] { self->events_.ended(status); });
}

}  // namespace interlock::etcd
