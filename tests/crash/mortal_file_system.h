// A file system that notes whatever is done to it, and in whose every operation one can die.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "tests/crash/black_box.h"

namespace interlock {

// Real files below `root`; the diary calls that folder `/`. Nothing is really synced: what counts
// as synced is what the diary says. With `syncs_lie` it says nothing of the kind either.
class MortalFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  MortalFileSystem(BlackBox& box, std::string root, bool syncs_lie);

  const char* Name() const override { return "MortalFileSystem"; }

  using Status = rocksdb::IOStatus;
  using Options = rocksdb::IOOptions;
  using FileOptions = rocksdb::FileOptions;
  using Debug = rocksdb::IODebugContext;
  using Path = const std::string&;

  Status NewWritableFile(Path path, const FileOptions&,
                         std::unique_ptr<rocksdb::FSWritableFile>* file, Debug*) override;
  Status NewDirectory(Path path, const Options&, std::unique_ptr<rocksdb::FSDirectory>* directory,
                      Debug*) override;
  Status DeleteFile(Path path, const Options&, Debug*) override;
  Status CreateDir(Path path, const Options&, Debug*) override;
  Status CreateDirIfMissing(Path path, const Options&, Debug*) override;
  Status RenameFile(Path from, Path to, const Options&, Debug*) override;
  Status NewLogger(Path path, const Options&, std::shared_ptr<rocksdb::Logger>* logger,
                   Debug*) override;

  // A store does none of this; if it ever does, it shall be noted like the rest.
  Status ReopenWritableFile(Path, const FileOptions&, std::unique_ptr<rocksdb::FSWritableFile>*,
                            Debug*) override;
  Status ReuseWritableFile(Path, Path, const FileOptions&,
                           std::unique_ptr<rocksdb::FSWritableFile>*, Debug*) override;
  Status NewRandomRWFile(Path, const FileOptions&, std::unique_ptr<rocksdb::FSRandomRWFile>*,
                         Debug*) override;
  Status NewMemoryMappedFileBuffer(Path,
                                   std::unique_ptr<rocksdb::MemoryMappedFileBuffer>*) override;
  Status LinkFile(Path, Path, const Options&, Debug*) override;
  Status Truncate(Path, std::size_t, const Options&, Debug*) override;
  Status DeleteDir(Path, const Options&, Debug*) override;

 private:
  std::string noted(Path path) const;

  BlackBox& box_;
  const std::string root_;
  const bool syncs_lie_;
  std::atomic<std::uint64_t> last_file_{0};
};

}  // namespace interlock
