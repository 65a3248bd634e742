// How a record looks in the store. What a newer build has written into it is kept byte for byte.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "coordinator/authority/decide.h"
#include "coordinator/authority/lease.h"
#include "coordinator/store/store.h"

namespace interlock {

std::string encode(const Record& record);
// `generation` is what "this commit" was: base + the revision of the record. DataLoss when the
// bytes are no record.
absl::StatusOr<Record> decode_record(std::string_view bytes, Generation generation);

std::string encode(const OutboxEvent& event);
absl::StatusOr<OutboxEvent> decode_event(Sequence sequence, std::string_view bytes);

std::string encode_base(std::uint64_t base);
absl::StatusOr<std::uint64_t> decode_base(std::string_view bytes);

std::string encode(const Lease& lease);
absl::StatusOr<Lease> decode_lease(std::string_view bytes);

// The store's clock.
struct TickRecord {
  Tick tick = 0;
  std::string unknown;  // fields of a newer build, byte for byte
};
std::string encode(const TickRecord& record);
absl::StatusOr<TickRecord> decode_tick(std::string_view bytes);

// Keys of the store: one letter for the kind of record, then its name.
inline constexpr std::string_view kBaseKey = "b/";
inline constexpr std::string_view kTickKey = "t/";
inline constexpr std::string_view kGatewayPrefix = "g/";
inline constexpr std::string_view kConnectionPrefix = "c/";
std::string store_key(std::string_view connection_key);
// The same where something is only looked up: keys of up to 126 bytes take no allocation.
class StoreKey {
 public:
  explicit StoreKey(std::string_view connection_key);
  operator std::string_view() const { return {text_.data(), text_.size()}; }

 private:
  absl::InlinedVector<char, 128> text_;
};
std::string lease_key(std::string_view gateway_id);
// Nothing when it is the key of another kind of record.
std::optional<std::string_view> connection_key_of(std::string_view store_key);
std::optional<std::string_view> gateway_id_of(std::string_view store_key);

}  // namespace interlock
