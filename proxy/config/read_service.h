// Reads the [[service]] tables and holds them against each other.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/toml_reader.h"

namespace halfdoor {

// An address that halfdoor binds, and the line that says so.
struct BoundAddress {
  Address address;
  int line;
};

// Reads services in the order of the file. `folder` is where relative paths start.
class ServiceReader {
 public:
  ServiceReader(std::string folder, std::vector<BoundAddress> bound)
      : folder_(std::move(folder)), bound_(std::move(bound)) {}

  // One [[service]] table. What is wrong with it goes to the findings of the table.
  void read(TableReader& table);
  std::vector<ServiceConfig> take() { return std::move(services_); }

 private:
  void read_name(TableReader& table, ServiceConfig& service);
  void read_hosts(TableReader& table, ServiceConfig& service);
  void read_server(const std::string& text, const Place& at, Side side, SideConfig& into);
  void read_side(TableReader& table, Side side, ServiceConfig& service);
  void read_read_only(TableReader table, ReadOnlyConfig& rules) const;

  struct Seen {
    Side side;
    int line;
  };

  std::string folder_;
  std::vector<BoundAddress> bound_;
  std::vector<ServiceConfig> services_;
  std::map<std::string, int> names_;  // and the line of each
  std::map<std::string, int> hosts_;
  int line_without_hosts_ = 0;           // 0: every service so far has hosts
  std::map<std::string, Seen> servers_;  // of the service that is being read
};

}  // namespace halfdoor
