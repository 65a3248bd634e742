#include "coordinator/store/postgres/parameters.h"

#include <boost/endian/conversion.hpp>
#include <cstring>
#include <utility>

namespace interlock::postgres {
namespace {

constexpr std::size_t kHasNullsAt = 4;
constexpr std::size_t kCountAt = 12;

template <class Number>
std::string in_network_order(Number value) {
  boost::endian::native_to_big_inplace(value);
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

template <class Number>
Number from_network_order(std::string_view bytes) {
  Number value{};
  if (bytes.size() == sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
  return boost::endian::big_to_native(value);
}

}  // namespace

std::string binary(std::int64_t value) { return in_network_order(value); }
std::string binary(std::int32_t value) { return in_network_order(value); }
std::int64_t int64_of(std::string_view bytes) { return from_network_order<std::int64_t>(bytes); }
std::int32_t int32_of(std::string_view bytes) { return from_network_order<std::int32_t>(bytes); }

// One dimension, nulls or not, type, count, lower bound.
BinaryArray::BinaryArray(std::uint32_t element_type)
    : bytes_(in_network_order(std::uint32_t{1}) + in_network_order(std::uint32_t{0}) +
             in_network_order(element_type) + in_network_order(std::uint32_t{0}) +
             in_network_order(std::uint32_t{1})) {}

void BinaryArray::add(std::string_view bytes) {
  bytes_ += in_network_order(static_cast<std::uint32_t>(bytes.size()));
  bytes_ += bytes;
  ++count_;
}

void BinaryArray::add_bytes(std::string_view bytes) { add(bytes); }
void BinaryArray::add_int32(std::int32_t value) { add(in_network_order(value)); }
void BinaryArray::add_int16(std::int16_t value) { add(in_network_order(value)); }

void BinaryArray::add_int64(std::optional<std::int64_t> value) {
  if (value) return add(in_network_order(*value));
  bytes_.replace(kHasNullsAt, 4, in_network_order(std::uint32_t{1}));
  bytes_ += in_network_order(std::int32_t{-1});
  ++count_;
}

std::string BinaryArray::take() {
  bytes_.replace(kCountAt, 4, in_network_order(count_));
  return std::move(bytes_);
}

}  // namespace interlock::postgres
