#include "coordinator/ctl/websocket_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace interlock {
namespace {

TEST(WebSocketUrl, NamesHostPortAndPath) {
  EXPECT_EQ(*parse_websocket_url("ws://h:8080/a/b"), (WebSocketUrl{false, "h", "8080", "/a/b"}));
  EXPECT_EQ(*parse_websocket_url("wss://h"), (WebSocketUrl{true, "h", "443", "/ws"}));
  EXPECT_EQ(*parse_websocket_url("ws://h/"), (WebSocketUrl{false, "h", "80", "/ws"}));
  EXPECT_EQ(*parse_websocket_url("ws://[::1]:81"), (WebSocketUrl{false, "::1", "81", "/ws"}));
  EXPECT_EQ(*parse_websocket_url("ws://[::1]"), (WebSocketUrl{false, "::1", "80", "/ws"}));
}

TEST(WebSocketUrl, IsWrittenWithThePortOnlyWhereItIsNotTheSchemesOwn) {
  EXPECT_EQ(to_string(*parse_websocket_url("ws://h:8080")), "ws://h:8080/ws");
  EXPECT_EQ(to_string(*parse_websocket_url("wss://h:443/x")), "wss://h/x");
  EXPECT_EQ(host_header(*parse_websocket_url("ws://[::1]:81")), "[::1]:81");
}

TEST(WebSocketUrl, NonsenseIsRefusedWithASentence) {
  for (const char* text : {"", "h:8080", "http://h", "ws://", "ws://h:0", "ws://h:x", "ws://h?a=b",
                           "ws://h/ws#x", "ws://user:p@h", "ws://h/a b", "ws://h/\r\nX: y"}) {
    const auto url = parse_websocket_url(text);
    EXPECT_FALSE(url.ok()) << text;
    EXPECT_THAT(std::string(url.status().message()), testing::HasSubstr("ws://host:port")) << text;
  }
}

}  // namespace
}  // namespace interlock
