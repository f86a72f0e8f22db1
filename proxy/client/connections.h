// ClientConnections: all client connections of a worker, their number and their memory bounded; the oldest idle one
// goes first.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/intrusive_list.h"
#include "client/client_counts.h"
#include "client/connection.h"

namespace halfdoor {

struct ClientConnectionsOptions {
  uint64_t most = 0;                     // client connections at a time
  std::shared_ptr<ClientCounts> counts;  // of all workers; null: of this one
};

// Belongs to its worker's thread.
class ClientConnections final : public Deadline::Owner {
 public:
  ClientConnections(ExchangeEnvironment& environment, Exchanges& exchanges, const ClientConnectionsOptions& options);
  ~ClientConnections();

  // Takes over an accepted stream. Over a limit the oldest idle connection is closed for it; if there is none it is
  // answered 503 and closed.
  void accept(std::unique_ptr<Stream> stream, const ListenConfig& listener, const Address& peer,
              std::string_view local);
  // From now on every response closes its connection, and idle ones are closed, some at a time.
  void begin_stop();
  bool is_stopping() const { return is_stopping_; }
  bool empty() const { return open_ == 0; }
  // The oldest first; at most `count`.
  void close_idle(size_t count);
  void close_all();
  // Over 80 % of the limit: idle connections are kept for a shorter time.
  bool is_crowded() const { return (open_ + exchanges_.orphans()) * 5 > most_ * 4; }
  // Once a turn: when what was let in has grown far over the memory budget, clients that do not read, then those whose
  // head is not complete, are cut until it fits.
  void keep_to_budget();
  // "Sun, 22 Nov 2026 16:38:44 GMT", made once per second.
  std::string_view http_date();

  // For the connection itself.
  void on_idle(ClientConnection& connection);
  // It does not read: the kernel takes no more of its response.
  void on_stalled(ClientConnection& connection) { stalled_.push_back(connection); }
  // Whether a request that has come may begin; makes room if there is none.
  bool has_room_for_request();
  void on_closed(ClientConnection& connection);

 private:
  // So many at a time get to read why they are refused; more are closed without a word.
  static constexpr uint64_t kMostRefused = 16;
  // What one connection costs besides blocks and its exchange: itself, its stream and its place in the loop, and as
  // much for the connection to a server.
  static constexpr size_t kBytesEach = 4096;

  bool is_full() const { return open_ + exchanges_.orphans() >= most_; }
  void close_long_idle();
  void on_deadline(Deadline& deadline) override;

  ExchangeEnvironment& environment_;
  Exchanges& exchanges_;
  MessageLimits limits_;
  IntrusiveList<ClientConnection, ClientConnections> all_;
  IntrusiveList<ClientConnection, IdleConnectionTag> idle_;        // the longest idle first
  IntrusiveList<ClientConnection, StalledConnectionTag> stalled_;  // the longest stalled first
  std::shared_ptr<ClientCounts> counts_;
  const uint64_t most_;
  uint64_t open_ = 0;
  uint64_t refused_open_ = 0;  // of them: refused, on their way out
  Deadline chores_;            // the next look at idle connections
  std::string date_;
  int64_t date_seconds_ = -1;
  bool is_stopping_ = false;
  bool is_making_room_ = false;
};

}  // namespace halfdoor
