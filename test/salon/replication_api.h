// The endpoints under /replication: for the other host, for operators, and caught-up for halfdoor.
#pragma once

namespace salon {

class Server;

void add_replication_endpoints(Server& server);

}  // namespace salon
