#include "coordinator/store/postgres_store.h"

#include <utility>

#include "coordinator/store/postgres/feed.h"
#include "coordinator/store/postgres/reader.h"
#include "coordinator/store/postgres/writer.h"

namespace interlock {

class PostgresStore::Parts {
 public:
  explicit Parts(const postgres::ConnectionSettings& settings)
      : feed(settings, lineage), reader(settings, lineage), writer(settings, lineage) {}

  postgres::Lineage lineage;
  postgres::Feed feed;
  postgres::Reader reader;
  postgres::Writer writer;
};

absl::StatusOr<std::unique_ptr<PostgresStore>> PostgresStore::open(const std::string& url,
                                                                   const PostgresOptions& options) {
  const postgres::ConnectionSettings settings{
      .url = url,
      .asynchronous_commit_ok = options.asynchronous_commit_ok,
      .connect_timeout = options.connect_timeout,
      .answer_timeout = options.answer_timeout};
  postgres::Wakeup wakeup;
  postgres::Lineage lineage;
  const auto first = postgres::Connection::open(settings, wakeup, lineage);
  if (!first.ok()) return first.status();
  return std::unique_ptr<PostgresStore>(new PostgresStore(std::make_unique<Parts>(settings)));
}

PostgresStore::PostgresStore(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
PostgresStore::~PostgresStore() = default;

void PostgresStore::load(LoadSink sink) { parts_->reader.load(std::move(sink)); }

void PostgresStore::watch(Position from, FeedSink sink) {
  parts_->feed.watch(from, std::move(sink));
}

void PostgresStore::commit(Batch batch, std::function<void(std::vector<Outcome>)> done) {
  absl::Status checked = check_batch(batch, limits());
  parts_->writer.commit(std::move(batch), std::move(checked), std::move(done));
}

void PostgresStore::read(
    std::vector<ReadRequest> requests,
    std::function<void(absl::StatusOr<std::vector<std::vector<Attachment>>>)> done) {
  parts_->reader.read(std::move(requests), std::move(done));
}

}  // namespace interlock
