// What carries Attach streams: in order and for certain while a stream stands, as gRPC does. When
// it is cut, what is under way is lost, or arrives when its gateway has long attached elsewhere.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <vector>

#include "tests/simulation/coordinator.h"
#include "tests/simulation/pipe.h"

namespace interlock::sim {

class Network {
 public:
  // How a gateway is reached, by its number; `incarnation` is the one that opened the stream.
  struct Gateways {
    std::function<void(std::size_t, std::uint64_t incarnation, std::uint64_t stream,
                       const v1::AttachResponse&)> received;
    std::function<void(std::size_t, std::uint64_t incarnation, std::uint64_t stream)> ended;
  };
  Network(Run& run, std::vector<std::unique_ptr<Coordinator>>& coordinators, Gateways gateways);

  // ---- from gateways ----
  void open(std::size_t gateway, std::uint64_t incarnation, std::uint64_t stream);
  void up(std::size_t gateway, std::uint64_t stream, const v1::AttachRequest& message);
  void end_by_gateway(std::size_t gateway, std::uint64_t stream, bool orderly);
  void gateway_gone(std::size_t gateway);
  // ---- from coordinators ----
  void down(LinkId link, const v1::AttachResponse& message);
  void end_by_coordinator(LinkId link);
  void coordinator_gone(std::size_t coordinator);

  // ---- what goes wrong ----
  void cut_some();
  void cut_all();  // both ends are told soon
  void clog_some();
  void partition_some(bool up);
  void heal();

  // A unary call to a coordinator, and its answer; either may get lost.
  void call(std::size_t coordinator, const std::string& key, const Command& command,
            Coordinator::Heard heard);
  std::size_t some_coordinator() const;
  Us latency() const;

 private:
  struct Link {
    LinkId id = 0;
    std::size_t gateway = 0;
    std::uint64_t gateway_incarnation = 0;
    std::uint64_t stream = 0;
    std::size_t coordinator = 0;
    std::uint64_t coordinator_incarnation = 0;
    std::shared_ptr<Pipe> up;
    std::shared_ptr<Pipe> down;
    bool gateway_has_it = true;      // the gateway has not heard or made its end
    bool coordinator_has_it = true;
    bool up_lost = false;            // what still arrives up is dropped
    bool down_late = false;          // what still arrives down reaches a gateway that has cut it
  };
  using LinkPtr = std::shared_ptr<Link>;

  LinkPtr find(std::size_t gateway, std::uint64_t stream) const;
  void tell_gateway_of_end(const LinkPtr& link, Us after);
  void tell_coordinator_of_end(const LinkPtr& link, Us after);
  void forget(const LinkPtr& link);
  std::vector<LinkPtr> standing() const;

  Run& run_;
  std::vector<std::unique_ptr<Coordinator>>& coordinators_;
  const Gateways gateways_;
  LinkId last_link_ = 0;
  std::map<LinkId, LinkPtr> links_;
  std::map<std::pair<std::size_t, std::uint64_t>, LinkId> by_stream_;  // gateway and stream
  std::set<std::tuple<std::size_t, std::size_t, bool>> partitions_;    // gateway, coordinator, up
};

}  // namespace interlock::sim
