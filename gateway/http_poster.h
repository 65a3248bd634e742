// Sends POST requests.
//
// A thin wall around libcurl, which is included in http_poster.cc and nowhere else; its one thread
// drives all of them. Nothing is tried again and no redirect is followed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gateway/webhook_answer.h"

namespace interlock {

struct Post {
  std::string url;
  std::vector<std::string> headers;  // "name: value"
  std::string body;
  std::uint64_t timeout_ms = 1'000;  // for all of it, from the name's look-up to the last byte
};

struct PosterSettings {
  std::string ca_file;                     // whom to believe; empty: the system's authorities
  std::size_t answer_bytes_max = 64 * 1024;  // of the body; as much again of the head
  std::uint32_t connections_max = 64;  // to one host; what is beyond it waits within its time
};

// From any thread but for the destructor.
class HttpPoster {
 public:
  explicit HttpPoster(const PosterSettings& settings);
  // Cancels what is under way, and says so.
  ~HttpPoster();
  HttpPoster(const HttpPoster&) = delete;
  HttpPoster& operator=(const HttpPoster&) = delete;

  // `done` comes once, on the poster's thread, and must not block. The number names it to cancel().
  std::uint64_t post(Post post, std::function<void(PostAnswer)> done);
  // Ends it soon with kCancelled, unless it has ended already.
  void cancel(std::uint64_t number);

 private:
  class Driver;
  std::unique_ptr<Driver> driver_;
};

}  // namespace interlock
