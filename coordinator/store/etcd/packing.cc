#include "coordinator/store/etcd/packing.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace interlock::etcd {
namespace {

// What a child has around it on the wire, and the outer Txn with what etcd adds to it.
constexpr std::size_t kChildBytes = 16;
constexpr std::size_t kTxnBytes = 1'024;

void add_removal(etcdserverpb::TxnRequest& txn, KeyRange range) {
  auto* removal = txn.add_success()->mutable_request_delete_range();
  removal->set_key(std::move(range.begin));
  removal->set_range_end(std::move(range.end));
}

void add_put(etcdserverpb::TxnRequest& txn, std::string key, std::string value) {
  auto* put = txn.add_success()->mutable_request_put();
  put->set_key(std::move(key));
  put->set_value(std::move(value));
}

// etcd refuses a Txn that deletes a key and puts it, so the range leaves out what is put: putting
// replaces it.
void add_removals(const Layout& layout, const Entry& entry, etcdserverpb::TxnRequest& txn) {
  std::vector<std::uint64_t> kept;
  for (const Attachment& attachment : entry.put) {
    const bool inside =
        attachment.number >= entry.remove->first && attachment.number <= entry.remove->last;
    if (inside) kept.push_back(attachment.number);
  }
  std::sort(kept.begin(), kept.end());
  std::optional<std::uint64_t> first = entry.remove->first;
  for (const std::uint64_t number : kept) {
    if (number > *first) {
      add_removal(txn, layout.attachments(entry.key, {*first, number - 1}));
    }
    first = number == UINT64_MAX ? std::nullopt : std::optional(number + 1);
  }
  if (first && *first <= entry.remove->last) {
    add_removal(txn, layout.attachments(entry.key, {*first, entry.remove->last}));
  }
}

void add_writes(const Layout& layout, const std::string& record_key, Entry& entry,
                etcdserverpb::TxnRequest& txn) {
  if (entry.write == Write::kCompareOnly) return;
  if (entry.write == Write::kDelete) {
    txn.add_success()->mutable_request_delete_range()->set_key(record_key);
    add_removal(txn, layout.attachments(entry.key));
    return;
  }
  add_put(txn, record_key, std::move(entry.record));
  if (entry.remove) add_removals(layout, entry, txn);
  for (Attachment& attachment : entry.put) {
    add_put(txn, layout.attachment(entry.key, attachment.number), std::move(attachment.bytes));
  }
}

}  // namespace

Child make_child(const Layout& layout, Entry entry) {
  Child child{.expected = entry.expected, .write = entry.write};
  const std::string record_key = layout.record(entry.key);
  auto* compare = child.txn.add_compare();
  compare->set_target(etcdserverpb::Compare::MOD);
  compare->set_key(record_key);
  compare->set_mod_revision(static_cast<std::int64_t>(entry.expected));
  add_writes(layout, record_key, entry, child.txn);
  child.txn.add_failure()->mutable_request_range()->set_key(record_key);
  child.key = std::move(entry.key);
  child.operations = static_cast<std::size_t>(std::max(1, child.txn.success_size()));
  child.bytes = child.txn.ByteSizeLong() + kChildBytes;
  return child;
}

Outcome outcome_of(const Child& child, etcdserverpb::TxnResponse& response, Revision revision) {
  const Position at{revision};
  if (response.succeeded()) {
    return Applied{child.write == Write::kCompareOnly ? child.expected : revision, at};
  }
  if (response.responses_size() != 1 || !response.responses(0).has_response_range()) {
    return Unknown{absl::InternalError("etcd answered something else than was asked.")};
  }
  auto* range = response.mutable_responses(0)->mutable_response_range();
  if (range->kvs_size() == 0) return Refused{std::nullopt, at};
  auto* current = range->mutable_kvs(0);
  return Refused{Versioned{std::move(*current->mutable_value()),
                           static_cast<Revision>(current->mod_revision())},
                 at};
}

bool Pack::takes(const Child& child) const {
  if (keys_.empty()) return true;
  const std::size_t operations = std::max(operations_, child.operations);
  return keys_.size() + 1 + operations <= budget_.operations &&
         bytes_ + child.bytes + kTxnBytes <= budget_.bytes && !keys_.contains(child.key);
}

void Pack::add(const Child& child) {
  keys_.insert(child.key);
  operations_ = std::max(operations_, child.operations);
  bytes_ += child.bytes;
}

}  // namespace interlock::etcd
