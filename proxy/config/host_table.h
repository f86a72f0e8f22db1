// HostTable: which service a Host belongs to: exact, then the longest wildcard, then the service without hosts.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "config/config.h"

namespace halfdoor {

// Immutable once built.
class HostTable {
 public:
  explicit HostTable(const Config& config);

  // `host` is normalised: lower case, without port and trailing dot. Index into Config::services. Does not allocate.
  std::optional<size_t> find(std::string_view host) const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  using Names = std::unordered_map<std::string, size_t, Hash, std::equal_to<>>;

  Names exact_;
  Names wildcard_;  // "*.salon.example" as "salon.example"
  std::optional<size_t> rest_;
};

}  // namespace halfdoor
