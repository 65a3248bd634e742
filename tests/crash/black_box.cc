#include "tests/crash/black_box.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "tests/crash/failpoints.h"

namespace interlock {
namespace {

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "black box: %s\n", why.c_str());
  std::abort();
}

void append_number(std::string& bytes, std::size_t value) {
  const auto narrow = static_cast<std::uint32_t>(value);
  bytes.append(reinterpret_cast<const char*>(&narrow), sizeof narrow);
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool at_end() const { return rest_.empty(); }
  std::uint32_t number() {
    std::uint32_t value = 0;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view take(std::size_t bytes) {
    if (bytes > rest_.size()) give_up("the diary ends within a line");
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }

 private:
  std::string_view rest_;
};

}  // namespace

BlackBox::BlackBox(const std::string& path, DeathSentence sentence)
    : sentence_(std::move(sentence)),
      file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
  if (file_ < 0) give_up("cannot open " + path);
}

BlackBox::~BlackBox() { ::close(file_); }

void BlackBox::write(const DiaryLine& line) {
  std::string bytes;
  append_number(bytes, line.size());
  for (const std::string& field : line) {
    append_number(bytes, field.size());
    bytes += field;
  }
  if (::write(file_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    give_up("the diary cannot be written");
  }
}

void BlackBox::reach(std::string_view failpoint) {
  if (!is_failpoint(failpoint)) give_up(std::string(failpoint) + " is not in the list");
  write({"hit", std::string(failpoint)});
  if (failpoint != sentence_.failpoint || ++hits_ != sentence_.hit) return;
  ::kill(::getpid(), SIGKILL);
  while (true) ::pause();  // the signal is on its way
}

std::vector<DiaryLine> read_diary(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::vector<DiaryLine> lines;
  for (Reader reader(bytes); !reader.at_end();) {
    DiaryLine line(reader.number());
    for (std::string& field : line) field = reader.take(reader.number());
    lines.push_back(std::move(line));
  }
  return lines;
}

std::uint64_t number(const std::string& field) {
  return std::strtoull(field.c_str(), nullptr, 10);
}

}  // namespace interlock
