#include "coordinator/store/etcd/feed.h"

#include <chrono>
#include <utility>
#include <variant>

#include "coordinator/store/etcd/watch_response.h"
#include "coordinator/store/etcd/watch_stream.h"

namespace interlock::etcd {
namespace {

constexpr std::chrono::milliseconds kRetryAfter{200};
constexpr int kNudgesMissedMax = 8;

}  // namespace

Feed::Feed(Client& client, Touch& touch, const Layout& layout, Loop& loop)
    : client_(client), touch_(touch), layout_(layout), loop_(loop), retry_(loop) {}
Feed::~Feed() = default;

void Feed::watch(Position from, FeedSink sink) {
  close_stream();
  sink_ = std::move(sink);
  through_ = from;
  open();
}

void Feed::open() {
  retry_.cancel();
  if (!sink_ || client_.stopping()) return;
  touch_.make([this, attempt = ++attempt_](const auto& header) {
    if (attempt != attempt_ || !sink_) return;
    if (header.ok()) {
      open_stream();
    } else if (absl::IsDataLoss(header.status())) {
      lose(header.status());
    } else {
      open_later();
    }
  });
}

void Feed::open_stream() {
  const KeyRange range = layout_.watched();
  etcdserverpb::WatchRequest request;
  auto* create = request.mutable_create_request();
  create->set_key(range.begin);
  create->set_range_end(range.end);
  create->set_start_revision(static_cast<std::int64_t>(through_.value) + 1);
  member_ = client_.current_number();
  WatchStream::Events events;
  events.response = [this, attempt = attempt_](etcdserverpb::WatchResponse& response) {
    if (attempt == attempt_) take(response);
  };
  events.ended = [this, attempt = attempt_](const grpc::Status& status) {
    if (attempt == attempt_) ended(status);
  };
  stream_ = WatchStream::open(client_, loop_, std::move(request), std::move(events));
}

void Feed::take(etcdserverpb::WatchResponse& response) {
  WatchNews news = read_watch_response(layout_, response);
  if (auto* shown = std::get_if<Shown>(&news)) {
    through_ = shown->through;
    const auto show = sink_->changes;  // a copy: what it is told may end this watch
    show(std::move(shown->changes), through_);
  } else if (auto* lost = std::get_if<Lost>(&news)) {
    lose(std::move(lost->reason));
  } else if (const auto* failure = std::get_if<Failure>(&news)) {
    client_.failed(member_, *failure);
    close_stream();
    open_later();
  }
}

void Feed::ended(const grpc::Status& status) {
  stream_.reset();
  ++attempt_;
  if (!status.ok()) {
    client_.failed(member_, failure_of(status.error_code(), status.error_message()));
  }
  open_later();
}

void Feed::move() {
  if (!stream_) return;
  close_stream();
  open();
}

void Feed::open_later() {
  retry_.set(kRetryAfter, [this] { open(); });
}

void Feed::lose(absl::Status reason) {
  close_stream();
  const auto say = std::move(sink_->resync);
  sink_.reset();
  say(std::move(reason));
}

void Feed::close_stream() {
  ++attempt_;
  retry_.cancel();
  if (stream_) stream_->cancel();
  stream_.reset();
}

void Feed::nudge(Position handed_out) {
  const bool stands = sink_ && stream_ && through_ < handed_out && missed_ == through_;
  missed_ = through_;
  nudges_missed_ = stands ? nudges_missed_ + 1 : 0;
  if (nudges_missed_ == 1) touch_.make([](const auto&) {});
  if (nudges_missed_ > kNudgesMissedMax) {
    nudges_missed_ = 0;
    move();
  }
}

void Feed::stop() {
  sink_.reset();
  close_stream();
}

}  // namespace interlock::etcd
