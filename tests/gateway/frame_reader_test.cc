#include "gateway/frame_reader.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "tests/gateway/socket_client.h"

namespace interlock {
namespace {

constexpr std::size_t message_bytes_max = 70'000;

std::string frame(int opcode, std::string_view payload, bool final = true, bool masked = true) {
  return SocketClient::frame(opcode, payload, final, masked);
}

std::string close_frame(int code, std::string_view reason = "") {
  const std::string payload{static_cast<char>(code >> 8), static_cast<char>(code)};
  return frame(8, payload + std::string(reason));
}

// A frame whose head says what no client would: `length` are the bytes that stand for it.
std::string odd_length(std::string_view length, std::string_view payload) {
  std::string bytes = "\x81" + std::string(length) + std::string(4, '\0');
  return bytes + std::string(payload);
}

std::string said(const FrameEvent& event) {
  return std::visit(
      [](const auto& what) -> std::string {
        using What = std::decay_t<decltype(what)>;
        if constexpr (std::is_same_v<What, MessageRead>) {
          return (what.binary ? "binary:" : "text:") + what.payload + ";";
        } else if constexpr (std::is_same_v<What, PingRead>) {
          return "ping:" + what.payload + ";";
        } else if constexpr (std::is_same_v<What, PongRead>) {
          return "pong;";
        } else if constexpr (std::is_same_v<What, CloseRead>) {
          return "close " + std::to_string(what.code) + ";";
        } else if constexpr (std::is_same_v<What, FrameBreach>) {
          return "breach " + std::to_string(what.code) + ";";
        } else {
          return "";
        }
      },
      event);
}

bool last(const FrameEvent& event) {
  return std::holds_alternative<CloseRead>(event) || std::holds_alternative<FrameBreach>(event);
}

// Everything that comes out when the bytes come in these pieces.
std::string read(const std::vector<std::string_view>& pieces) {
  FrameReader reader(message_bytes_max);
  std::string all;
  for (std::string_view piece : pieces) {
    for (;;) {
      const FrameEvent event = reader.next(piece);
      if (std::holds_alternative<MoreNeeded>(event)) break;
      all += said(event);
      if (last(event)) return all;
    }
    EXPECT_TRUE(piece.empty());
  }
  return all;
}

std::vector<std::string_view> byte_by_byte(std::string_view bytes) {
  std::vector<std::string_view> pieces;
  for (std::size_t i = 0; i < bytes.size(); ++i) pieces.push_back(bytes.substr(i, 1));
  return pieces;
}

struct Case {
  std::string bytes;
  std::string expected;
};

std::vector<Case> messages() {
  const std::string long_text(message_bytes_max, 'x');
  return {
      {frame(1, "hello"), "text:hello;"},
      {frame(1, ""), "text:;"},
      {frame(2, std::string("\0\xFF", 2)), std::string("binary:\0\xFF;", 10)},
      {frame(1, std::string(125, 'a')), "text:" + std::string(125, 'a') + ";"},
      {frame(1, std::string(126, 'a')), "text:" + std::string(126, 'a') + ";"},
      {frame(1, long_text), "text:" + long_text + ";"},
      {frame(1, "a") + frame(2, "b") + frame(1, "c"), "text:a;binary:b;text:c;"},
      {frame(1, "a", false) + frame(0, "b", false) + frame(0, "c"), "text:abc;"},
      {frame(1, "", false) + frame(0, ""), "text:;"},
      {frame(2, "a", false) + frame(0, "\xFF") + frame(1, "b"), "binary:a\xFF;text:b;"},
      {frame(1, "a", false) + frame(9, "p") + frame(10, "q") + frame(0, "b"),
       "ping:p;pong;text:ab;"},
      {frame(9, std::string(125, 'p')), "ping:" + std::string(125, 'p') + ";"},
      {frame(1, "\xE2\x82\xAC \xF0\x9F\x98\x80"), "text:\xE2\x82\xAC \xF0\x9F\x98\x80;"},
      {frame(1, "\xE2\x82", false) + frame(9, "") + frame(0, "\xAC"), "ping:;text:\xE2\x82\xAC;"},
  };
}

std::vector<Case> closes() {
  std::vector<Case> cases = {
      {frame(8, ""), "close 0;"},
      {close_frame(1000, "done \xE2\x82\xAC") + frame(1, "late"), "close 1000;"},
      {frame(1, "a", false) + close_frame(1001), "close 1001;"},
      {frame(8, "x"), "breach 1002;"},
      {close_frame(1000, "\xE2\x82"), "breach 1007;"},
      {close_frame(1000, "\xFF"), "breach 1007;"},
  };
  for (const int code : {1000, 1003, 1007, 1013, 3000, 4999}) {
    cases.push_back({close_frame(code), "close " + std::to_string(code) + ";"});
  }
  for (const int code : {0, 999, 1004, 1005, 1006, 1014, 1015, 2999, 5000, 65535}) {
    cases.push_back({close_frame(code), "breach 1002;"});
  }
  return cases;
}

std::vector<Case> breaches() {
  std::vector<Case> cases = {
      {frame(1, "a", true, false), "breach 1002;"},
      {frame(0, "a"), "breach 1002;"},
      {frame(1, "a", false) + frame(1, "b"), "breach 1002;"},
      {frame(1, "a", false) + frame(2, "b"), "breach 1002;"},
      {frame(1, "a") + frame(0, "b"), "text:a;breach 1002;"},
      {frame(9, "a", false), "breach 1002;"},
      {frame(8, "", false), "breach 1002;"},
      {frame(9, std::string(126, 'p')), "breach 1002;"},
      {odd_length(std::string("\xFE\x00\x7D", 3), std::string(125, 'a')), "breach 1002;"},
      {odd_length(std::string("\xFF\0\0\0\0\0\0\xFF\xFF", 9), std::string(65535, 'a')),
       "breach 1002;"},
      {odd_length(std::string("\xFF\x80\0\0\0\0\0\0\0", 9), ""), "breach 1002;"},
      {frame(1, std::string(message_bytes_max + 1, 'x')), "breach 1009;"},
      {frame(1, std::string(40'000, 'x'), false) + frame(0, std::string(30'001, 'x')),
       "breach 1009;"},
      // From the head alone.
      {odd_length(std::string("\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 9), "").substr(0, 10),
       "breach 1009;"},
      {frame(1, "\xC3\x28"), "breach 1007;"},
      {frame(1, "a\xE2\x82"), "breach 1007;"},
      {frame(1, "\xE2\x82", false) + frame(0, ""), "breach 1007;"},
      {frame(1, "\xE2", false) + frame(0, "x", false), "breach 1007;"},
      {frame(1, "\xC0\xAF"), "breach 1007;"},          // overlong
      {frame(1, "\xE0\x80\x80"), "breach 1007;"},      // overlong
      {frame(1, "\xED\xA0\x80"), "breach 1007;"},      // a surrogate
      {frame(1, "\xF0\x80\x80\x80"), "breach 1007;"},  // overlong
      {frame(1, "\xF4\x90\x80\x80"), "breach 1007;"},  // beyond U+10FFFF
  };
  for (const int opcode : {3, 7, 11, 15}) cases.push_back({frame(opcode, "a"), "breach 1002;"});
  for (const int bit : {0x10, 0x20, 0x40}) {
    cases.push_back({frame(bit | 1, "a"), "breach 1002;"});
    cases.push_back({frame(bit | 9, "a"), "breach 1002;"});
  }
  return cases;
}

// Whole, byte by byte, and cut in two: everywhere when it is short, at the ends when it is long.
void check(const std::vector<Case>& cases) {
  for (const auto& [bytes, expected] : cases) {
    const std::string_view all = bytes;
    SCOPED_TRACE(testing::PrintToString(all.substr(0, 60)));
    EXPECT_TRUE(read({all}) == expected) << read({all}).substr(0, 100);
    EXPECT_TRUE(read(byte_by_byte(all)) == expected);
    for (std::size_t at = 0; at < all.size(); at += all.size() < 1'000 || at < 300 ? 1 : 997) {
      EXPECT_TRUE(read({all.substr(0, at), all.substr(at)}) == expected) << "cut at " << at;
    }
  }
}

TEST(FrameReader, ReadsMessagesAndTheControlFramesBetweenTheirFragments) { check(messages()); }

TEST(FrameReader, ReadsTheCloseAndChecksWhatItSays) { check(closes()); }

TEST(FrameReader, AnswersABreachWithTheCodeThatTheRfcHasForIt) { check(breaches()); }

// Whatever comes: no crash, the same however it is cut, and no more out than went in.
TEST(FrameReader, GarbageIsReadTheSameHoweverItIsCut) {
  std::mt19937 random(20261127);
  const auto below = [&](std::uint32_t limit) { return random() % limit; };
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes;
    for (std::uint32_t frames = below(6); frames > 0; --frames) {
      static constexpr int opcodes[] = {0, 0, 1, 1, 2, 8, 9, 10, 3};
      std::string payload(below(8) == 0 ? below(400) : below(12), '\0');
      for (char& byte : payload) byte = static_cast<char>(below(6) == 0 ? below(256) : 'a');
      bytes += frame(opcodes[below(9)], payload, below(3) != 0);
    }
    for (std::uint32_t flips = below(3); flips > 0 && !bytes.empty(); --flips) {
      bytes[below(static_cast<std::uint32_t>(bytes.size()))] ^= static_cast<char>(1 << below(8));
    }
    const std::string_view all = bytes;
    std::vector<std::string_view> pieces;
    for (std::size_t at = 0; at < all.size();) {
      const std::size_t size = 1 + below(20);
      pieces.push_back(all.substr(at, size));
      at += size;
    }
    const std::string whole = read({all});
    ASSERT_EQ(whole, read(pieces)) << "round " << round;
    ASSERT_LE(whole.size(), 20 * all.size());
  }
}

}  // namespace
}  // namespace interlock
