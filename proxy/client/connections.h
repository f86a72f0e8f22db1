// ClientConnections: all client connections of a worker, their number bounded; the oldest idle one goes first.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/intrusive_list.h"
#include "client/connection.h"

namespace halfdoor {

// Belongs to its worker's thread.
class ClientConnections {
 public:
  // `most`: client connections at a time.
  ClientConnections(ExchangeEnvironment& environment, Exchanges& exchanges, uint64_t most);
  ~ClientConnections();

  // Takes over an accepted stream. Over the limit the oldest idle connection is closed for it; if there is none it is
  // answered 503 and closed.
  void accept(std::unique_ptr<Stream> stream, const ListenConfig& listener, const Address& peer,
              std::string_view local);
  // From now on every response closes its connection, and idle ones are closed now.
  void begin_stop();
  bool is_stopping() const { return is_stopping_; }
  bool empty() const { return open_ == 0; }
  // The oldest first; at most `count`.
  void close_idle(size_t count);
  void close_all();
  // Over 80 % of the limit: idle connections are kept for a shorter time.
  bool is_crowded() const { return open_ * 5 > most_ * 4; }
  // "Sun, 22 Nov 2026 16:38:44 GMT", made once per second.
  std::string_view http_date();

  // For the connection itself.
  void on_idle(ClientConnection& connection) { idle_.push_back(connection); }
  void on_closed(ClientConnection& connection);

 private:
  // So many at a time get to read why they are refused; more are closed without a word.
  static constexpr uint64_t kMostRefused = 16;

  bool is_over_client_limit(const Address& peer) const;
  void count_client(const Address& peer, int change);

  ExchangeEnvironment& environment_;
  Exchanges& exchanges_;
  MessageLimits limits_;
  IntrusiveList<ClientConnection, ClientConnections> all_;
  IntrusiveList<ClientConnection, IdleConnectionTag> idle_;  // the longest idle first
  std::unordered_map<std::string, uint64_t> per_client_;     // only when limits.connections_per_client is set
  uint64_t most_;
  uint64_t open_ = 0;
  uint64_t refused_open_ = 0;  // of them: refused, on their way out
  std::string date_;
  int64_t date_seconds_ = -1;
  bool is_stopping_ = false;
};

}  // namespace halfdoor
