// An engine that holds very many records, without a store: for what must not depend on how many.
#pragma once

#include <string>
#include <utility>

#include "tests/coordinator/engine/bare_engine.h"

namespace interlock {

// Keys are `user-NNNNNNN:tab`, in order; every thousandth waits for its client, the others are
// operational at gateway-a.
inline void fill(BareEngine& bare, std::size_t records) {
  bare.nothing();
  const std::string lease = encode(Lease{.renewed_tick = 1'000'000'000});
  RecordsLoaded first{{base_record(1'000), loaded(lease_key("gateway-a"), 1, lease)}};
  bare.give(std::move(first));
  RecordsLoaded chunk;
  for (std::size_t i = 0; i < records; ++i) {
    std::string number = std::to_string(i);
    number.insert(0, 7 - std::min<std::size_t>(number.size(), 7), '0');
    const bool waits = i % 1'000 == 999;
    Record record{.state = waits ? State::kReconnecting : State::kProcessingReady,
                  .subject = "user-" + number,
                  .owner = waits ? "" : "gateway-a",
                  .claim_id = std::string(16, 'c')};
    record.transitions.push_back({.to = record.state, .generation = 1'002, .time_unix_ms = 1});
    chunk.records.push_back(loaded(store_key("user-" + number + ":tab"), 2, encode(record)));
    if (chunk.records.size() == kLoadChunkRecords) bare.give(std::exchange(chunk, {}));
  }
  bare.give(std::move(chunk));
  bare.give(LoadEnded{Position{2}});
}

// One page of List, put together from slices as the service does it, in one go.
struct Page {
  std::size_t connections = 0;
  std::size_t visited = 0;
  std::size_t visited_at_once = 0;   // by the slice that looked at most
  std::size_t held_at_once = 0;      // connections in the largest answer of one slice
  std::size_t bytes = 0;             // of the page, as encoded records
  std::string next;
};
inline Page first_page(BareEngine& bare, std::shared_ptr<const ConnectionFilter> filter,
                       std::size_t page_max, std::size_t visits_max) {
  Page page;
  do {
    const Outputs outputs =
        bare.give(ScanAsked{.ticket = 1,
                            .after = page.next,
                            .limit = static_cast<std::uint32_t>(page_max - page.connections),
                            .filter = filter});
    const Scanned scanned = BareEngine::of<Scanned>(outputs).at(0);
    page.connections += scanned.connections.size();
    page.visited += scanned.visited;
    page.visited_at_once = std::max<std::size_t>(page.visited_at_once, scanned.visited);
    page.held_at_once = std::max(page.held_at_once, scanned.connections.size());
    for (const SeenConnection& seen : scanned.connections) page.bytes += encode(seen.record).size();
    page.next = scanned.next;
  } while (!page.next.empty() && page.connections < page_max && page.visited < visits_max);
  return page;
}

}  // namespace interlock
