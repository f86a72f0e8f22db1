#include "client/connections.h"

#include <algorithm>
#include <utility>

#include "http/semantics.h"

namespace halfdoor {

namespace {

constexpr Milliseconds kCrowdedKeepAlive{5'000};
constexpr int64_t kLookEveryMs = 1'000;
// At a stop so many idle connections are closed at once, and again every few milliseconds: neither the worker nor
// whoever takes over has all of them to deal with at the same time.
constexpr size_t kClosedAtOnce = 256;
constexpr int64_t kCloseMoreAfterMs = 10;
// For one request that finds no memory.
constexpr size_t kClosedForMemory = 16;
// In one turn: what they held is free at its end.
constexpr size_t kCutAtOnce = 32;

}  // namespace

ClientConnections::ClientConnections(ExchangeEnvironment& environment, Exchanges& exchanges,
                                     const ClientConnectionsOptions& options)
    : environment_(environment),
      exchanges_(exchanges),
      counts_(options.counts != nullptr ? options.counts : std::make_shared<ClientCounts>()),
      most_(options.most),
      chores_(environment.wheel, *this) {
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
  const uint64_t most_per_client = environment_.limits().connections_per_client;
  std::optional<ClientCounts::Place> place;
  const bool is_counted = most_per_client > 0 && !peer.is_unix();
  if (is_counted) place = counts_->take(peer.host_text(), most_per_client);
  const bool is_over = is_counted && !place;
  if (!is_over && is_full()) close_idle(1);
  const bool is_refused = is_over || is_full() || !has_room_for_request();
  if (is_refused) counters.connections_refused.add();
  if (is_refused && (refused_open_ >= kMostRefused || memory_is_exhausted())) return;
  auto made = std::make_unique<ClientConnection>(ClientEnvironment{environment_, exchanges_, *this}, limits_,
                                                 std::move(stream), listener, peer, local);
  ClientConnection& connection = *made.release();  // owned through the list until on_closed()
  if (place) connection.take_place(std::move(*place));
  all_.push_back(connection);
  ++open_;
  environment_.blocks.budget().hold(kBytesEach);
  counters.connections.set(open_);
  if (is_crowded() && !chores_.is_set()) chores_.set(kLookEveryMs);
  if (is_refused) {
    ++refused_open_;
    connection.refuse_for_lack_of_room();
  }
}

bool ClientConnections::has_room_for_request() {
  const MemoryBudget& budget = environment_.blocks.budget();
  if (!budget.is_over()) return true;
  // Making room may bring up another request that asks for room.
  if (!std::exchange(is_making_room_, true)) {
    close_idle(kClosedForMemory);
    is_making_room_ = false;
  }
  return !budget.is_over();
}

void ClientConnections::keep_to_budget() {
  const MemoryBudget& budget = environment_.blocks.budget();
  environment_.counters.memory.set(budget.held());
  if (!budget.is_far_over()) return;
  size_t cut = 0;
  for (; cut < kCutAtOnce && !stalled_.empty(); ++cut) stalled_.front().close(/*by_reset=*/true);
  for (auto next = all_.begin(); cut < kCutAtOnce && next != all_.end();) {
    ClientConnection& connection = *next;
    ++next;
    if (connection.state() != ClientConnection::State::reading_head) continue;
    connection.close(/*by_reset=*/true);
    ++cut;
  }
  environment_.counters.cut_for_memory.add(cut);
}

void ClientConnections::on_idle(ClientConnection& connection) {
  idle_.push_back(connection);
  if (is_stopping_ && !chores_.is_set()) chores_.set(kCloseMoreAfterMs);
}

void ClientConnections::begin_stop() {
  is_stopping_ = true;
  on_deadline(chores_);
}

void ClientConnections::on_deadline(Deadline&) {
  if (!is_stopping_) {
    close_long_idle();
    if (is_crowded()) chores_.set(kLookEveryMs);
    return;
  }
  // One that has just received a request stops being idle.
  for (size_t i = 0; i < kClosedAtOnce && !idle_.empty(); ++i) idle_.front().end_idle();
  if (!idle_.empty()) chores_.set(kCloseMoreAfterMs);
}

void ClientConnections::close_long_idle() {
  if (!is_crowded()) return;
  const int64_t before_ms = environment_.wheel.now_ms() - kCrowdedKeepAlive.count();
  while (!idle_.empty() && idle_.front().idle_since_ms() <= before_ms) idle_.front().close(false);
}

void ClientConnections::close_idle(size_t count) {
  while (count > 0 && !idle_.empty()) {
    const uint64_t before = open_;
    // One that has just received a request is answered instead.
    idle_.front().end_idle();
    if (open_ < before) --count;
  }
}

void ClientConnections::close_all() {
  while (!all_.empty()) all_.front().cut();
}

void ClientConnections::on_closed(ClientConnection& connection) {
  connection.ListLink<ClientConnections>::leave();
  connection.ListLink<IdleConnectionTag>::leave();
  connection.ListLink<StalledConnectionTag>::leave();
  --open_;
  if (open_ == 0) chores_.clear();
  if (connection.was_refused()) --refused_open_;
  environment_.blocks.budget().release(kBytesEach);
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
