#include "coordinator/move/store_file.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "absl/strings/escaping.h"

namespace interlock {
namespace {

constexpr int kVersion = 1;

boost::json::object json_of(const FileHeader& header) {
  return {{"interlock_store", kVersion}, {"generations_up_to", header.generations_up_to}};
}

boost::json::object json_of(const FileRecord& record) {
  boost::json::array attachments;
  for (const Attachment& attachment : record.attachments) {
    attachments.push_back({attachment.number, absl::Base64Escape(attachment.bytes)});
  }
  return {{"key", record.key},
          {"record", absl::Base64Escape(record.record)},
          {"attachments", std::move(attachments)}};
}

boost::json::object json_of(const FileEnd& end) {
  return {{"end", true}, {"records", end.records}, {"attachments", end.attachments}};
}

// These throw boost::system::system_error when the value is another than expected.

std::string bytes_of(const boost::json::value& value) {
  std::string bytes;
  const boost::json::string& text = value.as_string();
  if (!absl::Base64Unescape(absl::string_view(text.data(), text.size()), &bytes)) {
    throw boost::system::system_error(make_error_code(boost::json::error::syntax));
  }
  return bytes;
}

FileHeader header_of(const boost::json::object& object) {
  return {object.at("generations_up_to").to_number<std::uint64_t>()};
}

FileRecord record_of(const boost::json::object& object) {
  FileRecord record;
  record.key = std::string_view(object.at("key").as_string());
  record.record = bytes_of(object.at("record"));
  for (const boost::json::value& attachment : object.at("attachments").as_array()) {
    const boost::json::array& pair = attachment.as_array();
    record.attachments.push_back({pair.at(0).to_number<std::uint64_t>(), bytes_of(pair.at(1))});
  }
  return record;
}

FileEnd end_of(const boost::json::object& object) {
  return {object.at("records").to_number<std::uint64_t>(),
          object.at("attachments").to_number<std::uint64_t>()};
}

}  // namespace

std::string to_line(const FileLine& line) {
  return boost::json::serialize(std::visit([](const auto& what) { return json_of(what); }, line));
}

absl::StatusOr<FileLine> parse_line(std::string_view text) {
  try {
    const boost::json::value value = boost::json::parse(text);
    const boost::json::object& object = value.as_object();
    if (const boost::json::value* version = object.if_contains("interlock_store")) {
      if (*version == kVersion) return header_of(object);
      return absl::DataLossError("The file is of a newer version of interlockctl than this one.");
    }
    if (object.contains("end")) return end_of(object);
    return record_of(object);
  } catch (const std::exception&) {
    return absl::DataLossError("The line is none that `interlockctl store export` writes.");
  }
}

}  // namespace interlock
