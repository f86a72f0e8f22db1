// Host names and server addresses as an operator writes them: checked and in the form in which they are compared.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/config.h"

namespace halfdoor {

// An entry of `hosts`: a name, an IP address, or "*." and a name. In lower case.
Result<std::string> parse_host_pattern(std::string_view text);

// An entry of `servers`: an address, "unix:" and a path, or host:port. `folder` is where a relative path starts.
Result<ServerConfig> parse_server(std::string_view text, std::string_view folder);
// Equal for servers that are the same as far as can be told without resolving names.
std::string server_identity(const ServerConfig& server);

// An entry of `resolver.servers`: an IP address, with or without port; null: it is none.
std::optional<Address> parse_name_server(std::string_view text);

// The same for an address to listen on: never a name, and "unix:" paths may be relative.
Result<Address> parse_listen_address(std::string_view text, std::string_view folder);

// `path` below `folder`, unless it is absolute.
std::string anchor_path(std::string_view path, std::string_view folder);

}  // namespace halfdoor
