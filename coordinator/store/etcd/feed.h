// Follows the changes of all records, over a stream that is made anew whenever it breaks.
#pragma once

#include <memory>
#include <optional>

#include "coordinator/store/etcd/client.h"
#include "coordinator/store/etcd/layout.h"
#include "coordinator/store/etcd/loop.h"
#include "coordinator/store/etcd/touch.h"
#include "coordinator/store/store.h"

namespace interlock::etcd {

class WatchStream;

// Belongs to the loop.
class Feed {
 public:
  Feed(Client& client, Touch& touch, const Layout& layout, Loop& loop);
  ~Feed();

  void watch(Position from, FeedSink sink);

  // What was handed out is expected to be shown. A revision that others have written, who share
  // this etcd, shows itself to nobody here: then a write of our own does, by which it is reached.
  // A stream that does not show that either is made anew. Called now and again.
  void nudge(Position handed_out);

  // The member that was asked has been left.
  void move();

  void stop();

 private:
  void open();
  void open_stream();
  void take(etcdserverpb::WatchResponse& response);
  void ended(const grpc::Status& status);
  void close_stream();
  void open_later();
  void lose(absl::Status reason);

  Client& client_;
  Touch& touch_;
  const Layout& layout_;
  Loop& loop_;
  Timer retry_;
  std::optional<FeedSink> sink_;
  Position through_;
  std::shared_ptr<WatchStream> stream_;
  std::size_t member_ = 0;  // that the stream is with
  unsigned attempt_ = 0;  // what an earlier one still brings is not looked at
  Position missed_;  // where it stood at the last nudge
  int nudges_missed_ = 0;  // since it has moved
};

}  // namespace interlock::etcd
