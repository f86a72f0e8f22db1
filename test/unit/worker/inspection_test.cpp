// Requests that are held until their body has been looked into.
#include <catch2/catch.hpp>
#include <random>

#include "simulation/simulated_worker.h"

using namespace halfdoor;

namespace {

SimulatedWorker::Options with_allow(Mode mode = Mode::backup_readonly, uint64_t inspect_body = 64 << 10) {
  return {[inspect_body](Config& config) {
            ServiceConfig& service = config.services[0];
            service.sides[0].servers.resize(1);
            service.read_only.allow = {Rule::parse("POST /login").value(), Rule::parse("PUT /login").value()};
            config.limits.inspect_body = inspect_body;
          },
          {mode}};
}

const std::string kForm = "Content-Type: application/x-www-form-urlencoded\r\n";

std::string chunked(std::string_view path, std::string_view more_fields = {}) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: salon.example\r\nTransfer-Encoding: chunked\r\n" +
         std::string(more_fields) + "\r\n";
}
std::string chunk(std::string_view bytes) {
  char size[20];
  std::snprintf(size, sizeof(size), "%zx\r\n", bytes.size());
  return size + std::string(bytes) + "\r\n";
}

bool was_any_host_asked(SimulatedWorker& worker) {
  for (MemoryServer* server : {&worker.primary(), &worker.backup()}) {
    if (!server->requests.empty() || !server->all_received().empty()) return true;
  }
  return false;
}

std::string state_of_only_exchange(SimulatedWorker& worker) {
  const auto all = worker.core->list_exchanges();
  return all.size() == 1 ? all[0].state + " " + all[0].side : std::to_string(all.size());
}

void check_nothing_left(SimulatedWorker& worker) {
  CHECK(worker.writes_open() == 0);
  CHECK(worker.ledger.violations.empty());
  CHECK(worker.ledger.uncertain.empty());
  CHECK(worker.counted().second_guard.get() == 0);
  CHECK(worker.core->list_exchanges().empty());
}

}  // namespace

TEST_CASE("an allowed form is held until its end and goes to the backup once, byte for byte") {
  SimulatedWorker worker(with_allow());
  worker.answer_everything();
  const std::string body = "name=anna&password=a%20b;&&=x&_method=PUT";
  const std::string request = post("/login", body, kForm);
  SimulatedClient& client = worker.connect();
  client.send(request.substr(0, request.size() - 1));
  worker.run();
  CHECK(client.messages().empty());
  CHECK(worker.backup().connection_count() == 0);
  CHECK(state_of_only_exchange(worker) == "inspecting none");
  CHECK(worker.ledger.begun.empty());
  client.send(request.substr(request.size() - 1) + get("/next"));
  worker.run();
  REQUIRE(client.messages().size() == 2);
  CHECK(client.messages()[0].body == "backup POST /login " + body);
  CHECK(client.last().body == "backup GET /next ");
  CHECK(worker.backup().requests.size() == 2);
  CHECK(worker.backup().requests[0].field("Content-Length") == std::to_string(body.size()));
  CHECK(worker.primary().connection_count() == 0);
  check_nothing_left(worker);
}

TEST_CASE("an override in the body is refused, nothing is sent, and the connection goes on") {
  SimulatedWorker worker(with_allow());
  worker.answer_everything();
  SimulatedClient& client = worker.connect();
  for (const std::string& request : {post("/login", "a=1&_method=DELETE", kForm), post("/login", "%5Fmethod=DELETE"),
                                     chunked("/login", kForm) + chunk("_meth") + chunk("od=DELETE") + "0\r\n\r\n",
                                     post("/login", "{\"_method\": \"DELETE\"}", "Content-Type: application/json\r\n"),
                                     post("/login", "{", "Content-Type: application/json\r\n")}) {
    client.send(request);
    worker.run();
    CHECK(client.last().status() == 503);
    CHECK(client.last().has_field("Retry-After"));
    CHECK_FALSE(client.last().has_field("Connection"));
  }
  CHECK_FALSE(was_any_host_asked(worker));
  CHECK(worker.ledger.begun.empty());
  client.send(get("/next"));
  worker.run();
  CHECK(client.last().body == "backup GET /next ");
  check_nothing_left(worker);
}

TEST_CASE("the verdict is the same however a body is cut into pieces") {
  std::mt19937 random(3);
  for (const std::string body : {"a=1&_method=DELETE&b=2", "a=1&_method=PUT&b=2&c=%5f"}) {
    const bool passes = body.find("PUT") != std::string::npos;
    for (int round = 0; round < 120; ++round) {
      SimulatedWorker worker(with_allow());
      worker.answer_everything();
      SimulatedClient& client = worker.connect();
      std::string bytes;
      if (round % 2 == 0) {
        bytes = post("/login", body, kForm);
      } else {
        bytes = chunked("/login", kForm);
        for (size_t at = 0; at < body.size();) {
          const size_t size = std::min<size_t>(1 + random() % 6, body.size() - at);
          bytes += chunk(body.substr(at, size));
          at += size;
        }
        bytes += "0\r\n\r\n";
      }
      for (size_t at = 0; at < bytes.size();) {
        const size_t size = round < 2 ? 1 : 1 + random() % 40;
        client.send(bytes.substr(at, size));
        at += size;
        worker.run();
      }
      REQUIRE(client.messages().size() == 1);
      CHECK(client.last().status() == (passes ? 200 : 503));
      if (passes) CHECK(client.last().body == "backup POST /login " + body);
      CHECK(was_any_host_asked(worker) == passes);
    }
  }
}

TEST_CASE("a body as large as limits.inspect_body passes whole") {
  const bool is_chunked = GENERATE(false, true);
  const bool is_dribbled = GENERATE(false, true);
  SimulatedWorker worker(with_allow());
  worker.answer_everything();
  std::mt19937 random(5);
  std::string body = "text=";
  while (body.size() < 64 << 10) body.push_back(static_cast<char>('a' + random() % 26));
  std::string bytes =
      is_chunked ? chunked("/login", kForm) + chunk(body.substr(0, 40'000)) + chunk(body.substr(40'000)) + "0\r\n\r\n"
                 : post("/login", body, kForm);
  SimulatedClient& client = worker.connect();
  for (size_t at = 0; at < bytes.size(); at += 9'999) {
    client.send(bytes.substr(at, 9'999));
    if (is_dribbled) worker.run();
  }
  worker.run();
  CHECK(client.last().status() == 200);
  CHECK((client.last().body == "backup POST /login " + body));
  check_nothing_left(worker);
}

TEST_CASE("a body that says it is larger than limits.inspect_body is refused on the head") {
  SimulatedWorker worker(with_allow(Mode::backup_readonly, 100));
  worker.answer_everything();
  const std::string request = post("/login", std::string(101, 'x'), kForm + "Expect: 100-continue\r\n");
  SimulatedClient& client = worker.ask(request.substr(0, request.find("\r\n\r\n") + 4));
  CHECK(client.last().status() == 503);
  CHECK(client.messages().size() == 1);
  SimulatedClient& second = worker.ask(post("/login", std::string(101, 'x'), kForm) + get("/next"));
  REQUIRE(second.messages().size() == 2);
  CHECK(second.messages()[0].status() == 503);
  CHECK(second.last().body == "backup GET /next ");
  CHECK(worker.ask(post("/login", std::string(100, 'x'), kForm)).last().status() == 200);
}

TEST_CASE("a chunked body is refused as soon as it is over limits.inspect_body") {
  SimulatedWorker worker(with_allow(Mode::backup_readonly, 100));
  worker.answer_everything();
  SimulatedClient& client = worker.ask(chunked("/login", kForm) + chunk(std::string(100, 'x')));
  CHECK(client.messages().empty());
  client.send(chunk("y"));
  worker.run();
  CHECK(client.last().status() == 503);
  CHECK_FALSE(was_any_host_asked(worker));
  client.send(chunk(std::string(50'000, 'z')) + "0\r\n\r\n" + get("/next"));
  worker.run();
  CHECK(client.last().body == "backup GET /next ");
  check_nothing_left(worker);
}

TEST_CASE("what carries no override, or comes where writes pass, is not held") {
  SimulatedWorker worker(with_allow());
  SimulatedClient& client = worker.ask(post("/login", "", kForm));
  CHECK(state_of_only_exchange(worker) != "inspecting none");
  CHECK(worker.backup().connection_count() == 1);
  SimulatedClient& text = worker.connect();
  const std::string request = post("/login", "_method=DELETE", "Content-Type: text/plain\r\n");
  text.send(request.substr(0, request.size() - 3));
  worker.run();
  CHECK(worker.backup().last().received().ends_with("_method=DEL"));
  SimulatedWorker writable(with_allow(Mode::primary));
  writable.ask(request.substr(0, request.size() - 3));
  CHECK(writable.primary().last().received().ends_with("_method=DEL"));
  CHECK(client.messages().empty());
}

TEST_CASE("a client that waits for 100 Continue is told to go on by halfdoor, and the host is not asked") {
  SimulatedWorker worker(with_allow());
  worker.answer_everything();
  const std::string request = post("/login", "name=anna", kForm + "Expect: 100-continue\r\n");
  const size_t head = request.find("\r\n\r\n") + 4;
  SimulatedClient& client = worker.ask(request.substr(0, head));
  REQUIRE(client.messages().size() == 1);
  CHECK(client.last().status() == 100);
  CHECK(worker.backup().connection_count() == 0);
  client.send(request.substr(head) + get("/next"));
  worker.run();
  REQUIRE(client.messages().size() == 3);
  CHECK(client.messages()[1].body == "backup POST /login name=anna");
  CHECK_FALSE(client.messages()[1].has_field("Connection"));
  CHECK_FALSE(worker.backup().requests[0].has_field("Expect"));
  // One that is refused after that may go on as well.
  SimulatedClient& refused = worker.ask(post("/login", "_method=DELETE", "Expect: 100-continue\r\n") + get("/next"));
  REQUIRE(refused.messages().size() == 3);
  CHECK(refused.messages()[0].status() == 100);
  CHECK(refused.messages()[1].status() == 503);
  CHECK(refused.messages()[2].status() == 200);
  // HTTP/1.0 knows no interim responses.
  SimulatedClient& old = worker.ask("POST /login HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx");
  CHECK(old.messages().size() == 1);
  CHECK(old.last().status() == 200);
}

TEST_CASE("what the head refuses is told so before any 100 Continue") {
  SimulatedWorker worker(with_allow());
  for (const std::string& fields : {std::string("X-HTTP-Method: DELETE\r\n"), std::string("Content-Encoding: gzip\r\n"),
                                    std::string("Content-Type: a, b\r\n")}) {
    SimulatedClient& client = worker.ask(
        "POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n" + fields + "\r\n");
    REQUIRE(client.messages().size() == 1);
    CHECK(client.last().status() == 503);
  }
}

TEST_CASE("a held body that stops is answered 408, and a broken one 400") {
  SimulatedWorker worker(with_allow());
  SimulatedClient& stopped = worker.ask(post("/login", "name=anna", kForm).substr(0, 120));
  SimulatedClient& broken = worker.ask(chunked("/login", kForm) + chunk("a=1") + "zz\r\n");
  CHECK(broken.last().status() == 400);
  CHECK(stopped.messages().empty());
  worker.advance(31'000);
  CHECK(stopped.last().status() == 408);
  worker.advance(5'000);
  CHECK(stopped.is_over());
  CHECK(broken.is_over());
  CHECK_FALSE(was_any_host_asked(worker));
  check_nothing_left(worker);
  CHECK(worker.core->blocks().in_use() == 0);
}

TEST_CASE("a client that leaves while its request is held leaves nothing behind") {
  const bool by_reset = GENERATE(false, true);
  SimulatedWorker worker(with_allow());
  SimulatedClient& client = worker.ask(chunked("/login", kForm) + chunk(std::string(50'000, 'x')));
  CHECK(state_of_only_exchange(worker) == "inspecting none");
  by_reset ? client.peer.reset() : client.peer.close();
  worker.run();
  CHECK_FALSE(was_any_host_asked(worker));
  check_nothing_left(worker);
  CHECK(worker.core->blocks().in_use() == 0);
  CHECK(worker.counters.exchanges.get() == 0);
}

TEST_CASE("a request that is held at a thaw goes to the primary as it is, beginning with what has come") {
  SimulatedWorker worker(with_allow(Mode::primary_readonly));
  worker.answer_everything();
  std::string body = "_method=DELETE&text=" + std::string(60'000, 'x') + "y";
  SimulatedClient& client = worker.connect();
  const std::string request = post("/login", body, kForm);
  client.send(request.substr(0, 50'000));
  worker.run();
  CHECK(state_of_only_exchange(worker) == "inspecting none");
  worker.change_mode(Mode::primary);
  CHECK(worker.primary().last().received().find("_method=DELETE") != std::string::npos);
  client.send(request.substr(50'000));
  worker.run();
  CHECK((client.last().body == "primary POST /login " + body));
  CHECK(worker.ledger.begun.at(0).epoch == 2);
  check_nothing_left(worker);
}

TEST_CASE("a request that is held is judged by the mode of the moment its body ends") {
  SimulatedWorker worker(with_allow(Mode::primary_readonly));
  worker.answer_everything();
  SimulatedClient& client = worker.connect();
  const std::string request = post("/login", "name=anna", kForm + "Expect: 100-continue\r\n");
  client.send(request.substr(0, request.size() - 1));
  worker.run();
  worker.change_mode(Mode::backup_readonly);
  CHECK(worker.observer.fenced.size() == 1);
  client.send(request.substr(request.size() - 1));
  worker.run();
  CHECK(client.last().body == "backup POST /login name=anna");
  CHECK(client.last().field("Halfdoor-Mode") == "backup-readonly; epoch=2");
  CHECK(client.messages().size() == 2);
  client.send(request.substr(0, request.size() - 1));
  worker.run();
  worker.change_mode(Mode::closed);
  CHECK(client.last().status() == 503);
  CHECK(client.last().field("Halfdoor-Mode") == "closed; epoch=3");
  CHECK(worker.primary().connection_count() == 0);
  client.send(request.substr(request.size() - 1));
  worker.run();
  check_nothing_left(worker);
}

TEST_CASE("a write that waits uninspected at a freeze is inspected, and one that was begun drains as a write") {
  const bool is_harmless = GENERATE(false, true);
  SimulatedWorker worker(with_allow(Mode::primary));
  const std::string body = std::string(40'000, 'x') + (is_harmless ? "&_method=PUT" : "&_method=DELETE");
  // Pulled, but not a byte of it is taken.
  worker.primary().on_connect = [](MemoryPeer& peer) { peer.connection().most_per_write = 0; };
  SimulatedClient& waiting = worker.ask(post("/login", body, kForm));
  worker.primary().on_connect = nullptr;
  SimulatedClient& begun = worker.ask(post("/login", "a=1", kForm));
  REQUIRE(worker.primary().connection(1).received().ends_with("a=1"));
  worker.apply(Mode::primary_readonly);
  CHECK(worker.observer.applied[0].services[0].writes_draining == 1);
  worker.run();
  CHECK(worker.primary().connection(0).received().empty());
  worker.primary().connection(1).send(reply(200, "begun"));
  if (is_harmless) {
    REQUIRE(worker.primary().connection_count() == 3);
    CHECK(worker.primary().connection(2).received().ends_with("\r\n\r\n" + body));
    worker.primary().connection(2).send(reply(200, "waited"));
  }
  worker.run();
  CHECK(waiting.last().status() == (is_harmless ? 200 : 503));
  CHECK(begun.last().body == "begun");
  CHECK(worker.observer.fenced.size() == 1);
  check_nothing_left(worker);
}

TEST_CASE("an inspected request goes on where the next mode allows it") {
  SimulatedWorker worker(with_allow(Mode::primary_readonly));
  SimulatedClient& client = worker.ask(post("/login", "a=1", kForm));
  REQUIRE(worker.primary().last().received().ends_with("a=1"));
  worker.apply(Mode::primary_readonly);
  CHECK(worker.observer.applied[0].services[0].writes_draining == 0);
  worker.apply(Mode::backup_readonly);
  CHECK(worker.observer.applied[1].services[0].writes_draining == 1);
  worker.primary().last().send(reply(200, "done"));
  worker.run();
  CHECK(client.last().body == "done");
  check_nothing_left(worker);
}

TEST_CASE("an inspected request is tried on the next server when the first refuses") {
  SimulatedWorker worker(
      {[](Config& config) { config.services[0].read_only.allow = {Rule::parse("POST /login").value()}; },
       {Mode::primary_readonly}});
  worker.answer_everything();
  worker.primary(0).reach = MemoryServer::Reach::refuses_later;
  for (int i = 0; i < 2; ++i) {
    CHECK(worker.ask(post("/login", "a=1", kForm)).last().body == "primary POST /login a=1");
  }
  CHECK(worker.primary(0).all_received().empty());
  check_nothing_left(worker);
}

TEST_CASE("a stop gives a held request its drain and then an answer") {
  SimulatedWorker worker(with_allow());
  SimulatedClient& client = worker.ask(post("/login", "name=anna", kForm).substr(0, 120));
  worker.core->begin_stop(Milliseconds(1'000));
  worker.advance(2'000);
  CHECK(client.last().status() == 503);
  CHECK(client.is_over());
  CHECK(worker.core->has_stopped());
  CHECK_FALSE(was_any_host_asked(worker));
}
