// A body that is a complete request, behind every answer that may be given before the body has been read: nobody ever
// takes it for a request.
#include <catch2/catch.hpp>
#include <memory>

#include "simulation/simulated_worker.h"

using namespace halfdoor;

namespace {

const std::string kHidden = "GET /hidden HTTP/1.1\r\nHost: salon.example\r\n\r\n";

// The first server of the primary, playing: it does `early` as soon as something of a POST has come, and answers what
// is honest behind it. Whatever it takes for a request to /hidden is remembered.
struct Host {
  std::function<void(MemoryPeer&)> early;
  size_t hidden = 0;
  size_t honest = 0;

  void stand_at(MemoryServer& server) {
    server.on_connect = [this](MemoryPeer& peer) {
      auto has_answered = std::make_shared<bool>(false);
      peer.on_received = [this, has_answered](MemoryPeer& self) { take(self, *has_answered); };
    };
  }
  void take(MemoryPeer& peer, bool& has_answered) {
    if (!has_answered && peer.received().starts_with("POST")) {
      has_answered = true;
      if (early) early(peer);
    }
    while (const auto message = cut_message(peer.received(), {})) {
      peer.replace_received(peer.received().substr(message->size));
      if (message->target() == "/hidden") ++hidden;
      if (message->target() != "/honest") continue;
      ++honest;
      peer.send(reply(200, "honest"));
    }
  }
};

// An answer before the body has been read, and how it comes about.
struct Early {
  const char* name;
  int status;
  std::string line = "POST /carrier HTTP/1.1";
  std::string fields = "";
  Mode mode = Mode::primary;
  std::function<void(SimulatedWorker&)> prepare = nullptr;        // before the client connects
  std::function<void(MemoryPeer&)> early = nullptr;               // by the server
  std::function<void(SimulatedWorker&)> head_is_there = nullptr;  // once the head has been read
  uint64_t most_connections = 1000;
  bool has_own_framing = false;  // `fields` says how long the body is
  std::function<void(Config&)> configure = nullptr;
};

void reach(SimulatedWorker& worker, MemoryServer::Reach how) {
  for (MemoryServer* server : {&worker.primary(0), &worker.primary(1), &worker.backup()}) server->reach = how;
}

std::vector<Early> early_answers() {
  std::vector<Early> all;
  const auto add = [&](Early early) { all.push_back(std::move(early)); };
  // The notice, in every mode that has one.
  add({"notice of primary-readonly", 503, "POST /carrier HTTP/1.1", "", Mode::primary_readonly});
  add({"notice of backup-readonly", 503, "POST /carrier HTTP/1.1", "", Mode::backup_readonly});
  add({"notice of closed", 503, "POST /carrier HTTP/1.1", "", Mode::closed});
  add({"notice to HTTP/1.0", 503, "POST /carrier HTTP/1.0", "Connection: keep-alive\r\n", Mode::backup_readonly});
  add({"notice to a GET with a body", 503, "GET /carrier HTTP/1.1", "", Mode::backup_readonly});
  add({"notice to a client that asked first", 503, "POST /carrier HTTP/1.1", "Expect: 100-continue\r\n",
       Mode::backup_readonly});
  // Other answers of our own, to a head that is well formed.
  add({"421", 421, "POST http://nobody.example/carrier HTTP/1.1", ""});
  add({"405 at the well-known path", 405, "POST /.well-known/halfdoor HTTP/1.1", ""});
  add({"417", 417, "POST /carrier HTTP/1.1", "Expect: wonders\r\n"});
  add({"405 TRACE", 405, "TRACE /carrier HTTP/1.1", ""});
  add({"405 CONNECT", 405, "CONNECT salon.example:80 HTTP/1.1", ""});
  add({"505", 505, "POST /carrier HTTP/2.0", ""});
  // And to heads that are not.
  add({"400 of the target", 400, "POST /%00 HTTP/1.1", ""});
  add({"400 of a field", 400, "POST /carrier HTTP/1.1", "X : 1\r\n"});
  add({"400 of an empty name", 400, "POST /carrier HTTP/1.1", ": 1\r\n"});
  add({"400 of two hosts", 400, "POST /carrier HTTP/1.1", "Host: b\r\n"});
  add({"400 of a disguised length", 400, "POST /carrier HTTP/1.1", "Content_Length: 0\r\n"});
  add({"400 of two framings", 400, "POST /carrier HTTP/1.1", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"});
  add({"400 of two lengths", 400, "POST /carrier HTTP/1.1", "Content-Length: 0\r\nContent-Length: 45\r\n",
       Mode::primary, nullptr, nullptr, nullptr, 1000, true});
  add({"501 of a coding", 501, "POST /carrier HTTP/1.1", "Transfer-Encoding: gzip, chunked\r\n", Mode::primary, nullptr,
       nullptr, nullptr, 1000, true});
  add({"414", 414, "POST /" + std::string(9000, 'p') + " HTTP/1.1", ""});
  add({"431", 431, "POST /carrier HTTP/1.1", "X: " + std::string(33'000, 'v') + "\r\n"});
  // Where no server can be reached, or no room is left.
  add({"502 unreachable", 502, "POST /carrier HTTP/1.1", "", Mode::primary,
       [](SimulatedWorker& worker) { reach(worker, MemoryServer::Reach::refuses_at_once); }, nullptr,
       [](SimulatedWorker& worker) { reach(worker, MemoryServer::Reach::accepts); }});
  add({"502 unreachable, later", 502, "POST /carrier HTTP/1.1", "", Mode::primary,
       [](SimulatedWorker& worker) { reach(worker, MemoryServer::Reach::refuses_later); }, nullptr,
       [](SimulatedWorker& worker) { reach(worker, MemoryServer::Reach::accepts); }});
  add({"504 of a connection that is not made", 504, "POST /carrier HTTP/1.1", "", Mode::primary,
       [](SimulatedWorker& worker) { reach(worker, MemoryServer::Reach::is_silent); }, nullptr,
       [](SimulatedWorker& worker) {
         worker.advance(3'100);
         reach(worker, MemoryServer::Reach::accepts);
       }});
  add({"503 of a full ledger", 503, "POST /carrier HTTP/1.1", "", Mode::primary,
       [](SimulatedWorker& worker) { worker.ledger.slots = 0; }});
  add({"503 of a worker that is full", 503, "POST /carrier HTTP/1.1", "", Mode::primary, nullptr, nullptr, nullptr, 0});
  // Final answers of the server, and its failures, with the body on its way.
  add({"413 of the server", 413, "POST /carrier HTTP/1.1", "", Mode::primary, nullptr,
       [](MemoryPeer& peer) { peer.send(reply(413, "no")); }});
  add({"413 of the server, which closes", 413, "POST /carrier HTTP/1.1", "", Mode::primary, nullptr,
       [](MemoryPeer& peer) {
         peer.send(reply(413, "no", "Connection: close\r\n"));
         peer.finish();
       }});
  add({"200 of the server in chunks", 200, "POST /carrier HTTP/1.1", "", Mode::primary, nullptr, [](MemoryPeer& peer) {
         peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
       }});
  add({"200 of the server that ends with its connection", 200, "POST /carrier HTTP/1.1", "", Mode::primary, nullptr,
       [](MemoryPeer& peer) {
         peer.send("HTTP/1.1 200 OK\r\n\r\nok");
         peer.finish();
       }});
  add({"204 of the server", 204, "POST /carrier HTTP/1.1", "", Mode::primary, nullptr,
       [](MemoryPeer& peer) { peer.send("HTTP/1.1 204 No Content\r\n\r\n"); }});
  add({"413 of the server to a client that asked first", 413, "POST /carrier HTTP/1.1", "Expect: 100-continue\r\n",
       Mode::primary, nullptr, [](MemoryPeer& peer) { peer.send(reply(413, "no")); }});
  add({"100 and 413 of the server", 413, "POST /carrier HTTP/1.1", "Expect: 100-continue\r\n", Mode::primary, nullptr,
       [](MemoryPeer& peer) { peer.send("HTTP/1.1 100 Continue\r\n\r\n" + reply(413, "no")); }});
  add({"502 of a server that resets", 502, "POST /carrier HTTP/1.1", "", Mode::primary, nullptr,
       [](MemoryPeer& peer) { peer.reset(); }});
  add({"502 of a server that talks nonsense", 502, "POST /carrier HTTP/1.1", "", Mode::primary, nullptr,
       [](MemoryPeer& peer) { peer.send("nonsense\r\n\r\n"); }});
  add({"502 of a server that switches protocols", 502, "POST /carrier HTTP/1.1", "", Mode::primary, nullptr,
       [](MemoryPeer& peer) { peer.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"); }});
  // What time, a switch and a stop bring about.
  add({"408", 408, "POST /carrier HTTP/1.1", "", Mode::primary, nullptr, nullptr,
       [](SimulatedWorker& worker) { worker.advance(30'100); }});
  add({"503 at the switch", 503, "POST /carrier HTTP/1.1", "", Mode::primary,
       [](SimulatedWorker& worker) { reach(worker, MemoryServer::Reach::is_silent); }, nullptr,
       [](SimulatedWorker& worker) {
         worker.change_mode(Mode::backup_readonly);
         reach(worker, MemoryServer::Reach::accepts);
         worker.change_mode(Mode::primary);
       }});
  add({"502 at the end of the drain", 502, "POST /carrier HTTP/1.1", "", Mode::primary, nullptr, nullptr,
       [](SimulatedWorker& worker) {
         worker.change_mode(Mode::backup_readonly);
         worker.advance(10'100);
         worker.change_mode(Mode::primary);
       }});
  add({"502 at the end of a stop", 502, "POST /carrier HTTP/1.1", "", Mode::primary, nullptr, nullptr,
       [](SimulatedWorker& worker) {
         worker.core->begin_stop(Milliseconds(100));
         worker.advance(200);
       }});
  // Bodies that are to be looked into, and handshakes.
  const auto inspects = [](uint64_t most) {
    return [most](Config& config) {
      config.services[0].read_only.allow = {Rule::parse("POST /carrier").value()};
      config.limits.inspect_body = most;
    };
  };
  const std::string form = "Content-Type: application/x-www-form-urlencoded\r\n";
  const auto add_held = [&](const char* name, int status, const std::string& fields, uint64_t most,
                            std::function<void(SimulatedWorker&)> then = nullptr) {
    Early early{name, status, "POST /carrier HTTP/1.1", fields, Mode::backup_readonly};
    early.head_is_there = std::move(then);
    early.configure = inspects(most);
    add(early);
  };
  add_held("notice to a body that is too large to look into", 503, form, 20);
  add_held("the same, asked first", 503, form + "Expect: 100-continue\r\n", 20);
  add_held("notice to a compressed body", 503, form + "Content-Encoding: gzip\r\n", 1000);
  add_held("notice to a body of an unclear type", 503, "Content-Type: nonsense\r\n", 1000);
  add_held("408 of a held body", 408, form, 1000, [](SimulatedWorker& worker) { worker.advance(30'100); });
  add_held("503 of a held body at the switch", 503, form, 1000, [](SimulatedWorker& worker) {
    worker.change_mode(Mode::closed);
    worker.change_mode(Mode::backup_readonly);
  });
  add({"400 of a handshake with a body", 400, "GET /carrier HTTP/1.1",
       "Connection: upgrade\r\nUpgrade: websocket\r\n"});
  add({"notice to a handshake with a body", 503, "GET /carrier HTTP/1.1", "Upgrade: websocket\r\n",
       Mode::backup_readonly});
  return all;
}

enum class Arrival : uint8_t { with_head, after_answer, byte_by_byte };

struct Played {
  std::vector<WireMessage> answers;
  size_t hidden = 0;
  size_t honest = 0;
};

std::string carrier(const Early& early, bool is_chunked) {
  std::string request = early.line + "\r\nHost: salon.example\r\n" + early.fields;
  if (!early.has_own_framing) {
    request +=
        is_chunked ? "Transfer-Encoding: chunked\r\n" : "Content-Length: " + std::to_string(kHidden.size()) + "\r\n";
  }
  return request + "\r\n";
}

Played play(const Early& early, bool is_chunked, Arrival arrival) {
  SimulatedWorker worker({[&](Config& config) {
                            config.services[0].sides[0].servers.resize(1);
                            config.services[0].hosts = {"salon.example"};
                            if (early.configure) early.configure(config);
                          },
                          {early.mode},
                          early.most_connections});
  std::vector<std::unique_ptr<Host>> hosts;
  for (MemoryServer* server : {&worker.primary(0), &worker.backup()}) {
    hosts.push_back(std::make_unique<Host>());
    hosts.back()->early = early.early;
    hosts.back()->stand_at(*server);
  }
  if (early.prepare) early.prepare(worker);
  SimulatedClient& client = worker.connect("192.0.2.1:1000", 1 << 20);
  const std::string head = carrier(early, is_chunked);
  char size[20];
  std::snprintf(size, sizeof(size), "%zx\r\n", kHidden.size());
  const std::string body = is_chunked ? size + kHidden + "\r\n0\r\n\r\n" : kHidden;
  const std::string whole = head + (arrival == Arrival::with_head ? body : "");
  if (arrival == Arrival::byte_by_byte && head.size() < 1000) {
    for (const char byte : whole) {
      client.send(std::string(1, byte));
      worker.run();
    }
  } else {
    client.send(whole);
    worker.run();
  }
  if (early.head_is_there) early.head_is_there(worker);
  worker.run();
  if (arrival == Arrival::after_answer) client.send(body);
  if (arrival == Arrival::byte_by_byte) {
    for (const char byte : body) {
      client.send(std::string(1, byte));
      worker.run();
    }
  }
  worker.run();
  client.send(get("/honest"));
  worker.run();
  worker.advance(1'500);
  Played outcome{client.messages(), 0, 0};
  for (const auto& host : hosts) {
    outcome.hidden += host->hidden;
    outcome.honest += host->honest;
  }
  CHECK(worker.counters.connections.get() <= 1);
  CHECK(worker.ledger.violations.empty());
  return outcome;
}

}  // namespace

TEST_CASE("a body that is a complete GET is no request behind any early answer") {
  for (const Early& early : early_answers()) {
    for (const bool is_chunked : {false, true}) {
      for (const Arrival arrival : {Arrival::with_head, Arrival::after_answer, Arrival::byte_by_byte}) {
        CAPTURE(early.name, is_chunked, static_cast<int>(arrival));
        if (is_chunked && early.line.ends_with("1.0")) continue;
        // Where the whole body is there, these are not early: it goes to the server, and nothing is slow.
        if (arrival == Arrival::with_head && early.head_is_there && early.status != 504 && !early.prepare) continue;
        const Played outcome = play(early, is_chunked, arrival);
        CHECK(outcome.hidden == 0);
        std::vector<WireMessage> answers;
        for (const WireMessage& answer : outcome.answers) {
          if (answer.status() >= 200) answers.push_back(answer);
        }
        REQUIRE_FALSE(answers.empty());
        CHECK(answers[0].status() == early.status);
        if (early.mode == Mode::closed) {
          CHECK(answers.size() == 2);  // the honest request gets the notice, too
          continue;
        }
        CHECK(answers.size() == 1 + outcome.honest);
        if (answers.size() > 1) CHECK(answers[1].body == "honest");
        // Where the connection was promised, the request behind the body is heard (in other modes it may be refused).
        if (early.mode == Mode::primary && answers[0].field("Connection") != "close" && early.status != 408) {
          CHECK(outcome.honest == 1);
        }
      }
    }
  }
}
