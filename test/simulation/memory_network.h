// MemoryNetwork: servers at addresses, scripted by a test, and the Connector that reaches them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "event/connector.h"
#include "simulation/memory_stream.h"
#include "simulation/wire.h"

namespace halfdoor {

// A server: how it takes connections, and what it answers.
class MemoryServer {
 public:
  enum class Reach : uint8_t {
    accepts,
    refuses_at_once,
    refuses_later,
    is_silent,  // neither accepts nor refuses
  };
  // Called for each request that is complete; empty text: no answer (yet).
  using Answer = std::function<std::string(const WireMessage& request, MemoryPeer& peer)>;

  Reach reach = Reach::accepts;
  int refusal = 0;  // what refuses_at_once says; 0: ECONNREFUSED
  // Null: nothing is parsed and nothing answered; the test plays the server by hand.
  Answer answer;
  // When a connection has been accepted.
  std::function<void(MemoryPeer&)> on_connect;
  // For connections that are made from now on; see MemoryConnection.
  size_t to_server_capacity = 64 << 10;

  std::vector<std::unique_ptr<MemoryPeer>> connections;
  std::vector<WireMessage> requests;

  size_t connection_count() const { return connections.size(); }
  MemoryPeer& connection(size_t index) { return *connections.at(index); }
  MemoryPeer& last() { return *connections.back(); }
  // Everything that ever came, over all connections.
  std::string all_received() const;
  std::unique_ptr<Stream> accept(int& error);
  bool pump();

 private:
  void read_requests(MemoryPeer& peer);
};

class MemoryNetwork final : public Connector {
 public:
  // Made on first use.
  MemoryServer& server(const std::string& address) { return servers_[address]; }
  std::unique_ptr<Stream> connect(const Address& address, int& error) override;
  // A client's connection towards the proxy.
  MemoryPeer& add_client();

  // Moves bytes everywhere; returns whether anything moved.
  bool pump();
  // Calls the handlers of streams on which something has changed.
  bool deliver();

 private:
  std::map<std::string, MemoryServer> servers_;
  std::vector<std::unique_ptr<MemoryPeer>> clients_;
};

}  // namespace halfdoor
