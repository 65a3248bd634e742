// The watches of one page: what it asked to see of the coordinators, as it happens.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <thread>

#include "coordinator/ctl/console/coordinators.h"
#include "coordinator/ctl/console/mailbox.h"
#include "interlock/v1/admin.pb.h"

namespace interlock {

inline constexpr std::size_t watches_max = 8;  // of one page

// One thread owns it and calls all but the constructor's `has_news`.
class Watches {
 public:
  // `has_news` is called on any thread, when there is something to take again.
  Watches(Coordinators& coordinators, std::function<void()> has_news)
      : coordinators_(coordinators), mailbox_(std::move(has_news)) {}
  ~Watches() { end(); }
  Watches(const Watches&) = delete;
  Watches& operator=(const Watches&) = delete;

  // One text frame of the page:
  //   {"watch": ID, "key": K, "filter": F, "from_revision": R}   ID: a number that it chose
  //   {"unwatch": ID}
  // False: it makes no sense, or is one watch too many, and the page is to be sent away.
  bool obey(std::string_view frame);

  // An array of what has come, to be sent as one frame; empty: nothing. Of watch ID:
  //   {"watch": ID, "response": WatchResponse}
  //   {"watch": ID, "away": SENTENCE}     the coordinator is gone; it is asked again, or another
  //                                       one is, at the revision where the watch was
  //   {"watch": ID, "error": SENTENCE, "reason": WORD}   it has ended
  std::string take() { return mailbox_.take(); }

  // Cancels all of them and waits for their threads, which takes milliseconds.
  void end();

 private:
  struct Watch {
    std::uint64_t id = 0;
    std::atomic<bool> ended = false;
    std::jthread thread;
  };

  bool make_room();
  void start(std::uint64_t id, v1::WatchRequest request);
  void stop(std::uint64_t id);
  void follow(std::uint64_t id, v1::WatchRequest request, const std::stop_token& stop);
  Outcome follow_once(std::uint64_t id, AdminClient& client, v1::WatchRequest& request,
                      const std::stop_token& stop);

  Coordinators& coordinators_;
  Mailbox mailbox_;
  std::list<Watch> watches_;
};

}  // namespace interlock
