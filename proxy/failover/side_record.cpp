#include "failover/side_record.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "failover/file_io.h"
#include "failover/json_fields.h"

namespace halfdoor {

namespace {

// Far more than any configuration; a larger file is not ours.
constexpr size_t kLargestRecord = 1 << 20;

std::string record_of(const ServiceConfig& service) {
  Json record;
  for (const Side side : kSides) {
    Json names = Json::array();
    for (const ServerConfig& server : service.side(side).servers) names.push_back(server.name);
    record[std::string(to_text(side))] = std::move(names);
  }
  return write_object(record) + "\n";
}

std::optional<std::string> read_record(const std::string& path) {
  const Result<UniqueFd> file = open_regular(path, O_RDONLY);
  if (!file) return std::nullopt;
  std::string bytes;
  std::array<char, 4096> piece{};
  while (bytes.size() <= kLargestRecord) {
    const ssize_t got = ::read(file->get(), piece.data(), piece.size());
    if (got < 0) return std::nullopt;
    if (got == 0) return bytes;
    bytes.append(piece.data(), static_cast<size_t>(got));
  }
  return std::nullopt;
}

}  // namespace

std::string side_record_path(const std::string& state_dir, const std::string& service) {
  return fmt::format("{}/{}.sides", state_dir, service);
}

std::vector<std::string> servers_on_other_side(const std::string& path, const ServiceConfig& service) {
  std::vector<std::string> moved;
  const std::optional<std::string> bytes = read_record(path);
  const std::optional<Json> before = bytes ? parse_object(*bytes) : std::nullopt;
  if (!before) return moved;
  for (const Side side : kSides) {
    const std::vector<std::string> were = texts_field(*before, std::string(to_text(side)).c_str());
    for (const ServerConfig& server : service.side(other_side(side)).servers) {
      if (std::find(were.begin(), were.end(), server.name) == were.end()) continue;
      moved.push_back(fmt::format("{} (was {}, is {})", server.name, to_text(side), to_text(other_side(side))));
    }
  }
  return moved;
}

Status write_side_record(const std::string& path, const ServiceConfig& service) {
  const std::string record = record_of(service);
  if (read_record(path) == record) return {};
  return replace_file(path, record);
}

}  // namespace halfdoor
