#include "config/host_table.h"

namespace halfdoor {

HostTable::HostTable(const Config& config) {
  for (size_t index = 0; index < config.services.size(); ++index) {
    const ServiceConfig& service = config.services[index];
    if (service.hosts.empty() && !rest_) rest_ = index;
    for (const std::string& host : service.hosts) {
      if (host.starts_with("*.")) {
        wildcard_.emplace(host.substr(2), index);
      } else {
        exact_.emplace(host, index);
      }
    }
  }
}

std::optional<size_t> HostTable::find(std::string_view host) const {
  if (const auto found = exact_.find(host); found != exact_.end()) return found->second;
  // From the longest suffix to the shortest; a wildcard stands for at least one character.
  for (size_t dot = host.find('.', 1); dot != std::string_view::npos && !wildcard_.empty();
       dot = host.find('.', dot + 1)) {
    if (const auto found = wildcard_.find(host.substr(dot + 1)); found != wildcard_.end()) return found->second;
  }
  return rest_;
}

}  // namespace halfdoor
