#include "tests/coordinator/engine/golden.h"

#include <gtest/gtest.h>

#include <cctype>
#include <cstdlib>
#include <fstream>

namespace interlock {
namespace {

int digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

}  // namespace

std::string golden(std::string_view name) {
  const char* source = std::getenv("INTERLOCK_SOURCE_DIR");
  const std::string path = std::string(source == nullptr ? "." : source) +
                           "/tests/coordinator/engine/golden/" + std::string(name) + ".hex";
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path << " cannot be read";
  std::string digits;
  for (char c; file.get(c);) {
    if (std::isxdigit(static_cast<unsigned char>(c)) != 0) digits += c;
  }
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes += static_cast<char>(digit(digits[i]) * 16 + digit(digits[i + 1]));
  }
  return bytes;
}

std::string hexadecimal(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
    if (i % 32 == 31 || i + 1 == bytes.size()) text += '\n';
  }
  return text;
}

}  // namespace interlock
