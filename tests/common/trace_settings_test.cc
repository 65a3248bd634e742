// Where traces may go, and what is refused.
#include "common/trace_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/flags/reflection.h"
#include "common/settings.h"

namespace interlock {
namespace {

using testing::HasSubstr;

absl::StatusOr<TraceSettings> read(const std::vector<std::string>& arguments) {
  const absl::FlagSaver saver;
  std::vector<const char*> given = {"/usr/bin/test"};
  for (const std::string& argument : arguments) given.push_back(argument.c_str());
  const auto rest = parse_settings(static_cast<int>(given.size()), given.data(), trace_flags, {});
  if (!rest.ok()) return rest.status();
  return read_trace_settings();
}

TEST(TraceSettings, TheyAreOffUnlessAnEndpointIsNamed) {
  const auto settings = read({});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->url, "");
  EXPECT_EQ(settings->sample_ratio, 0.01);
  EXPECT_EQ(settings->project_id, "");
}

TEST(TraceSettings, AnEndpointGetsThePathOfTraces) {
  for (const auto& [endpoint, url] : std::vector<std::pair<std::string, std::string>>{
           {"http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"},
           {"http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"},
           {"http://[::1]:4318", "http://[::1]:4318/v1/traces"},
           {"https://otel.example.com", "https://otel.example.com/v1/traces"},
           {"https://otel.example.com/api/otlp/", "https://otel.example.com/api/otlp/v1/traces"}}) {
    const auto settings = read({"--otlp_endpoint=" + endpoint});
    ASSERT_TRUE(settings.ok()) << settings.status();
    EXPECT_EQ(settings->url, url);
  }
}

TEST(TraceSettings, WhatIsNoEndpointIsRefusedWithASentence) {
  for (const char* endpoint :
       {"127.0.0.1:4318", "grpc://host:4317", "http://", "http:///v1", "http://host:port",
        "http://host:99999", "https://user@host", "https://host?x=1", "https://host#a",
        "http://a host:1", "ftp://host"}) {
    const auto settings = read({std::string("--otlp_endpoint=") + endpoint});
    ASSERT_FALSE(settings.ok()) << endpoint;
    EXPECT_THAT(std::string(settings.status().message()), HasSubstr("--otlp_endpoint"));
  }
}

TEST(TraceSettings, ARatioIsFromNoneToAll) {
  EXPECT_EQ(read({"--trace_sample_ratio=1"})->sample_ratio, 1);
  EXPECT_EQ(read({"--trace_sample_ratio=0"})->sample_ratio, 0);
  for (const char* ratio : {"-0.1", "1.1", "nan"}) {
    const auto settings = read({std::string("--trace_sample_ratio=") + ratio});
    ASSERT_FALSE(settings.ok()) << ratio;
    EXPECT_THAT(std::string(settings.status().message()), HasSubstr("--trace_sample_ratio"));
  }
}

TEST(TraceSettings, AProjectIsAnId) {
  EXPECT_EQ(read({"--trace_project_id=my-project-1"})->project_id, "my-project-1");
  EXPECT_FALSE(read({"--trace_project_id=My Project"}).ok());
  EXPECT_FALSE(read({"--trace_project_id=a/b"}).ok());
}

}  // namespace
}  // namespace interlock
