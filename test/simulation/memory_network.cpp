#include "simulation/memory_network.h"

#include <cerrno>
#include <utility>

namespace halfdoor {

std::string MemoryServer::all_received() const {
  std::string all;
  for (const auto& connection : connections) all += connection->received();
  return all;
}

std::unique_ptr<Stream> MemoryServer::accept(int& error) {
  if (reach == Reach::refuses_at_once) {
    error = refusal != 0 ? refusal : ECONNREFUSED;
    return nullptr;
  }
  auto connection = std::make_shared<MemoryConnection>();
  connection->is_connecting = true;
  connection->to_peer_capacity = to_server_capacity;
  connections.push_back(std::make_unique<MemoryPeer>(connection));
  if (answer) connections.back()->on_received = [this](MemoryPeer& peer) { read_requests(peer); };
  return std::make_unique<MemoryStream>(std::move(connection));
}

void MemoryServer::read_requests(MemoryPeer& peer) {
  while (std::optional<WireMessage> request = cut_message(peer.received(), {})) {
    // What was cut is forgotten, so that the next request stands in front.
    const std::string rest = peer.received().substr(request->size);
    peer.replace_received(rest);
    requests.push_back(*request);
    peer.send(answer(*request, peer));
  }
}

bool MemoryServer::pump() {
  bool moved = false;
  for (size_t i = 0; i < connections.size(); ++i) {
    MemoryConnection& connection = connections[i]->connection();
    if (connection.is_connecting && reach != Reach::is_silent && connection.stream != nullptr) {
      connection.is_connecting = false;
      connection.has_edge = moved = true;
      if (reach == Reach::refuses_later) {
        connection.error = ECONNREFUSED;
        connection.peer_reset = true;
      } else if (on_connect) {
        on_connect(*connections[i]);
      }
    }
    moved = connections[i]->pump() || moved;
  }
  return moved;
}

std::unique_ptr<Stream> MemoryNetwork::connect(const Address& address, int& error) {
  return server(address.text()).accept(error);
}

MemoryPeer& MemoryNetwork::add_client() {
  clients_.push_back(std::make_unique<MemoryPeer>(std::make_shared<MemoryConnection>()));
  return *clients_.back();
}

bool MemoryNetwork::pump() {
  bool moved = false;
  for (size_t i = 0; i < clients_.size(); ++i) moved = clients_[i]->pump() || moved;
  for (auto& [address, server] : servers_) moved = server.pump() || moved;
  return moved;
}

bool MemoryNetwork::deliver() {
  bool called = false;
  const auto deliver_to = [&](MemoryPeer& peer) {
    if (MemoryStream* stream = peer.connection().stream) called = stream->deliver_edge() || called;
  };
  for (size_t i = 0; i < clients_.size(); ++i) deliver_to(*clients_[i]);
  for (auto& [address, server] : servers_) {
    for (size_t i = 0; i < server.connections.size(); ++i) deliver_to(*server.connections[i]);
  }
  return called;
}

}  // namespace halfdoor
