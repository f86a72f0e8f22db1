// ServerNames: the servers of a configuration that are given by name: asks for their addresses again and again, keeps
// the last good answers, and says where every server is reached.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "config/config.h"
#include "config/server_addresses.h"
#include "control/watched_name.h"
#include "upstream/server_id.h"

namespace halfdoor {

struct AddressClaim;

struct ServerNamesOptions {
  std::shared_ptr<const Config> config;
  std::function<SteadyTime()> now;
  std::function<WallTime()> wall_now;
  std::function<void(LogLevel, const std::string&)> log;
  // The addresses of servers of these services are others now; addresses() has them.
  std::function<void(const std::vector<size_t>& services)> on_changed;
};

// Control thread. A host name is asked for once, however many servers have it; literal addresses and Unix sockets
// never.
class ServerNames {
 public:
  // `source` outlives it.
  ServerNames(ServerNamesOptions options, NameSource& source);

  // Until every name has been asked for once, with or without success, answers only gather: which side an address
  // belongs to must not depend on which answer came first. end_start(): what has not come by now comes too late for
  // that.
  bool is_starting() const { return is_starting_; }
  void end_start();
  const std::shared_ptr<const ServerAddresses>& addresses() const { return addresses_; }

  // Makes of the answers that have come one change for all, and asks for what is due; to be called when next_deadline()
  // has come, and once at the start.
  void on_time();
  std::optional<SteadyTime> next_deadline() const;
  // Live traffic or a check failed at this server: its name is asked for again, at most once a second.
  void on_trouble(ServerId server);

  // Null: it is given by address.
  const WatchedName* name_of(ServerId server) const;
  // Why it is not reached as its name says; empty: it is.
  std::string trouble_of(ServerId server) const;
  // A line for every server with trouble.
  std::vector<std::string> warnings() const;
  const std::vector<WatchedName>& names() const { return names_; }

 private:
  static constexpr size_t kMostAtOnce = 64;  // questions; a name server is not to be flooded
  static constexpr size_t kLiteral = ~size_t{0};
  struct NamedServer {
    size_t name = kLiteral;  // index into names_
    uint16_t port = 0;
    bool is_contested = false;
  };

  NamedServer& at(ServerId id) { return servers_[id.service][index_of(id.side)][id.server]; }
  const NamedServer& at(ServerId id) const { return servers_[id.service][index_of(id.side)][id.server]; }
  void on_answer(size_t name, const NameAnswer& answer);
  void settle();
  bool settle_service(size_t service, ServerAddresses& next);
  bool settle_server(ServerId id, const AddressClaim& claim, ServerAddresses& next);
  std::string describe(ServerId id) const;
  template <class Call>
  void for_each_server(Call&& call) const;

  const ServerNamesOptions options_;
  NameSource& source_;
  std::vector<WatchedName> names_;
  std::vector<std::array<std::vector<NamedServer>, 2>> servers_;  // by service, side, server
  std::vector<std::vector<size_t>> services_of_;                  // by name
  std::shared_ptr<const ServerAddresses> addresses_;
  std::vector<size_t> unsettled_;  // services whose names have other addresses
  size_t being_asked_ = 0;
  bool is_starting_ = true;
};

}  // namespace halfdoor
