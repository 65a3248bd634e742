#include "common/file_stamp.h"

#include <sys/stat.h>

namespace interlock {

std::optional<FileStamp> stamp_of_file(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  FileStamp stamp;
  stamp.device = status.st_dev;
  stamp.inode = status.st_ino;
  stamp.size_bytes = status.st_size;
  stamp.changed_s = status.st_mtim.tv_sec;
  stamp.changed_ns = status.st_mtim.tv_nsec;
  return stamp;
}

}  // namespace interlock
