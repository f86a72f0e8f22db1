#include "fuzz/strict_host.h"

#include <algorithm>

#include "exchange/websocket.h"
#include "fuzz/reference/host_path.h"

namespace halfdoor::fuzz {

namespace {

constexpr std::string_view kBody = "what the host has to say";

std::string chunked(std::string_view body) {
  return "7\r\n" + std::string(body.substr(0, 7)) + "\r\n11;x=y\r\n" + std::string(body.substr(7)) + "\r\n0\r\n\r\n";
}

}  // namespace

void StrictHosts::play(MemoryServer& server, Side side) {
  server.on_connect = [this, side](MemoryPeer& peer) {
    if (sequence_.below(4) == 0) peer.connection().most_per_write = 1 + sequence_.below(60);
    peer.on_received = [this, side](MemoryPeer& received) { receive(received, side); };
  };
}

bool StrictHosts::opens_tunnel(const Request& request, MemoryPeer& peer) {
  const std::vector<std::string> keys = request.message.values("sec-websocket-key");
  if (!request.message.has("upgrade") || keys.size() != 1 || sequence_.below(4) == 0) return false;
  require(peer.received().empty(), "no byte of the client follows a handshake before it is granted",
          [&] { return printable(peer.received()); });
  is_tunnel_[&peer] = true;
  peer.send("HTTP/1.1 101 Switching Protocols\r\nX-Marker: " + request.marker +
            "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " +
            make_websocket_accept(keys.front()) + "\r\n\r\n");
  return true;
}

void StrictHosts::receive(MemoryPeer& peer, Side side) {
  if (is_tunnel_[&peer]) {
    tunnelled_ += peer.received();
    peer.send(peer.received());
    peer.forget_received();
    if (peer.saw_end()) peer.finish();
    return;
  }
  while (!peer.received().empty()) {
    const std::string bytes = peer.received();
    const auto why = [&] { return printable(bytes); };
    require(!has_said_goodbye_[&peer], "nothing is sent behind the answer that closes", why);
    const reference::Reading reading = reference::read_request(bytes, reference::Strictness::sent);
    require(reading.outcome != reference::Outcome::refused, "nothing that a strict parser refuses reaches a host",
            [&] { return reading.why + "\n" + printable(bytes); });
    if (!reading.has_head) return;
    if (!is_within_request_[&peer]) {
      heads_.push_back({side, reading.message, {}});
      is_within_request_[&peer] = true;
    }
    if (reading.outcome != reference::Outcome::complete) return;
    is_within_request_[&peer] = false;
    requests_.push_back({side, reading.message, std::to_string(requests_.size())});
    peer.replace_received(bytes.substr(reading.message.size));
    if (opens_tunnel(requests_.back(), peer)) return;
    peer.send(answer(requests_.back()));
    if (has_said_goodbye_[&peer]) peer.finish();
    if (sequence_.below(12) == 0) {
      has_said_goodbye_[&peer] = true;
      peer.finish();
    }
  }
}

std::string StrictHosts::answer(const Request& request) {
  const std::string start = sequence_.below(5) == 0 && request.message.minor_version == 1
                                ? "HTTP/1.1 103 Early\r\nLink: </x>\r\n\r\nHTTP/1.1 "
                                : "HTTP/1.1 ";
  const std::string marker = "X-Marker: " + request.marker + "\r\n";
  const bool is_head = request.message.method == "HEAD";
  const std::string length = "Content-Length: " + std::to_string(kBody.size()) + "\r\n\r\n";
  const std::string body(is_head ? "" : kBody);
  switch (sequence_.below(4)) {
    case 0: return start + "204 None\r\n" + marker + "\r\n";
    case 1:
      return start + "200 OK\r\n" + marker + "Transfer-Encoding: chunked\r\n\r\n" + (is_head ? "" : chunked(kBody));
    case 2: return start + "304 Same\r\n" + marker + length;
    default: return start + "200 OK\r\n" + marker + length + body;
  }
}

void StrictHosts::check_ends() {
  for (const Side side : kSides) {
    const size_t servers = side == Side::primary ? 2 : 1;
    for (size_t i = 0; i < servers; ++i) {
      MemoryServer& server = side == Side::primary ? worker_.primary(i) : worker_.backup();
      for (const auto& peer : server.connections) {
        require(peer->received().empty() || peer->is_over(), "a request that is not completed ends its connection",
                [&] { return printable(peer->received()); });
      }
    }
  }
}

void pass_time(SimulatedWorker& worker, int64_t most_ms) {
  constexpr int64_t kStepMs = 1000;
  const auto is_idle = [&worker] {
    const WorkerCounters& counters = worker.counters;
    return counters.exchanges.get() == 0 && counters.connections.get() == 0 && worker.core->blocks().in_use() == 0;
  };
  for (int64_t passed = 0; passed < most_ms && !is_idle(); passed += kStepMs) {
    worker.wheel.set_now(worker.wheel.now_ms() + kStepMs);
    worker.run();
  }
  // Pooled connections to hosts end last.
  for (int i = 0; i < 5; ++i) {
    worker.wheel.set_now(worker.wheel.now_ms() + kStepMs);
    worker.run();
  }
}

void check_nothing_is_left(SimulatedWorker& worker) {
  require(worker.counters.exchanges.get() == 0, "no exchange is left");
  require(worker.counters.connections.get() == 0, "no connection of a client is left");
  require(worker.counted().second_guard.get() == 0, "the second guard never has to catch anything");
  require(worker.counted().uncertain.get() == worker.ledger.uncertain.size(), "what is uncertain is counted");
  require(worker.ledger.open.empty() && worker.writes_open() == 0, "no write is left open in the ledger");
  require(worker.ledger.violations.empty(), "the ledger is used by its protocol",
          [&] { return worker.ledger.violations.front(); });
  require(worker.core->blocks().in_use() == 0, "no block of memory is left in use",
          [&] { return std::to_string(worker.core->blocks().in_use()); });
  for (const Side side : kSides) {
    for (const ServerCounters& server : worker.counted().servers[index_of(side)]) {
      require(server.in_flight.get() == 0 && server.pooled.get() == 0, "no connection to a host is left");
    }
  }
  uint64_t responses = 0;
  for (const Counter& counter : worker.counted().responses) responses += counter.get();
  require(responses == worker.counted().requests.get(), "as many responses as requests are counted");
}

bool is_safe(std::string_view method) { return method == "GET" || method == "HEAD" || method == "OPTIONS"; }

std::vector<std::string> override_methods(const reference::Message& request) {
  std::vector<std::string> methods;
  const auto upper = [](std::string_view text) {
    std::string folded(text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size())));
    while (!folded.empty() && static_cast<unsigned char>(folded.back()) <= 0x20) folded.pop_back();
    for (char& c : folded) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return folded;
  };
  for (const reference::Field& field : request.fields) {
    // To CGI every sign is "_".
    std::string name = field.name;
    std::replace_if(
        name.begin(), name.end(), [](char c) { return (c < 'a' || c > 'z') && (c < '0' || c > '9'); }, '-');
    if (name != "x-http-method-override" && name != "x-http-method" && name != "x-method-override") continue;
    std::string_view rest = field.value;
    if (rest.empty()) methods.emplace_back();
    while (!rest.empty()) {
      const size_t comma = std::min(rest.find(','), rest.size());
      if (const std::string element = upper(rest.substr(0, comma)); !element.empty()) methods.push_back(element);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  const size_t question = std::min(request.target.find('?'), request.target.size() - 1);
  for (const unsigned decodings : {1U, 2U, 3U}) {
    for (const bool splits_at_semicolon : {false, true}) {
      const std::string_view query = std::string_view(request.target).substr(question + 1);
      for (const auto& [name, value] : reference::read_query(query, decodings, splits_at_semicolon)) {
        if (name == "_method") methods.push_back(upper(value));
      }
    }
  }
  return methods;
}

}  // namespace halfdoor::fuzz
