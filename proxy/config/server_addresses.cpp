#include "config/server_addresses.h"

#include <utility>

namespace halfdoor {

ServerAddresses::ServerAddresses(const Config& config) : services_(config.services.size()) {
  const auto none = std::make_shared<const AddressList>();
  for (size_t service = 0; service < services_.size(); ++service) {
    for (const Side side : kSides) {
      for (const ServerConfig& server : config.services[service].side(side).servers) {
        services_[service][index_of(side)].push_back(
            server.address ? std::make_shared<const AddressList>(1, *server.address) : none);
      }
    }
  }
}

void ServerAddresses::set(size_t service, Side side, size_t server, AddressList addresses) {
  services_[service][index_of(side)][server] = std::make_shared<const AddressList>(std::move(addresses));
}

}  // namespace halfdoor
