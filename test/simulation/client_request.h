// ClientRequest: what a simulated client asks for, in one of the many ways in which it can be said.
#pragma once

#include <string>

#include "simulation/dice.h"
#include "simulation/history.h"

namespace halfdoor {

struct ClientRequest {
  RequestRecord record;  // id, service, kind, method, target and body are known
  std::string head;
  std::string body;   // as it goes over the wire
  std::string early;  // what follows a handshake before anybody has agreed
  bool expects_continue = false;
  bool asks_close = false;
};

// Something of every kind, as often as it is asked for. `has_tunnels`: a handshake may be among it.
RequestKind choose_request_kind(Dice& dice, int id, bool has_tunnels);
ClientRequest make_client_request(Dice& dice, int id, size_t service, RequestKind kind, bool is_http10);

// One that no host may ever see.
std::string make_hostile_request(Dice& dice, int id);

// Paths listed in `graphql` take a place in the configuration each: only few requests have one.
constexpr int kGraphqlEvery = 40;
constexpr int kMostGraphqlPaths = 20;
constexpr bool has_graphql_path(int id) { return id % kGraphqlEvery == 0 && id <= kGraphqlEvery * kMostGraphqlPaths; }
std::string graphql_path(int id);

}  // namespace halfdoor
