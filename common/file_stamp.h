// Whether a file is still the one that was read: secrets and certificates are exchanged under
// running programs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace interlock {

// Taken before the file is read, so that a change while it is read is seen the next time.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size_bytes = 0;
  std::int64_t changed_s = 0;
  std::int64_t changed_ns = 0;

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

// Of what a symbolic link points to, since that is what mounted secrets move; none: there is no
// such file.
std::optional<FileStamp> stamp_of_file(const std::string& path);

}  // namespace interlock
