#include "common/small_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"

namespace interlock {
namespace {

absl::Status cannot_read(const std::string& path) {
  return absl::ErrnoToStatus(errno, fmt::format("Cannot read the file \"{}\"", path));
}

}  // namespace

absl::StatusOr<std::string> read_small_file(const std::string& path, std::size_t bytes_max) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return cannot_read(path);
  const absl::Cleanup close_file = [file] { close(file); };

  std::string content(bytes_max + 1, '\0');
  std::size_t size = 0;
  while (size < content.size()) {
    const ssize_t got = read(file, content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_read(path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > bytes_max) {
    return absl::ResourceExhaustedError(
        fmt::format("The file \"{}\" is longer than {} bytes.", path, bytes_max));
  }
  content.resize(size);
  return content;
}

}  // namespace interlock
