// How records and attachments lie in etcd: under one prefix, told apart by the letter behind it.
//
//   a <length of key, 2 bytes> <key> <number, 8 bytes>   ->   the attachment
//   m <name>                                             ->   about the whole store
//   r <key>                                              ->   the record; its revision is etcd's
//
// Numbers are big-endian, so that attachments lie in their order and a range of them is a range of
// keys. `m` and `r` are watched together, attachments are not. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "coordinator/store/store.h"

namespace interlock::etcd {

struct KeyRange {
  std::string begin;
  std::string end;  // behind the last one
};

class Layout {
 public:
  explicit Layout(std::string prefix) : prefix_(std::move(prefix)) {}

  std::string record(std::string_view key) const;
  // Nothing: it is not the key of a record.
  std::optional<std::string_view> parse_record(std::string_view bytes) const;
  KeyRange records() const;
  KeyRange watched() const;

  std::string attachment(std::string_view key, std::uint64_t number) const;
  std::uint64_t parse_number(std::string_view attachment) const;
  KeyRange attachments(std::string_view key, NumberRange numbers) const;
  KeyRange attachments(std::string_view key) const { return attachments(key, {0, UINT64_MAX}); }

  // Written whenever something durable must be: see Touch.
  std::string touched() const { return prefix_ + "mtouched"; }
  // Who compacts next, and to which revision: see Compaction.
  std::string compacted() const { return prefix_ + "mcompacted"; }
  std::string format() const { return prefix_ + "mformat"; }

 private:
  std::string prefix_;
};

// Of what is in etcd, as the value of format(); another one there is of another build.
constexpr std::string_view kFormat = "1";

}  // namespace interlock::etcd
