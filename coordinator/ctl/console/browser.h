// Opens the console's address in the operator's browser.
#pragma once

#include <string>

namespace interlock {

// Hands the browser a file that leads to the address, not the address itself: it holds the token,
// and every user of a machine can read every program's command line.
class BrowserDoor {
 public:
  // Does nothing without a display, or without xdg-open: the address is printed anyway.
  explicit BrowserDoor(const std::string& url);
  // The file is gone with it.
  ~BrowserDoor();
  BrowserDoor(const BrowserDoor&) = delete;
  BrowserDoor& operator=(const BrowserDoor&) = delete;

 private:
  std::string folder_;
  std::string file_;
};

}  // namespace interlock
