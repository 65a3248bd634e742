// One call of Kick: one connection, or all that match, page after page.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "coordinator/engine/connection_filter.h"
#include "coordinator/engine/engine_thread.h"
#include "coordinator/service/response_stream.h"
#include "interlock/v1/admin.pb.h"

namespace interlock {

// What has been checked of a KickRequest.
struct KickOrder {
  std::string key;                                 // empty: all that match
  Generation generation = 0;                       // 0: whichever stands
  std::shared_ptr<const ConnectionFilter> filter;  // nullptr: all
  Steer steer;                                     // but for the generation
  bool dry_run = false;
};
// The first thing that is wrong. `operator_name`: for the history.
std::variant<KickOrder, Refusal> kick_order(const v1::KickRequest& request,
                                            const std::string& operator_name);

class KickStream final : public ResponseStream<v1::KickResponse> {
 public:
  static KickStream* start(EngineThread& engine, Workers& workers, KickOrder order);

 private:
  KickStream(EngineThread& engine, Workers& workers, KickOrder order)
      : ResponseStream(workers), engine_(engine), order_(std::move(order)) {}
  void kick_one();
  void next_page();
  void take_page(const Scanned& scanned);
  void steer(const SeenConnection& seen);
  void told(const std::string& key, Generation generation, const std::optional<Refusal>& refusal);
  void one_less();
  void drained() override;
  void finish_up();
  std::shared_ptr<KickStream> shared() {
    return std::static_pointer_cast<KickStream>(shared_from_this());
  }

  EngineThread& engine_;
  const KickOrder order_;
  std::mutex mutex_;              // of what follows
  std::size_t under_way_ = 0;     // of the page
  std::string after_;
  bool page_over_ = false;        // the next one may begin once its responses are written
  bool last_page_ = false;
  std::uint64_t kicked_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace interlock
