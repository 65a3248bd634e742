#include "tests/crash/mortal_file_system.h"

#include <cstdlib>
#include <utility>

namespace interlock {
namespace {

using Status = rocksdb::IOStatus;
using Options = rocksdb::IOOptions;
using Debug = rocksdb::IODebugContext;

// What a file is for, told by its name (https://github.com/facebook/rocksdb/wiki/Files).
std::string kind_of(const std::string& path) {
  const std::string name = path.substr(path.find_last_of('/') + 1);
  if (name.ends_with(".log")) return "log";
  if (name.ends_with(".sst")) return "table";
  if (name.starts_with("MANIFEST-")) return "manifest";
  if (name.starts_with("OPTIONS-")) return "options";
  if (name == "IDENTITY" || name == "000000.dbtmp") return "identity";
  if (name == "CURRENT" || name.ends_with(".dbtmp")) return "current";
  return "directory";
}

class MortalFile final : public rocksdb::FSWritableFile {
 public:
  MortalFile(BlackBox& box, std::unique_ptr<rocksdb::FSWritableFile> file, std::string kind,
             std::uint64_t number, bool syncs_lie)
      : box_(box),
        file_(std::move(file)),
        kind_(std::move(kind)),
        number_(std::to_string(number)),
        syncs_lie_(syncs_lie) {}

  using rocksdb::FSWritableFile::Append;
  Status Append(const rocksdb::Slice& bytes, const Options& options, Debug* debug) override {
    BlackBox::Hold hold(box_);
    hold.reach(kind_ + ".append.before");
    const std::size_t half = bytes.size() / 2;
    Status s = append(hold, rocksdb::Slice(bytes.data(), half), options, debug);
    if (!s.ok()) return s;
    hold.reach(kind_ + ".append.within");
    s = append(hold, rocksdb::Slice(bytes.data() + half, bytes.size() - half), options, debug);
    if (!s.ok()) return s;
    hold.reach(kind_ + ".append.after");
    return s;
  }
  Status Sync(const Options&, Debug*) override {
    BlackBox::Hold hold(box_);
    hold.reach(kind_ + ".sync.before");
    if (!syncs_lie_) hold.note({"sync", number_});
    hold.reach(kind_ + ".sync.after");
    return Status::OK();
  }
  Status Fsync(const Options& options, Debug* debug) override { return Sync(options, debug); }
  Status Flush(const Options& options, Debug* debug) override {
    return file_->Flush(options, debug);
  }
  Status Close(const Options& options, Debug* debug) override {
    return file_->Close(options, debug);
  }
  std::uint64_t GetFileSize(const Options& options, Debug* debug) override {
    return file_->GetFileSize(options, debug);
  }

 private:
  Status append(BlackBox::Hold& hold, const rocksdb::Slice& bytes, const Options& options,
                Debug* debug) {
    Status s = file_->Append(bytes, options, debug);
    if (s.ok()) hold.note({"append", number_, bytes.ToString()});
    return s;
  }

  BlackBox& box_;
  const std::unique_ptr<rocksdb::FSWritableFile> file_;
  const std::string kind_;
  const std::string number_;  // its name in the diary: files change theirs
  const bool syncs_lie_;
};

class MortalDirectory final : public rocksdb::FSDirectory {
 public:
  MortalDirectory(BlackBox& box, std::string noted, bool syncs_lie)
      : box_(box), noted_(std::move(noted)), syncs_lie_(syncs_lie) {}
  Status Fsync(const Options&, Debug*) override {
    BlackBox::Hold hold(box_);
    hold.reach("directory.sync.before");
    if (!syncs_lie_) hold.note({"sync_directory", noted_});
    hold.reach("directory.sync.after");
    return Status::OK();
  }

 private:
  BlackBox& box_;
  const std::string noted_;
  const bool syncs_lie_;
};

class NoLogger final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
  std::size_t GetLogFileSize() const override { return 0; }
};

}  // namespace

MortalFileSystem::MortalFileSystem(BlackBox& box, std::string root, bool syncs_lie)
    : FileSystemWrapper(rocksdb::FileSystem::Default()),
      box_(box),
      root_(std::move(root)),
      syncs_lie_(syncs_lie) {}

// RocksDB joins directory and name with one slash too many now and then.
std::string MortalFileSystem::noted(Path path) const {
  if (!path.starts_with(root_)) std::abort();
  std::string result = "/";
  for (const char c : path.substr(root_.size())) {
    if (c != '/' || result.back() != '/') result.push_back(c);
  }
  if (result.size() > 1 && result.back() == '/') result.pop_back();
  return result;
}

Status MortalFileSystem::NewWritableFile(Path path, const FileOptions& options,
                                         std::unique_ptr<rocksdb::FSWritableFile>* file,
                                         Debug* debug) {
  BlackBox::Hold hold(box_);
  hold.reach(kind_of(path) + ".create.before");
  std::unique_ptr<rocksdb::FSWritableFile> made;
  Status s = target()->NewWritableFile(path, options, &made, debug);
  if (!s.ok()) return s;
  const std::uint64_t number = ++last_file_;
  hold.note({"create", std::to_string(number), noted(path)});
  hold.reach(kind_of(path) + ".create.after");
  *file = std::make_unique<MortalFile>(box_, std::move(made), kind_of(path), number, syncs_lie_);
  return s;
}

Status MortalFileSystem::NewDirectory(Path path, const Options&,
                                      std::unique_ptr<rocksdb::FSDirectory>* directory, Debug*) {
  *directory = std::make_unique<MortalDirectory>(box_, noted(path), syncs_lie_);
  return Status::OK();
}

Status MortalFileSystem::DeleteFile(Path path, const Options& options, Debug* debug) {
  const std::string kind = path.ends_with(".dbtmp") ? "leftover" : kind_of(path);
  BlackBox::Hold hold(box_);
  hold.reach(kind + ".remove.before");
  Status s = target()->DeleteFile(path, options, debug);
  if (!s.ok()) return s;
  hold.note({"remove", noted(path)});
  hold.reach(kind + ".remove.after");
  return s;
}

Status MortalFileSystem::CreateDir(Path path, const Options& options, Debug* debug) {
  BlackBox::Hold hold(box_);
  hold.reach("directory.create.before");
  Status s = target()->CreateDir(path, options, debug);
  if (!s.ok()) return s;
  hold.note({"make_directory", noted(path)});
  hold.reach("directory.create.after");
  return s;
}

Status MortalFileSystem::CreateDirIfMissing(Path path, const Options& options, Debug* debug) {
  if (target()->FileExists(path, options, debug).ok()) return Status::OK();
  return CreateDir(path, options, debug);
}

Status MortalFileSystem::RenameFile(Path from, Path to, const Options& options, Debug* debug) {
  BlackBox::Hold hold(box_);
  hold.reach(kind_of(to) + ".rename.before");
  Status s = target()->RenameFile(from, to, options, debug);
  if (!s.ok()) return s;
  hold.note({"rename", noted(from), noted(to)});
  hold.reach(kind_of(to) + ".rename.after");
  return s;
}

Status MortalFileSystem::NewLogger(Path, const Options&, std::shared_ptr<rocksdb::Logger>* logger,
                                   Debug*) {
  *logger = std::make_shared<NoLogger>();
  return Status::OK();
}

Status MortalFileSystem::ReopenWritableFile(Path path, const FileOptions&,
                                            std::unique_ptr<rocksdb::FSWritableFile>*, Debug*) {
  return Status::NotSupported("ReopenWritableFile", path);
}

Status MortalFileSystem::ReuseWritableFile(Path path, Path, const FileOptions&,
                                           std::unique_ptr<rocksdb::FSWritableFile>*, Debug*) {
  return Status::NotSupported("ReuseWritableFile", path);
}

Status MortalFileSystem::NewRandomRWFile(Path path, const FileOptions&,
                                         std::unique_ptr<rocksdb::FSRandomRWFile>*, Debug*) {
  return Status::NotSupported("NewRandomRWFile", path);
}

Status MortalFileSystem::NewMemoryMappedFileBuffer(
    Path path, std::unique_ptr<rocksdb::MemoryMappedFileBuffer>*) {
  return Status::NotSupported("NewMemoryMappedFileBuffer", path);
}

Status MortalFileSystem::LinkFile(Path path, Path, const Options&, Debug*) {
  return Status::NotSupported("LinkFile", path);
}

Status MortalFileSystem::Truncate(Path path, std::size_t, const Options&, Debug*) {
  return Status::NotSupported("Truncate", path);
}

Status MortalFileSystem::DeleteDir(Path path, const Options&, Debug*) {
  return Status::NotSupported("DeleteDir", path);
}

}  // namespace interlock
