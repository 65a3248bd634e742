#include "tests/coordinator/store/forgetful_disk.h"

#include <algorithm>
#include <utility>

namespace interlock {
namespace {

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

rocksdb::IOStatus no_power() { return rocksdb::IOStatus::IOError("The power is off"); }

}  // namespace

void ForgetfulDisk::set_fault(Fault fault) {
  std::lock_guard lock(mutex_);
  fault_ = std::move(fault);
}

void ForgetfulDisk::cut_power_at(std::uint64_t operation, std::uint64_t seed) {
  std::lock_guard lock(mutex_);
  operations_left_ = operation;
  random_.seed(seed);
}

bool ForgetfulDisk::power_is_cut() const {
  std::lock_guard lock(mutex_);
  return survivor_ != nullptr;
}

std::shared_ptr<ForgetfulDisk> ForgetfulDisk::after_power_cut(std::uint64_t seed, Loss loss) {
  std::lock_guard lock(mutex_);
  if (!survivor_) {
    random_.seed(seed);
    cut_power(loss);
  }
  return survivor_;
}

std::shared_ptr<ForgetfulDisk> ForgetfulDisk::copy() const {
  std::lock_guard lock(mutex_);
  auto copy = std::make_shared<ForgetfulDisk>();
  std::map<const File*, Handle> clones;
  copy->names_ = clone(names_, clones);
  copy->durable_names_ = copy->names_;
  for (const auto& [original, file] : clones) file->synced = file->bytes.size();
  return copy;
}

ForgetfulDisk::Names ForgetfulDisk::clone(const Names& names,
                                          std::map<const File*, Handle>& clones) {
  Names copy;
  for (const auto& [path, file] : names) {
    Handle& clone = clones[file.get()];
    if (!clone) clone = std::make_shared<File>(*file);
    copy[path] = clone;
  }
  return copy;
}

// --- The power cut -------------------------------------------------------------------------------

std::size_t ForgetfulDisk::kept_of(std::size_t unsynced, Loss loss) {
  if (loss == Loss::kEverything) return 0;
  if (loss == Loss::kHalf) return unsynced / 2;
  return random_() % (unsynced + 1);
}

void ForgetfulDisk::cut_power(Loss loss) {
  const std::size_t kept_changes = kept_of(unsynced_.size(), loss);
  for (std::size_t i = 0; i < kept_changes; ++i) unsynced_[i].make(durable_names_);
  survivor_ = std::make_shared<ForgetfulDisk>();
  std::map<const File*, Handle> clones;
  survivor_->names_ = clone(durable_names_, clones);
  // What lies in a directory that was forgotten is gone with it.
  std::erase_if(survivor_->names_, [this](const auto& each) {
    return each.first != "/" && !survivor_->names_.contains(parent_of(each.first));
  });
  survivor_->durable_names_ = survivor_->names_;
  for (const auto& [original, file] : clones) {
    const std::size_t unsynced = file->bytes.size() - file->synced;
    const std::uint64_t luck = loss == Loss::kByLuck ? random_() % 3 : 2;
    const std::size_t kept = luck == 0 ? 0 : luck == 1 ? unsynced : kept_of(unsynced, loss);
    file->bytes.resize(file->synced + kept);
    file->synced = file->bytes.size();
  }
}

// Asked first in each operation, without the lock: a fault may take its time.
ForgetfulDisk::Status ForgetfulDisk::fault(Operation operation, const std::string& path) {
  Fault fault;
  {
    std::lock_guard lock(mutex_);
    fault = fault_;
  }
  return fault ? fault(operation, path) : Status::OK();
}

// Asked next, under the lock. The power goes before the operation or in its midst, as the caller
// makes of a failure.
ForgetfulDisk::Status ForgetfulDisk::begin() {
  if (survivor_) return no_power();
  if (operations_left_ && (*operations_left_)-- == 1) {
    operations_left_.reset();
    cut_power(Loss::kByLuck);
    return no_power();
  }
  return Status::OK();
}

void ForgetfulDisk::change_name(const std::string& path, std::function<void(Names&)> make) {
  make(names_);
  unsynced_.push_back({path, std::move(make)});
}

// --- Operations ----------------------------------------------------------------------------------

ForgetfulDisk::Status ForgetfulDisk::create(const std::string& path, Handle* file) {
  if (Status s = fault(Operation::kCreate, path); !s.ok()) return s;
  std::lock_guard lock(mutex_);
  if (!names_.contains(parent_of(path))) return Status::PathNotFound(path);
  if (Status s = begin(); !s.ok()) return s;
  *file = std::make_shared<File>();
  change_name(path, [path, made = *file](Names& names) { names[path] = made; });
  return Status::OK();
}

ForgetfulDisk::Status ForgetfulDisk::make_directory(const std::string& path) {
  if (Status s = fault(Operation::kCreate, path); !s.ok()) return s;
  std::lock_guard lock(mutex_);
  if (!names_.contains(parent_of(path))) return Status::PathNotFound(path);
  if (Status s = begin(); !s.ok()) return s;
  const auto made = std::make_shared<File>(File{"", 0, true});
  change_name(path, [path, made](Names& names) { names[path] = made; });
  return Status::OK();
}

ForgetfulDisk::Status ForgetfulDisk::append(const Handle& file, const std::string& path,
                                            std::string_view bytes) {
  const Status failure = fault(Operation::kAppend, path);
  std::lock_guard lock(mutex_);
  if (survivor_) return no_power();
  const std::size_t half = bytes.size() / 2;
  file->bytes.append(bytes.substr(0, half));
  if (!failure.ok()) return failure;
  if (Status s = begin(); !s.ok()) return s;
  file->bytes.append(bytes.substr(half));
  return Status::OK();
}

ForgetfulDisk::Status ForgetfulDisk::sync(const Handle& file, const std::string& path) {
  if (Status s = fault(Operation::kSync, path); !s.ok()) return s;
  std::lock_guard lock(mutex_);
  if (Status s = begin(); !s.ok()) return s;
  file->synced = file->bytes.size();
  return Status::OK();
}

ForgetfulDisk::Status ForgetfulDisk::sync_directory(const std::string& path) {
  if (Status s = fault(Operation::kSyncDirectory, path); !s.ok()) return s;
  std::lock_guard lock(mutex_);
  if (Status s = begin(); !s.ok()) return s;
  std::erase_if(unsynced_, [&](const NameChange& change) {
    if (parent_of(change.path) != path) return false;
    change.make(durable_names_);
    return true;
  });
  return Status::OK();
}

ForgetfulDisk::Status ForgetfulDisk::rename(const std::string& from, const std::string& to) {
  if (Status s = fault(Operation::kRename, from); !s.ok()) return s;
  std::lock_guard lock(mutex_);
  const auto found = names_.find(from);
  if (found == names_.end()) return Status::PathNotFound(from);
  if (Status s = begin(); !s.ok()) return s;
  change_name(to, [from, to, file = found->second](Names& names) {
    names.erase(from);
    names[to] = file;
  });
  return Status::OK();
}

ForgetfulDisk::Status ForgetfulDisk::remove(const std::string& path) {
  if (Status s = fault(Operation::kRemove, path); !s.ok()) return s;
  std::lock_guard lock(mutex_);
  if (!names_.contains(path)) return Status::PathNotFound(path);
  if (Status s = begin(); !s.ok()) return s;
  change_name(path, [path](Names& names) { names.erase(path); });
  return Status::OK();
}

ForgetfulDisk::Handle ForgetfulDisk::find(const std::string& path) const {
  std::lock_guard lock(mutex_);
  const auto found = names_.find(path);
  return found == names_.end() || survivor_ ? nullptr : found->second;
}

std::vector<std::string> ForgetfulDisk::children(const std::string& directory) const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> found;
  for (const auto& [path, file] : names_) {
    if (path != "/" && parent_of(path) == directory) {
      found.push_back(path.substr(path.find_last_of('/') + 1));
    }
  }
  return found;
}

std::size_t ForgetfulDisk::size(const Handle& file) const {
  std::lock_guard lock(mutex_);
  return file->bytes.size();
}

ForgetfulDisk::Status ForgetfulDisk::read(const Handle& file, std::uint64_t at, std::size_t bytes,
                                          std::string* result) const {
  std::lock_guard lock(mutex_);
  if (survivor_) return no_power();
  *result = at < file->bytes.size() ? file->bytes.substr(at, bytes) : "";
  return Status::OK();
}

bool ForgetfulDisk::lock(const std::string& path) {
  std::lock_guard lock(mutex_);
  return locks_.insert(path).second;
}

void ForgetfulDisk::unlock(const std::string& path) {
  std::lock_guard lock(mutex_);
  locks_.erase(path);
}

// --- To look into it and to damage it ------------------------------------------------------------

std::vector<std::string> ForgetfulDisk::files() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> found;
  for (const auto& [path, file] : names_) {
    if (!file->is_directory) found.push_back(path);
  }
  return found;
}

std::string ForgetfulDisk::contents(const std::string& path) const {
  std::lock_guard lock(mutex_);
  return names_.at(path)->bytes;
}

void ForgetfulDisk::overwrite(const std::string& path, std::string bytes) {
  std::lock_guard lock(mutex_);
  const std::size_t size = bytes.size();
  names_[path] = std::make_shared<File>(File{std::move(bytes), size, false});
  durable_names_[path] = names_[path];
}

void ForgetfulDisk::forget(const std::string& path) {
  std::lock_guard lock(mutex_);
  names_.erase(path);
  durable_names_.erase(path);
}

}  // namespace interlock
