#include "tests/simulation/network.h"

namespace interlock::sim {

Network::Network(Run& run, std::vector<std::unique_ptr<Coordinator>>& coordinators,
                 Gateways gateways)
    : run_(run), coordinators_(coordinators), gateways_(std::move(gateways)) {}

Us Network::latency() const { return 50 + run_.dice.below(2 * run_.swarm.latency_us); }

std::size_t Network::some_coordinator() const {
  const std::size_t first = run_.dice.below(coordinators_.size());
  // The load balancer notices what is gone, most often.
  if (!run_.calm && run_.dice.chance(0.05)) return first;
  for (std::size_t i = 0; i < coordinators_.size(); ++i) {
    const std::size_t one = (first + i) % coordinators_.size();
    if (coordinators_[one]->alive()) return one;
  }
  return first;
}

// ---- streams ----

void Network::open(std::size_t gateway, std::uint64_t incarnation, std::uint64_t stream) {
  auto link = std::make_shared<Link>();
  link->id = ++last_link_;
  link->gateway = gateway;
  link->gateway_incarnation = incarnation;
  link->stream = stream;
  link->coordinator = some_coordinator();
  link->coordinator_incarnation = coordinators_[link->coordinator]->incarnation();
  link->up = std::make_shared<Pipe>(run_);
  link->down = std::make_shared<Pipe>(run_);
  links_[link->id] = link;
  by_stream_[{gateway, stream}] = link->id;
  run_.line("gateway {} opens stream {} to coordinator {}", gateway, link->id, link->coordinator);
  if (partitions_.contains({gateway, link->coordinator, true})) link->up->block();
  if (partitions_.contains({gateway, link->coordinator, false})) link->down->block();
  if (!coordinators_[link->coordinator]->alive() || run_.happens(Fault::kConnectLost)) {
    link->up_lost = true;
    link->coordinator_has_it = false;
    tell_gateway_of_end(link, latency());
  }
}

Network::LinkPtr Network::find(std::size_t gateway, std::uint64_t stream) const {
  const auto named = by_stream_.find({gateway, stream});
  return named == by_stream_.end() ? nullptr : links_.at(named->second);
}

void Network::up(std::size_t gateway, std::uint64_t stream, const v1::AttachRequest& message) {
  const LinkPtr link = find(gateway, stream);
  if (link == nullptr) return;
  link->up->send(latency(), [this, link, message] {
    if (link->up_lost || !link->coordinator_has_it) return;
    Coordinator& to = *coordinators_[link->coordinator];
    to.reach(link->coordinator_incarnation, [&to, link, message] {
      if (link->coordinator_has_it) to.receive(link->id, message);
    });
  });
}

void Network::down(LinkId id, const v1::AttachResponse& message) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  const LinkPtr& link = found->second;
  link->down->send(latency(), [this, link, message] {
    if (!link->gateway_has_it && !link->down_late) return;
    gateways_.received(link->gateway, link->gateway_incarnation, link->stream, message);
  });
}

void Network::forget(const LinkPtr& link) {
  if (link->gateway_has_it || link->coordinator_has_it) return;
  by_stream_.erase({link->gateway, link->stream});
  links_.erase(link->id);
}

void Network::tell_gateway_of_end(const LinkPtr& link, Us after) {
  link->down->send(after, [this, link] {
    if (!std::exchange(link->gateway_has_it, false)) return;
    forget(link);
    gateways_.ended(link->gateway, link->gateway_incarnation, link->stream);
  });
}

void Network::tell_coordinator_of_end(const LinkPtr& link, Us after) {
  link->up->send(after, [this, link] {
    if (!std::exchange(link->coordinator_has_it, false)) return;
    forget(link);
    Coordinator& to = *coordinators_[link->coordinator];
    to.reach(link->coordinator_incarnation, [&to, link] { to.stream_ended(link->id); });
  });
}

// The gateway has done with it. What it had sent may still come, and very late.
void Network::end_by_gateway(std::size_t gateway, std::uint64_t stream, bool orderly) {
  const LinkPtr link = find(gateway, stream);
  if (link == nullptr) return;
  if (orderly) {
    tell_coordinator_of_end(link, latency());
    // The end comes back, or is not waited for any longer.
    constexpr Us kFinishTimeout = 500'000;  // attachment_owner.cc's
    return run_.time.after(kFinishTimeout, [this, link] {
      if (!std::exchange(link->gateway_has_it, false)) return;
      forget(link);
      gateways_.ended(link->gateway, link->gateway_incarnation, link->stream);
    });
  }
  link->gateway_has_it = false;
  link->down_late = run_.happens(Fault::kLateDown);
  Us after = latency();
  if (run_.happens(Fault::kLateUp)) {
    after = run_.dice.spread(1'000, 8'000'000);
    link->up->delay(run_.time.now() + after);
  } else {
    link->up_lost = true;
  }
  tell_coordinator_of_end(link, after);
}

void Network::gateway_gone(std::size_t gateway) {
  for (const LinkPtr& link : standing()) {
    if (link->gateway != gateway) continue;
    link->gateway_has_it = false;
    link->up_lost = !run_.happens(Fault::kLateUp);
    // A host that vanishes is missed when nothing has come for a while.
    const bool unnoticed = run_.happens(Fault::kStreamCutUnnoticed);
    tell_coordinator_of_end(link, unnoticed ? run_.dice.spread(100'000, 20'000'000) : latency());
  }
}

void Network::end_by_coordinator(LinkId id) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  const LinkPtr link = found->second;
  link->coordinator_has_it = false;
  tell_gateway_of_end(link, latency());
}

void Network::coordinator_gone(std::size_t coordinator) {
  for (const LinkPtr& link : standing()) {
    if (link->coordinator != coordinator) continue;
    link->coordinator_has_it = false;
    const bool unnoticed = run_.happens(Fault::kStreamCutUnnoticed);
    tell_gateway_of_end(link, unnoticed ? run_.dice.spread(100'000, 20'000'000) : latency());
  }
}

// ---- what goes wrong ----

std::vector<Network::LinkPtr> Network::standing() const {
  std::vector<LinkPtr> all;
  for (const auto& [id, link] : links_) all.push_back(link);
  return all;
}

void Network::cut_some() {
  std::vector<LinkPtr> all = standing();
  if (all.empty()) return;
  const LinkPtr link = run_.dice.one_of(all);
  run_.line("stream {} is cut", link->id);
  run_.faults.add(Fault::kStreamCut);
  link->up_lost = !run_.happens(Fault::kLateUp);
  const bool unnoticed = run_.happens(Fault::kStreamCutUnnoticed);
  const Us long_after = run_.dice.spread(100'000, 13'000'000);
  tell_coordinator_of_end(link, unnoticed ? long_after : latency());
  tell_gateway_of_end(link, unnoticed && run_.dice.chance(0.5) ? long_after : latency());
}

void Network::cut_all() {
  for (const LinkPtr& link : standing()) {
    tell_coordinator_of_end(link, latency());
    tell_gateway_of_end(link, latency());
  }
}

void Network::clog_some() {
  std::vector<LinkPtr> all = standing();
  if (all.empty()) return;
  const LinkPtr link = run_.dice.one_of(all);
  run_.line("stream {} is clogged", link->id);
  run_.faults.add(Fault::kClog);
  for (const auto& pipe : {link->up, link->down}) {
    if (run_.dice.chance(0.3)) continue;
    pipe->block();
    run_.time.after(run_.dice.spread(50'000, 2 * run_.swarm.ttl_us()),
                    [pipe] { pipe->unblock(); });
  }
}

void Network::partition_some(bool up) {
  const std::size_t gateway = run_.dice.below(run_.swarm.gateways);
  const std::size_t coordinator = run_.dice.below(coordinators_.size());
  if (!partitions_.emplace(gateway, coordinator, up).second) return;
  run_.line("nothing goes {} between gateway {} and coordinator {}", up ? "up" : "down", gateway,
            coordinator);
  run_.faults.add(up ? Fault::kPartitionUp : Fault::kPartitionDown);
  for (const LinkPtr& link : standing()) {
    if (link->gateway == gateway && link->coordinator == coordinator) {
      (up ? link->up : link->down)->block();
    }
  }
  run_.time.after(run_.dice.spread(100'000, 4 * run_.swarm.ttl_us()),
                  [this, gateway, coordinator, up] {
                    if (partitions_.erase({gateway, coordinator, up}) == 0) return;
                    run_.line("things go {} again between gateway {} and coordinator {}",
                              up ? "up" : "down", gateway, coordinator);
                    for (const LinkPtr& link : standing()) {
                      if (link->gateway != gateway || link->coordinator != coordinator) continue;
                      (up ? link->up : link->down)->unblock();
                    }
                  });
}

void Network::heal() {
  partitions_.clear();
  for (const LinkPtr& link : standing()) {
    link->up->open();
    link->down->open();
  }
}

// ---- unary calls ----

void Network::call(std::size_t coordinator, const std::string& key, const Command& command,
                   Coordinator::Heard heard) {
  if (run_.happens(Fault::kUnaryLost)) return;
  run_.time.after(latency(), [this, coordinator, key, command, heard = std::move(heard)] {
    Coordinator& to = *coordinators_[coordinator];
    to.reach(to.incarnation(), [this, &to, key, command, heard] {
      to.ask(key, command, [this, heard](const Answer& answer, Revision revision) {
        if (run_.happens(Fault::kAnswerLost)) return;
        run_.time.after(latency(), [heard, answer, revision] { heard(answer, revision); });
      });
    });
  });
}

}  // namespace interlock::sim
