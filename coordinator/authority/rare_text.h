// A text that is nearly always empty, in the room of a pointer: a record's history is copied for
// every decision, and two empty strings were half of it.
#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <utility>

namespace interlock {

class RareText {
 public:
  RareText() = default;
  // NOLINTBEGIN(google-explicit-constructor): it is set as a string is
  RareText(std::string text)
      : text_(text.empty() ? nullptr : std::make_unique<std::string>(std::move(text))) {}
  RareText(const char* text) : RareText(std::string(text)) {}
  // NOLINTEND(google-explicit-constructor)
  RareText(const RareText& other)
      : text_(other.text_ ? std::make_unique<std::string>(*other.text_) : nullptr) {}
  RareText(RareText&&) = default;
  RareText& operator=(RareText other) {
    text_ = std::move(other.text_);
    return *this;
  }
  ~RareText() = default;

  bool empty() const { return text_ == nullptr; }
  const std::string& str() const {
    static const std::string none;
    return text_ ? *text_ : none;
  }

  friend bool operator==(const RareText& a, const RareText& b) {
    return a.str() == b.str();
  }
  friend std::ostream& operator<<(std::ostream& out, const RareText& text) {
    return out << text.str();
  }

 private:
  std::unique_ptr<std::string> text_;  // nullptr: empty
};

}  // namespace interlock
