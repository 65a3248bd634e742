// A disk in memory that forgets what was not synced when its power is cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "rocksdb/io_status.h"

namespace interlock {

// It forgets as POSIX allows a journaling file system to: of each file what was appended since its
// last sync, from some byte on; and of the names made, changed and removed since their directory's
// last sync, from some change on. A file that was synced under a name that was not is lost.
//
// Any thread. Paths are absolute, without a slash at the end; the directory / is there.
class ForgetfulDisk {
 public:
  using Status = rocksdb::IOStatus;
  enum class Operation { kAppend, kSync, kSyncDirectory, kCreate, kRename, kRemove };

  struct File {
    std::string bytes;
    std::size_t synced = 0;
    bool is_directory = false;
  };
  using Handle = std::shared_ptr<File>;

  // What goes wrong instead of an operation, or holds it up. An append that fails leaves its
  // first half.
  using Fault = std::function<Status(Operation operation, const std::string& path)>;
  void set_fault(Fault fault);

  // Cuts the power in the midst of the n-th operation from now. From then on everything fails.
  void cut_power_at(std::uint64_t operation, std::uint64_t seed);
  bool power_is_cut() const;

  // How much of what was not synced a cut takes. Half: of each file's bytes, and of the changes of
  // names.
  enum class Loss { kByLuck, kEverything, kHalf };

  // What is left after a cut, which is made now unless it has been.
  std::shared_ptr<ForgetfulDisk> after_power_cut(std::uint64_t seed, Loss loss = Loss::kByLuck);

  // Another disk in the same state, without faults, and powered.
  std::shared_ptr<ForgetfulDisk> copy() const;

  // --- Operations -------------------------------------------------------------------------------

  Status create(const std::string& path, Handle* file);  // in the place of the one before
  Status make_directory(const std::string& path);
  Status append(const Handle& file, const std::string& path, std::string_view bytes);
  Status sync(const Handle& file, const std::string& path);
  Status sync_directory(const std::string& path);
  Status rename(const std::string& from, const std::string& to);
  Status remove(const std::string& path);

  Handle find(const std::string& path) const;  // null: not there
  std::vector<std::string> children(const std::string& directory) const;
  std::size_t size(const Handle& file) const;
  Status read(const Handle& file, std::uint64_t at, std::size_t bytes, std::string* result) const;
  bool lock(const std::string& path);
  void unlock(const std::string& path);

  // --- To look into it and to damage it ---------------------------------------------------------

  std::vector<std::string> files() const;
  std::string contents(const std::string& path) const;
  void overwrite(const std::string& path, std::string bytes);
  void forget(const std::string& path);

 private:
  using Names = std::map<std::string, Handle>;
  struct NameChange {
    std::string path;  // its directory must be synced
    std::function<void(Names&)> make;
  };

  Status fault(Operation operation, const std::string& path);
  Status begin();
  void change_name(const std::string& path, std::function<void(Names&)> make);
  void cut_power(Loss loss);
  std::size_t kept_of(std::size_t unsynced, Loss loss);
  static Names clone(const Names& names, std::map<const File*, Handle>& clones);

  mutable std::mutex mutex_;
  Names names_{{"/", std::make_shared<File>(File{"", 0, true})}};
  Names durable_names_ = names_;
  std::vector<NameChange> unsynced_;  // in the order in which they were made
  std::set<std::string> locks_;
  Fault fault_;
  std::optional<std::uint64_t> operations_left_;
  std::mt19937_64 random_;
  std::shared_ptr<ForgetfulDisk> survivor_;  // since the power was cut
};

}  // namespace interlock
