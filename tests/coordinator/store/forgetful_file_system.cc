#include "tests/coordinator/store/forgetful_file_system.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace interlock {
namespace {

using Status = rocksdb::IOStatus;
using Options = rocksdb::IOOptions;
using Debug = rocksdb::IODebugContext;

// RocksDB joins directory and name with one slash too many now and then.
std::string normal(const std::string& path) {
  std::string result;
  for (const char c : path) {
    if (c != '/' || result.empty() || result.back() != '/') result.push_back(c);
  }
  if (result.size() > 1 && result.back() == '/') result.pop_back();
  return result;
}

struct OpenFile {
  std::shared_ptr<ForgetfulDisk> disk;
  ForgetfulDisk::Handle file;
  std::string path;

  Status read(std::uint64_t at, std::size_t bytes, rocksdb::Slice* result, char* scratch) const {
    std::string read;
    Status s = disk->read(file, at, bytes, &read);
    if (s.ok()) std::memcpy(scratch, read.data(), read.size());
    *result = rocksdb::Slice(scratch, read.size());
    return s;
  }
};

class SequentialFile final : public rocksdb::FSSequentialFile {
 public:
  explicit SequentialFile(OpenFile open) : open_(std::move(open)) {}
  Status Read(std::size_t bytes, const Options&, rocksdb::Slice* result, char* scratch,
              Debug*) override {
    Status s = open_.read(at_, bytes, result, scratch);
    at_ += result->size();
    return s;
  }
  Status Skip(std::uint64_t bytes) override {
    at_ += bytes;
    return Status::OK();
  }

 private:
  const OpenFile open_;
  std::uint64_t at_ = 0;
};

class RandomAccessFile final : public rocksdb::FSRandomAccessFile {
 public:
  explicit RandomAccessFile(OpenFile open) : open_(std::move(open)) {}
  Status Read(std::uint64_t at, std::size_t bytes, const Options&, rocksdb::Slice* result,
              char* scratch, Debug*) const override {
    return open_.read(at, bytes, result, scratch);
  }

 private:
  const OpenFile open_;
};

class WritableFile final : public rocksdb::FSWritableFile {
 public:
  explicit WritableFile(OpenFile open) : open_(std::move(open)) {}
  using rocksdb::FSWritableFile::Append;
  Status Append(const rocksdb::Slice& bytes, const Options&, Debug*) override {
    return open_.disk->append(open_.file, open_.path, bytes.ToStringView());
  }
  Status Sync(const Options&, Debug*) override { return open_.disk->sync(open_.file, open_.path); }
  Status Flush(const Options&, Debug*) override { return Status::OK(); }
  Status Close(const Options&, Debug*) override { return Status::OK(); }
  std::uint64_t GetFileSize(const Options&, Debug*) override {
    return open_.disk->size(open_.file);
  }

 private:
  const OpenFile open_;
};

class Directory final : public rocksdb::FSDirectory {
 public:
  Directory(std::shared_ptr<ForgetfulDisk> disk, std::string path)
      : disk_(std::move(disk)), path_(std::move(path)) {}
  Status Fsync(const Options&, Debug*) override { return disk_->sync_directory(path_); }

 private:
  const std::shared_ptr<ForgetfulDisk> disk_;
  const std::string path_;
};

struct Lock final : public rocksdb::FileLock {
  explicit Lock(std::string locked) : path(std::move(locked)) {}
  const std::string path;
};

class NoLogger final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
  std::size_t GetLogFileSize() const override { return 0; }
};

}  // namespace

ForgetfulFileSystem::ForgetfulFileSystem(std::shared_ptr<ForgetfulDisk> disk)
    : FileSystemWrapper(rocksdb::FileSystem::Default()), disk_(std::move(disk)) {}

Status ForgetfulFileSystem::NewSequentialFile(Path path, const FileOptions&,
                                              std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                              Debug*) {
  const ForgetfulDisk::Handle found = disk_->find(normal(path));
  if (!found) return Status::PathNotFound(path);
  *file = std::make_unique<SequentialFile>(OpenFile{disk_, found, normal(path)});
  return Status::OK();
}

Status ForgetfulFileSystem::NewRandomAccessFile(Path path, const FileOptions&,
                                                std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                                Debug*) {
  const ForgetfulDisk::Handle found = disk_->find(normal(path));
  if (!found) return Status::PathNotFound(path);
  *file = std::make_unique<RandomAccessFile>(OpenFile{disk_, found, normal(path)});
  return Status::OK();
}

Status ForgetfulFileSystem::NewWritableFile(Path path, const FileOptions&,
                                            std::unique_ptr<rocksdb::FSWritableFile>* file,
                                            Debug*) {
  ForgetfulDisk::Handle made;
  if (Status s = disk_->create(normal(path), &made); !s.ok()) return s;
  *file = std::make_unique<WritableFile>(OpenFile{disk_, made, normal(path)});
  return Status::OK();
}

Status ForgetfulFileSystem::ReopenWritableFile(Path path, const FileOptions& options,
                                               std::unique_ptr<rocksdb::FSWritableFile>* file,
                                               Debug* debug) {
  const ForgetfulDisk::Handle found = disk_->find(normal(path));
  if (!found) return NewWritableFile(path, options, file, debug);
  *file = std::make_unique<WritableFile>(OpenFile{disk_, found, normal(path)});
  return Status::OK();
}

Status ForgetfulFileSystem::NewDirectory(Path path, const Options&,
                                         std::unique_ptr<rocksdb::FSDirectory>* directory, Debug*) {
  if (!disk_->find(normal(path))) return Status::PathNotFound(path);
  *directory = std::make_unique<Directory>(disk_, normal(path));
  return Status::OK();
}

Status ForgetfulFileSystem::FileExists(Path path, const Options&, Debug*) {
  return disk_->find(normal(path)) ? Status::OK() : Status::NotFound(path);
}

Status ForgetfulFileSystem::GetChildren(Path path, const Options&, std::vector<std::string>* names,
                                        Debug*) {
  if (!disk_->find(normal(path))) return Status::PathNotFound(path);
  *names = disk_->children(normal(path));
  return Status::OK();
}

Status ForgetfulFileSystem::GetChildrenFileAttributes(
    Path path, const Options& options, std::vector<rocksdb::Env::FileAttributes>* attributes,
    Debug* debug) {
  return FileSystem::GetChildrenFileAttributes(path, options, attributes, debug);
}

Status ForgetfulFileSystem::DeleteFile(Path path, const Options&, Debug*) {
  return disk_->remove(normal(path));
}

Status ForgetfulFileSystem::CreateDir(Path path, const Options&, Debug*) {
  return disk_->make_directory(normal(path));
}

Status ForgetfulFileSystem::CreateDirIfMissing(Path path, const Options&, Debug*) {
  return disk_->find(normal(path)) ? Status::OK() : disk_->make_directory(normal(path));
}

Status ForgetfulFileSystem::GetFileSize(Path path, const Options&, std::uint64_t* size, Debug*) {
  const ForgetfulDisk::Handle found = disk_->find(normal(path));
  if (!found) return Status::PathNotFound(path);
  *size = disk_->size(found);
  return Status::OK();
}

Status ForgetfulFileSystem::GetFileModificationTime(Path, const Options&, std::uint64_t* time,
                                                    Debug*) {
  *time = 0;
  return Status::OK();
}

Status ForgetfulFileSystem::RenameFile(Path from, Path to, const Options&, Debug*) {
  return disk_->rename(normal(from), normal(to));
}

Status ForgetfulFileSystem::LockFile(Path path, const Options&, rocksdb::FileLock** lock, Debug*) {
  if (!disk_->lock(normal(path))) return Status::IOError("lock held", path);
  *lock = new Lock(normal(path));
  return Status::OK();
}

Status ForgetfulFileSystem::UnlockFile(rocksdb::FileLock* lock, const Options&, Debug*) {
  disk_->unlock(static_cast<Lock*>(lock)->path);
  delete lock;
  return Status::OK();
}

Status ForgetfulFileSystem::NewLogger(Path, const Options&,
                                      std::shared_ptr<rocksdb::Logger>* logger, Debug*) {
  *logger = std::make_shared<NoLogger>();
  return Status::OK();
}

Status ForgetfulFileSystem::GetAbsolutePath(Path path, const Options&, std::string* absolute,
                                            Debug*) {
  *absolute = normal(path);
  return Status::OK();
}

Status ForgetfulFileSystem::IsDirectory(Path path, const Options&, bool* is_directory, Debug*) {
  const ForgetfulDisk::Handle found = disk_->find(normal(path));
  if (!found) return Status::PathNotFound(path);
  *is_directory = found->is_directory;
  return Status::OK();
}

Status ForgetfulFileSystem::GetFreeSpace(Path, const Options&, std::uint64_t* bytes, Debug*) {
  *bytes = std::uint64_t{1} << 40;
  return Status::OK();
}

}  // namespace interlock
