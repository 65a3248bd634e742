// What a replica keeps of one key.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coordinator/authority/machine.h"
#include "coordinator/store/store.h"

namespace interlock {

// A million of them must fit: 48 bytes, one allocation for key and bytes together, and an owner's
// name once for all that it owns.
class Slot {
  std::unique_ptr<char[]> text_;  // the key, then the bytes

 public:
  using Members = std::vector<Slot*>;  // each knows its place, so that it leaves at once
  using Owner = std::pair<const std::string, Members>;

  explicit Slot(std::string_view key) { set_text(key, {}); }

  std::string_view key() const { return {text_.get(), key_size_}; }  // of the store
  // Empty: deleted as of `revision`.
  std::string_view bytes() const { return {text_.get() + key_size_, bytes_size_}; }
  void set_bytes(std::string_view bytes) { set_text(key(), bytes); }
  bool present() const { return bytes_size_ > 0; }

  // The rest is of a connection's record.
  State state() const { return static_cast<State>(state_); }
  void set_state(State state) { state_ = static_cast<std::uint32_t>(state) & 15; }
  std::string_view owner() const {  // empty: nobody
    return owned_by == nullptr ? std::string_view() : std::string_view(owned_by->first);
  }
  // When time alone changes it; 0: never. A tick that will not come before 136 years have passed is
  // taken for an earlier one.
  Tick due() const { return due_; }
  void set_due(Tick due) {
    due_ = static_cast<std::uint32_t>(std::min<Tick>(due, UINT32_MAX));
  }
  std::uint32_t outbox_events() const { return outbox_events_; }  // held
  void set_outbox_events(std::size_t count) {
    outbox_events_ = static_cast<std::uint32_t>(count) & 0x3FFFF;
  }

  Revision revision = kAbsent;
  Owner* owned_by = nullptr;  // among whose members it is
  std::uint32_t outbox_bytes = 0;
  std::uint32_t owned_at = 0;  // its places in the two indexes
  std::uint32_t due_at = 0;

 private:
  void set_text(std::string_view key, std::string_view bytes) {
    std::unique_ptr<char[]> text(new char[key.size() + bytes.size()]);
    bytes.copy(text.get() + key.copy(text.get(), key.size()), bytes.size());
    key_size_ = static_cast<std::uint32_t>(key.size()) & 1023;
    bytes_size_ = static_cast<std::uint32_t>(bytes.size());
    text_ = std::move(text);
  }

  std::uint32_t bytes_size_ = 0;
  std::uint32_t due_ = 0;
  std::uint32_t key_size_ : 10 = 0;        // stores take 512 at most: StoreLimits::key_bytes_max
  std::uint32_t state_ : 4 = 0;
  std::uint32_t outbox_events_ : 18 = 0;   // 10,000 at most: --outbox_events_max
};
static_assert(sizeof(Slot) == 48);

}  // namespace interlock
