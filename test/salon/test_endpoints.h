// Endpoints that only tests and health checks need: a slow answer, a long one, and /healthz.
#pragma once

namespace salon {

class Server;

void add_test_endpoints(Server& server);

}  // namespace salon
