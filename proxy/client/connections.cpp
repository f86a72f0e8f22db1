#include "client/connections.h"

#include <utility>

#include "http/semantics.h"

namespace halfdoor {

ClientConnections::ClientConnections(ExchangeEnvironment& environment, Exchanges& exchanges, uint64_t most)
    : environment_(environment), exchanges_(exchanges), most_(most) {
  const Limits& limits = environment.limits();
  limits_.start_line = limits.request_line;
  limits_.head = limits.request_head;
  limits_.fields = limits.request_fields;
  limits_.chunk_line = limits.chunk_line;
  limits_.chunk_extensions = limits.chunk_extensions;
}

ClientConnections::~ClientConnections() { close_all(); }

void ClientConnections::accept(std::unique_ptr<Stream> stream, const ListenConfig& listener, const Address& peer,
                               std::string_view local) {
  WorkerCounters& counters = environment_.counters;
  counters.connections_accepted.add();
  const bool is_over = is_over_client_limit(peer);
  if (!is_over && open_ >= most_) close_idle(1);
  const bool is_refused = is_over || open_ >= most_;
  if (is_refused) counters.connections_refused.add();
  if (is_refused && refused_open_ >= kMostRefused) return;
  auto made = std::make_unique<ClientConnection>(ClientEnvironment{environment_, exchanges_, *this}, limits_,
                                                 std::move(stream), listener, peer, local);
  ClientConnection& connection = *made.release();  // owned through the list until on_closed()
  all_.push_back(connection);
  ++open_;
  count_client(peer, 1);
  counters.connections.set(open_);
  if (is_refused) {
    ++refused_open_;
    connection.refuse_for_lack_of_room();
  }
}

bool ClientConnections::is_over_client_limit(const Address& peer) const {
  const uint64_t limit = environment_.limits().connections_per_client;
  if (limit == 0 || peer.is_unix()) return false;
  const auto found = per_client_.find(peer.host_text());
  return found != per_client_.end() && found->second >= limit;
}

void ClientConnections::count_client(const Address& peer, int change) {
  if (environment_.limits().connections_per_client == 0 || peer.is_unix()) return;
  uint64_t& count = per_client_[peer.host_text()];
  count += static_cast<uint64_t>(static_cast<int64_t>(change));
  if (count == 0) per_client_.erase(peer.host_text());
}

void ClientConnections::begin_stop() {
  is_stopping_ = true;
  std::vector<ClientConnection*> idle;
  for (ClientConnection& connection : idle_) idle.push_back(&connection);
  for (ClientConnection* connection : idle) connection->end_idle();
}

void ClientConnections::close_idle(size_t count) {
  for (; count > 0 && !idle_.empty(); --count) idle_.front().close(false);
}

void ClientConnections::close_all() {
  while (!all_.empty()) all_.front().cut();
}

void ClientConnections::on_closed(ClientConnection& connection) {
  connection.ListLink<ClientConnections>::leave();
  connection.ListLink<IdleConnectionTag>::leave();
  --open_;
  if (connection.was_refused()) --refused_open_;
  count_client(connection.peer(), -1);
  environment_.counters.connections.set(open_);
  environment_.turn.dispose(std::unique_ptr<Disposable>(&connection));
}

std::string_view ClientConnections::http_date() {
  const int64_t seconds = environment_.wall_clock.unix_ms() / 1000;
  if (seconds != date_seconds_) {
    date_seconds_ = seconds;
    date_ = format_http_date(seconds);
  }
  return date_;
}

}  // namespace halfdoor
