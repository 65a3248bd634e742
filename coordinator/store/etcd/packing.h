// How entries become nested Txns, and how many of them fit into one. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_set>

#include "coordinator/store/etcd/layout.h"
#include "coordinator/store/store.h"
#include "etcd/rpc.pb.h"

namespace interlock::etcd {

// One entry as a Txn to be nested: it compares the record's revision, writes, and otherwise reads
// what stands there.
struct Child {
  etcdserverpb::TxnRequest txn;
  std::string key;
  Revision expected = kAbsent;
  Write write = Write::kPut;
  std::size_t operations = 0;  // what it counts against max-txn-ops, beside itself
  std::size_t bytes = 0;       // on the wire
};

Child make_child(const Layout& layout, Entry entry);

// At most, of make_child() for an entry within the limits: a record, the attachments, and the range
// to remove, which they may cut into pieces.
constexpr std::size_t operations_max(const StoreLimits& limits) {
  return 2 * limits.entry_puts_max + 2;
}

// What the response of a child, nested in the one with this revision, says.
Outcome outcome_of(const Child& child, etcdserverpb::TxnResponse& response, Revision revision);

struct Budget {
  std::size_t operations = 0;  // max-txn-ops
  std::size_t bytes = 0;  // max-request-bytes
};

// What goes into one Txn. etcd counts the children of the outer Txn, and allows each of them what
// is left of max-txn-ops, whatever its siblings use (checkTxnRequest in etcd's v3rpc/key.go). It
// refuses a Txn that writes a key twice.
class Pack {
 public:
  explicit Pack(Budget budget) : budget_(budget) {}

  // The first one always fits: whether it is too large is for etcd to say.
  bool takes(const Child& child) const;
  // The child must outlive the pack.
  void add(const Child& child);

 private:
  Budget budget_;
  std::unordered_set<std::string_view> keys_;
  std::size_t operations_ = 0;  // of the largest
  std::size_t bytes_ = 0;
};

}  // namespace interlock::etcd
