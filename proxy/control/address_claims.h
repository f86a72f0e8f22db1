// Which side of a service an address belongs to when the names of both sides lead there.
#pragma once

#include <array>
#include <vector>

#include "config/mode.h"
#include "config/server_addresses.h"

namespace halfdoor {

// What a server would use, and what it uses.
struct AddressClaim {
  bool is_literal = false;  // written in the configuration
  AddressList wanted;       // the last good answer
  AddressList held;         // in use until now
  bool is_contested = false;
};

// Settles `held` of every server, so that no address is on both sides: a switch to the other side must leave the host,
// and a write must never reach the backup by the name of the primary. An address that both sides want stays with the
// side that has it in writing, else with the one that held it, else it is the backup's. A server that is left with
// nothing goes on with what it held. `is_contested`: an address of its answer is the other side's.
void settle_claims(std::array<std::vector<AddressClaim>, 2>& sides);

}  // namespace halfdoor
