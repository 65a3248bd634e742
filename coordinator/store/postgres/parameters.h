// Values as PostgreSQL takes and gives them in binary.
//
// Pure. The layouts are those of array_recv, int8recv and their kind: everything in network order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace interlock::postgres {

std::string binary(std::int64_t value);
std::string binary(std::int32_t value);
std::int64_t int64_of(std::string_view bytes);  // 8 bytes
std::int32_t int32_of(std::string_view bytes);  // 4 bytes

// An array, built element by element.
class BinaryArray {
 public:
  static BinaryArray of_bytes() { return BinaryArray(17); }
  static BinaryArray of_int64() { return BinaryArray(20); }
  static BinaryArray of_int32() { return BinaryArray(23); }
  static BinaryArray of_int16() { return BinaryArray(21); }

  void add_bytes(std::string_view bytes);
  void add_int64(std::optional<std::int64_t> value);  // nothing: null
  void add_int32(std::int32_t value);
  void add_int16(std::int16_t value);

  std::string take();

 private:
  explicit BinaryArray(std::uint32_t element_type);
  void add(std::string_view bytes);

  std::string bytes_;
  std::uint32_t count_ = 0;
};

// An unsigned number as a signed one in the same order, and back.
constexpr std::int64_t ordered(std::uint64_t number) {
  return static_cast<std::int64_t>(number ^ (std::uint64_t{1} << 63));
}
constexpr std::uint64_t number_of(std::int64_t ordered) {
  return static_cast<std::uint64_t>(ordered) ^ (std::uint64_t{1} << 63);
}

}  // namespace interlock::postgres
