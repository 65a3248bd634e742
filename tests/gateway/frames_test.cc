#include "gateway/frames.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "common/json_check.h"

namespace interlock {
namespace {

v1::Event event_with(std::uint64_t sequence, std::string_view payload) {
  v1::Event event;
  event.set_sequence(sequence);
  event.set_type("agent_started");
  event.set_payload(std::string(payload));
  return event;
}

// ---- from the server ----

TEST(ServerFrames, HelloSaysWhereTheConnectionStands) {
  EXPECT_EQ(hello_frame({.key = "anna:s1",
                         .session = "s1",
                         .generation = 1'700'000'000'000'001,
                         .resumed = true,
                         .next_seq = 5,
                         .heartbeat_ms = 25'000}),
            R"({"type":"hello","key":"anna:s1","session":"s1","generation":1700000000000001,)"
            R"("resumed":true,"next_seq":5,"heartbeat_ms":25000})");
}

TEST(ServerFrames, AnEventCarriesItsPayloadByteForByte) {
  v1::Event event = event_with(7, R"({ "price": 1.10, "big": 12345678901234567890123 })");
  event.set_run("r1");
  event.set_id("r1/2");
  EXPECT_EQ(event_frame(event),
            R"({"type":"event","seq":7,"event":"agent_started","run":"r1","id":"r1/2",)"
            R"("data":{ "price": 1.10, "big": 12345678901234567890123 }})");
}

TEST(ServerFrames, AnEventOutsideARunNamesNone) {
  EXPECT_EQ(event_frame(event_with(7, "1")),
            R"({"type":"event","seq":7,"event":"agent_started","data":1})");
}

TEST(ServerFrames, AnEventWithoutAPayloadCarriesNull) {
  EXPECT_EQ(event_frame(event_with(7, "")),
            R"({"type":"event","seq":7,"event":"agent_started","data":null})");
}

TEST(ServerFrames, AnExpiredEventSaysOnlyItsSequence) {
  v1::Event event = event_with(7, "1");
  event.set_expired(true);
  EXPECT_EQ(event_frame(event), R"({"type":"expired","seq":7})");
}

TEST(ServerFrames, ATransientEventHasNoNumberOfItsOwn) {
  EXPECT_EQ(transient_frame(7, "token", R"({"t":"Hal"})"),
            R"({"type":"event","after":7,"event":"token","data":{"t":"Hal"}})");
}

TEST(ServerFrames, TheOthersSayWhatTheirNameSays) {
  EXPECT_EQ(ready_frame(v1::PROCESSING, 3),
            R"({"type":"ready","state":"PROCESSING","replayed":3})");
  EXPECT_EQ(lost_frame("position_not_held", 4),
            R"({"type":"lost","reason":"position_not_held","next_seq":4})");
  EXPECT_EQ(ack_frame("m1"), R"({"type":"ack","id":"m1"})");
  EXPECT_EQ(reconnect_frame("draining", 250),
            R"({"type":"reconnect","reason":"draining","after_ms":250})");
  EXPECT_EQ(state_frame(v1::RECONNECTING), R"({"type":"state","state":"RECONNECTING"})");
  EXPECT_EQ(pong_frame(), R"({"type":"pong"})");
}

TEST(ServerFrames, AnErrorSaysWhichMessageAndWhetherToTryAgain) {
  EXPECT_EQ(error_frame({.message_id = "m1",
                         .code = "UNAVAILABLE",
                         .message = "The backend cannot be reached.",
                         .retryable = true}),
            R"({"type":"error","id":"m1","code":"UNAVAILABLE",)"
            R"("message":"The backend cannot be reached.","retryable":true})");
  EXPECT_EQ(error_frame({.code = "INVALID_ARGUMENT", .message = "No."}),
            R"({"type":"error","code":"INVALID_ARGUMENT","message":"No.","retryable":false})");
}

TEST(ServerFrames, AnErrorCodeThatTheProtocolDoesNotHaveBecomesInternal) {
  EXPECT_EQ(error_frame({.code = "DATA_LOSS", .message = ""}),
            R"({"type":"error","code":"INTERNAL","message":"","retryable":false})");
}

TEST(ServerFrames, StayJsonWhateverTheTextsHold) {
  const std::string all = "\"\\\n\x01\x7F J\xC3\xBCrg \xF0\x9F\x9A\x82 \xFF\xC3";
  EXPECT_FALSE(check_json(ack_frame(all), json_depth_max));
  EXPECT_FALSE(
      check_json(error_frame({.message_id = all, .code = all, .message = all}), json_depth_max));
  EXPECT_EQ(ack_frame("a\"b"), R"({"type":"ack","id":"a\"b"})");
  EXPECT_EQ(ack_frame("J\xC3\xBCrg"), "{\"type\":\"ack\",\"id\":\"J\xC3\xBCrg\"}");
}

// ---- from the client ----

ClientMessage message_of(std::string_view text) {
  return std::get<ClientMessage>(parse_client_frame(text));
}

std::string_view fault_of(std::string_view text) {
  const ClientFrame frame = parse_client_frame(text);
  const auto* fault = std::get_if<FrameFault>(&frame);
  return fault == nullptr ? "none" : fault->sentence;
}

TEST(ClientFrames, AMessageHasAnIdAndData) {
  const ClientMessage message = message_of(R"({"type":"message","id":"m1","data":{"text":"hi"}})");
  EXPECT_EQ(message.id, "m1");
  EXPECT_EQ(message.data, R"({"text":"hi"})");
}

TEST(ClientFrames, DataStaysAsTheClientWroteIt) {
  for (const std::string_view data :
       {"1.10", "12345678901234567890123", "1e2", "null", "true", "-0", "\"\"", "\"}\\\"]\"", "[]",
        "{}", "[1 , {\"a\\\\\":[\"]\"]} ]", "\"\\u00e9\\\\\""}) {
    const std::string before = R"({"type":"message","id":"m","data": )";
    const std::string between = R"({"data":)";
    EXPECT_EQ(message_of(before + std::string(data) + " }").data, data);
    EXPECT_EQ(message_of(between + std::string(data) + R"(,"type":"message","id":"m"})").data,
              data);
  }
}

TEST(ClientFrames, WhitespaceAndOrderDoNotMatter) {
  const ClientMessage message =
      message_of(" \r\n{ \"data\" :\t[ 1 ] , \"id\":\"m\"\n,\"type\" : \"message\" } \n");
  EXPECT_EQ(message.id, "m");
  EXPECT_EQ(message.data, "[ 1 ]");
}

TEST(ClientFrames, NamesAndTextsMayBeEscaped) {
  const ClientMessage message =
      message_of(R"({"\u0074ype":"mess\u0061ge","id":"\"\u00e9","d\u0061ta":1})");
  EXPECT_EQ(message.id, "\"\xC3\xA9");
  EXPECT_EQ(message.data, "1");
}

TEST(ClientFrames, AnAckNamesASequence) {
  EXPECT_EQ(std::get<ClientAck>(parse_client_frame(R"({"type":"ack","seq":12})")).sequence, 12U);
  EXPECT_EQ(std::get<ClientAck>(parse_client_frame(R"({"seq":18446744073709551615,"type":"ack"})"))
                .sequence,
            18446744073709551615U);
}

TEST(ClientFrames, APingIsAPing) {
  EXPECT_TRUE(std::holds_alternative<ClientPing>(parse_client_frame(R"({"type":"ping"})")));
}

TEST(ClientFrames, UnknownMembersAreIgnored) {
  EXPECT_TRUE(std::holds_alternative<ClientPing>(
      parse_client_frame(R"({"later":{"type":"x"},"type":"ping","":[],"later":2})")));
}

TEST(ClientFrames, WhatIsNotAJsonObjectIsNamed) {
  for (const std::string_view text :
       {"", " ", "hello", "{", R"({"type":"ping"}x)", R"({"type":"ping",})", R"({'type':'ping'})",
        "{\"type\":\"ping\",\"a\":\"\xFF\"}", R"({"type":"ping"} {"type":"ping"})",
        "\xEF\xBB\xBF{\"type\":\"ping\"}", R"({"a":NaN})", "{\"a\":01}"}) {
    EXPECT_EQ(fault_of(text), "The frame is not JSON.") << text;
  }
  using namespace std::string_view_literals;
  EXPECT_EQ(fault_of("{\"type\":\"ping\"}\0"sv), "The frame is not JSON.");
  for (const std::string_view text : {"[]", "1", "null", "\"ping\"", R"([{"type":"ping"}])"}) {
    EXPECT_EQ(fault_of(text), "The frame is not a JSON object.") << text;
  }
}

TEST(ClientFrames, AnUnknownTypeIsNamed) {
  for (const std::string_view text :
       {"{}", R"({"type":"hello"})", R"({"type":1})", R"({"type":null})", R"({"Type":"ping"})"}) {
    EXPECT_EQ(fault_of(text), "The frame's type is not message, ack or ping.") << text;
  }
}

TEST(ClientFrames, AMemberGivenTwiceIsRefused) {
  for (const std::string_view text :
       {R"({"type":"ping","type":"ping"})", R"({"type":"message","id":"a","data":1,"data":2})",
        R"({"type":"ack","seq":1,"s\u0065q":2})"}) {
    EXPECT_EQ(fault_of(text), "The frame has a member twice.") << text;
  }
}

TEST(ClientFrames, AMessageIdIsOneTo128Bytes) {
  const auto with_id = [](std::string_view id) {
    return R"({"type":"message","id":)" + std::string(id) + R"(,"data":1})";
  };
  EXPECT_EQ(message_of(with_id('"' + std::string(128, 'x') + '"')).id.size(), 128U);
  for (const std::string& id : {std::string("\"\""), '"' + std::string(129, 'x') + '"',
                                std::string("7"), std::string("null")}) {
    EXPECT_EQ(fault_of(with_id(id)), "A message needs an id, a string of 1 to 128 bytes.");
  }
  EXPECT_EQ(fault_of(R"({"type":"message","data":1})"),
            "A message needs an id, a string of 1 to 128 bytes.");
}

TEST(ClientFrames, AMessageNeedsData) {
  EXPECT_EQ(fault_of(R"({"type":"message","id":"m"})"), "A message needs data.");
}

TEST(ClientFrames, AnAckNeedsAWholeNumber) {
  for (const std::string_view seq :
       {"-1", "1.0", "1e2", "\"1\"", "null", "18446744073709551616", "[1]"}) {
    EXPECT_EQ(fault_of(R"({"type":"ack","seq":)" + std::string(seq) + "}"),
              "An ack needs a seq, a whole number.")
        << seq;
  }
  EXPECT_EQ(fault_of(R"({"type":"ack"})"), "An ack needs a seq, a whole number.");
}

TEST(ClientFrames, MayBeNested32DeepAndNoDeeper) {
  const auto nested = [](std::size_t arrays) {
    return R"({"type":"message","id":"m","data":)" + std::string(arrays, '[') +
           std::string(arrays, ']') + "}";
  };
  EXPECT_EQ(message_of(nested(31)).data.size(), 62U);
  EXPECT_EQ(fault_of(nested(32)), "The frame is nested deeper than 32.");
  EXPECT_EQ(fault_of(std::string(100'000, '[')), "The frame is nested deeper than 32.");
}

TEST(ClientFrames, EveryFaultFitsIntoACloseReason) {
  for (const std::string_view text : {"", "[]", "{}", R"({"type":"ack"})", R"({"type":"message"})",
                                      R"({"type":"message","id":"m"})", R"({"seq":1,"seq":1})"}) {
    EXPECT_LE(fault_of(text).size() + std::string_view("protocol_error; ").size(), 123U);
  }
}

// Bytes are changed, removed and doubled in a good frame: whatever comes out is taken or refused.
TEST(ClientFrames, DamagedFramesAreTakenOrRefused) {
  const std::string good =
      R"({"x":[{"a":"\\\""},-1.5e+3],"type":"message","id":"m\u00e9","data":{"k":["]",{}]}})";
  std::mt19937_64 random(7);
  int taken = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string text = good;
    const auto changes = 1 + random() % 3;
    for (std::uint64_t i = 0; i < changes && !text.empty(); ++i) {
      const auto at = random() % text.size();
      if (random() % 3 == 0) {
        text.erase(at, 1 + random() % 4);
      } else if (random() % 2 == 0) {
        text.insert(at, text.substr(random() % text.size(), random() % 6));
      } else {
        text[at] = good[random() % good.size()];
      }
    }
    const ClientFrame frame = parse_client_frame(text);
    if (const auto* message = std::get_if<ClientMessage>(&frame)) {
      ++taken;
      EXPECT_FALSE(check_json(message->data, json_depth_max)) << text;
    }
  }
  EXPECT_GT(taken, 100);
}

}  // namespace
}  // namespace interlock
