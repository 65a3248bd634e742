// Lets a RocksDB lie on a disk that forgets.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "tests/coordinator/store/forgetful_disk.h"

namespace interlock {

// Answers everything itself; what RocksDB asks of the file system behind it is only its defaults.
class ForgetfulFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit ForgetfulFileSystem(std::shared_ptr<ForgetfulDisk> disk);

  const char* Name() const override { return "ForgetfulFileSystem"; }

  using Status = rocksdb::IOStatus;
  using Options = rocksdb::IOOptions;
  using FileOptions = rocksdb::FileOptions;
  using Debug = rocksdb::IODebugContext;
  using Path = const std::string&;

  Status NewSequentialFile(Path path, const FileOptions&,
                           std::unique_ptr<rocksdb::FSSequentialFile>* file, Debug*) override;
  Status NewRandomAccessFile(Path path, const FileOptions&,
                             std::unique_ptr<rocksdb::FSRandomAccessFile>* file, Debug*) override;
  Status NewWritableFile(Path path, const FileOptions&,
                         std::unique_ptr<rocksdb::FSWritableFile>* file, Debug*) override;
  Status ReopenWritableFile(Path path, const FileOptions&,
                            std::unique_ptr<rocksdb::FSWritableFile>* file, Debug*) override;
  Status NewDirectory(Path path, const Options&, std::unique_ptr<rocksdb::FSDirectory>* directory,
                      Debug*) override;
  Status FileExists(Path path, const Options&, Debug*) override;
  Status GetChildren(Path path, const Options&, std::vector<std::string>* names, Debug*) override;
  Status GetChildrenFileAttributes(Path path, const Options&,
                                   std::vector<rocksdb::Env::FileAttributes>* attributes,
                                   Debug*) override;
  Status DeleteFile(Path path, const Options&, Debug*) override;
  Status CreateDir(Path path, const Options&, Debug*) override;
  Status CreateDirIfMissing(Path path, const Options&, Debug*) override;
  Status GetFileSize(Path path, const Options&, std::uint64_t* size, Debug*) override;
  Status GetFileModificationTime(Path path, const Options&, std::uint64_t* time, Debug*) override;
  Status RenameFile(Path from, Path to, const Options&, Debug*) override;
  Status LockFile(Path path, const Options&, rocksdb::FileLock** lock, Debug*) override;
  Status UnlockFile(rocksdb::FileLock* lock, const Options&, Debug*) override;
  Status NewLogger(Path path, const Options&, std::shared_ptr<rocksdb::Logger>* logger,
                   Debug*) override;
  Status GetAbsolutePath(Path path, const Options&, std::string* absolute, Debug*) override;
  Status IsDirectory(Path path, const Options&, bool* is_directory, Debug*) override;
  Status GetFreeSpace(Path path, const Options&, std::uint64_t* bytes, Debug*) override;

 private:
  const std::shared_ptr<ForgetfulDisk> disk_;
};

}  // namespace interlock
