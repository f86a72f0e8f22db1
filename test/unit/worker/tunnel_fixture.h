// A WebSocket tunnel through a simulated worker: the handshake and what grants it.
#pragma once

#include <string>
#include <string_view>

#include "simulation/simulated_worker.h"

namespace halfdoor {

inline const std::string kHandshakeFields =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
inline const std::string kSwitching =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

inline std::string handshake(std::string_view path = "/live", std::string_view more_fields = {}) {
  return get(path, kHandshakeFields + std::string(more_fields));
}

// One server on either side.
inline SimulatedWorker::Options one_server_each(Mode mode = Mode::primary, bool websocket = false) {
  return {[websocket](Config& config) {
            config.services[0].sides[0].servers.resize(1);
            config.services[0].read_only.websocket = websocket;
          },
          {mode}};
}

// What came behind the first head.
inline std::string behind_head(const MemoryPeer& peer) {
  const size_t end = peer.received().find("\r\n\r\n");
  return end == std::string::npos ? std::string() : peer.received().substr(end + 4);
}

// Asks, and has the primary's (or backup's) server grant it.
inline SimulatedClient& open_tunnel(SimulatedWorker& worker, Side side = Side::primary) {
  SimulatedClient& client = worker.ask(handshake());
  (side == Side::primary ? worker.primary() : worker.backup()).last().send(kSwitching);
  worker.run();
  return client;
}

}  // namespace halfdoor
