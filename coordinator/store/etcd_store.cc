#include "coordinator/store/etcd_store.h"

#include <algorithm>
#include <future>
#include <utility>

#include "common/log.h"
#include "coordinator/store/etcd/client.h"
#include "coordinator/store/etcd/feed.h"
#include "coordinator/store/etcd/greeting.h"
#include "coordinator/store/etcd/layout.h"
#include "coordinator/store/etcd/loop.h"
#include "coordinator/store/etcd/reader.h"
#include "coordinator/store/etcd/touch.h"
#include "coordinator/store/etcd/upkeep.h"
#include "coordinator/store/etcd/versions.h"
#include "coordinator/store/etcd/writer.h"

namespace interlock {
namespace {

// What keys and framing add to an entry, at most, and to the Txn around it.
constexpr std::size_t kOverheadBytes = 48 * 1024;

StoreLimits limits_of(const etcd::Settings& settings) {
  StoreLimits limits;
  limits.entry_bytes_max =
      std::min(limits.entry_bytes_max, settings.max_request_bytes - kOverheadBytes);
  return limits;
}

}  // namespace

class EtcdStore::Parts {
 public:
  Parts(etcd::Settings with, std::vector<etcd::Member> members)
      : settings(std::move(with)),
        layout(settings.prefix),
        client(settings, std::move(members), loop),
        touch(client, layout),
        writer(client, touch, layout, settings),
        reader(client, touch, layout, settings),
        feed(client, touch, layout, loop),
        upkeep(client, writer, feed, layout, settings, loop) {
    client.on_move([this] { feed.move(); });
  }

  ~Parts() {
    loop.post([this] {
      client.stop();
      upkeep.stop();
      feed.stop();
      writer.stop();
      loop.release();
    });
    loop.join();
  }

  const etcd::Settings settings;
  etcd::Loop loop;
  const etcd::Layout layout;
  etcd::Client client;
  etcd::Touch touch;
  etcd::Writer writer;
  etcd::Reader reader;
  etcd::Feed feed;
  etcd::Upkeep upkeep;
};

absl::StatusOr<std::unique_ptr<EtcdStore>> EtcdStore::open(const std::string& url) {
  const absl::StatusOr<etcd::Settings> settings = etcd::parse_url(url);
  if (!settings.ok()) return settings.status();
  return open(*settings);
}

absl::StatusOr<std::unique_ptr<EtcdStore>> EtcdStore::open(const etcd::Settings& settings) {
  absl::StatusOr<std::vector<etcd::Member>> members = etcd::make_members(settings);
  if (!members.ok()) return members.status();
  auto parts = std::make_unique<Parts>(settings, *std::move(members));
  std::promise<absl::StatusOr<std::string>> greeted;
  parts->loop.post([&] {
    etcd::greet(
        parts->client, parts->touch, parts->layout,
        [&](absl::StatusOr<std::string> version) { greeted.set_value(std::move(version)); });
  });
  const absl::StatusOr<std::string> version = greeted.get_future().get();
  if (!version.ok()) return version.status();
  if (const std::string warning = etcd::version_warning(*version); !warning.empty()) {
    log_warning(warning);
  }
  parts->loop.post([upkeep = &parts->upkeep] { upkeep->start(); });
  return std::unique_ptr<EtcdStore>(new EtcdStore(std::move(parts)));
}

EtcdStore::EtcdStore(std::unique_ptr<Parts> parts)
    : parts_(std::move(parts)), limits_(limits_of(parts_->settings)) {}
EtcdStore::~EtcdStore() = default;

std::optional<std::string> EtcdStore::short_of_room() const {
  return parts_->upkeep.short_of_room();
}

void EtcdStore::load(LoadSink sink) {
  parts_->loop.post([parts = parts_.get(), sink = std::move(sink)] { parts->reader.load(sink); });
}

void EtcdStore::watch(Position from, FeedSink sink) {
  parts_->loop.post([parts = parts_.get(), from, sink = std::move(sink)]() mutable {
    parts->feed.watch(from, std::move(sink));
  });
}

void EtcdStore::commit(Batch batch, std::function<void(std::vector<Outcome>)> done) {
  absl::Status checked = check_batch(batch, limits_);
  parts_->loop.post([parts = parts_.get(), batch = std::move(batch), checked = std::move(checked),
                     done = std::move(done)]() mutable {
    parts->writer.commit(std::move(batch), std::move(checked), done);
  });
}

void EtcdStore::read(
    std::vector<ReadRequest> requests,
    std::function<void(absl::StatusOr<std::vector<std::vector<Attachment>>>)> done) {
  parts_->loop.post(
      [parts = parts_.get(), requests = std::move(requests), done = std::move(done)]() mutable {
        parts->reader.read(std::move(requests), std::move(done));
      });
}

}  // namespace interlock
