// Names of hosts as clients and operators write them, and addresses: what is accepted is in one form, which is accepted
// again and stays; what a client's Host is normalised to is what a strict parser takes for a host.
#include <algorithm>

#include "config/host_name.h"
#include "config/host_table.h"
#include "fuzz/fuzz_target.h"
#include "fuzz/reference/message.h"
#include "http/semantics.h"

namespace halfdoor::fuzz {

namespace {

bool is_lower(std::string_view text) { return reference::lower(text) == text; }

void check_client_host(std::string_view text) {
  Arena arena;
  const auto host = normalize_host(text, arena);
  if (!host) return;
  require(reference::is_host(text), "a Host that is accepted is one to a strict parser");
  require(is_lower(*host) && !host->empty() && !host->ends_with('.'), "the normal form is lower case, without a dot");
  const bool has_port = !host->starts_with('[') && host->find(':') != std::string_view::npos;
  require(!has_port, "the normal form has no port");
  Arena again;
  require(normalize_host(*host, again) == host, "the normal form stays");
  require(host->size() <= text.size(), "the normal form is not longer");
}

void check_pattern(std::string_view text) {
  const Result<std::string> pattern = parse_host_pattern(text);
  if (!pattern.ok()) {
    require(!pattern.error().message.empty(), "an error says what to write");
    return;
  }
  require(is_lower(*pattern), "a pattern is in lower case");
  const Result<std::string> again = parse_host_pattern(*pattern);
  require(again.ok() && *again == *pattern, "a pattern stays");
  // A client that asks for it is understood to ask for it.
  Config config;
  config.services.emplace_back();
  config.services[0].hosts = {*pattern};
  const HostTable table(config);
  const std::string name = pattern->starts_with("*.") ? "a." + pattern->substr(2) : *pattern;
  Arena arena;
  const auto host = normalize_host(name, arena);
  require(host.has_value(), "a host that is configured can be asked for", [&] { return name; });
  require(table.find(*host) == 0U, "a host that is configured is found by its normal form", [&] { return name; });
}

void check_address(std::string_view text) {
  const Result<Address> address = Address::parse(text);
  if (!address.ok()) {
    require(!address.error().message.empty(), "an error says what to write");
    return;
  }
  const Result<Address> again = Address::parse(address->text());
  require(again.ok() && *again == *address, "an address that is written is the one that was read",
          [&] { return address->text(); });
  require_same(again->text(), address->text(), "an address has one form");
}

void check_server(std::string_view text) {
  const Result<ServerConfig> server = parse_server(text, "/etc/halfdoor");
  if (!server.ok()) {
    require(!server.error().message.empty(), "an error says what to write");
    return;
  }
  require(!server->name.empty() && !server_identity(*server).empty(), "a server has a name");
  const Result<ServerConfig> again = parse_server(server->name, "/etc/halfdoor");
  require(again.ok() && server_identity(*again) == server_identity(*server), "a server is the same when read again");
}

void check_network(std::string_view text) {
  const size_t line = std::min(text.find('\n'), text.size());
  const Result<Network> network = Network::parse(text.substr(0, line));
  const Result<Address> address = Address::parse(text.substr(std::min(line + 1, text.size())));
  if (network.ok() && address.ok()) (void)network->contains(*address);
  if (!address.ok() || address->is_unix()) return;
  const Result<Network> own = Network::parse(address->host_text());
  require(own.ok() && own->contains(*address), "an address is in the network of itself",
          [&] { return address->text(); });
}

void run(std::string_view bytes) {
  Input input(bytes);
  switch (input.choose(6)) {
    case 0: return check_client_host(input.rest());
    case 1: return check_pattern(input.rest());
    case 2: return check_address(input.rest());
    case 3: return check_server(input.rest());
    case 4: return check_network(input.rest());
    default: {
      const Result<Address> address = parse_listen_address(input.rest(), "/etc/halfdoor");
      if (address.ok()) check_address(address->text());
    }
  }
}

HALFDOOR_FUZZ_TARGET(names, run);

}  // namespace

}  // namespace halfdoor::fuzz
