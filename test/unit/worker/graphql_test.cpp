// GraphQL through a whole worker: what is sent, where to, and how often.
#include <catch2/catch.hpp>

#include "simulation/simulated_worker.h"

using namespace halfdoor;

namespace {

SimulatedWorker::Options with_graphql(Mode mode) {
  return {[](Config& config) {
            config.services[0].sides[0].servers.resize(1);
            config.services[0].read_only.graphql = {"/graphql"};
          },
          {mode}};
}

const std::string kJson = "Content-Type: application/json\r\n";
const std::string kQuery = R"({"query": "query Q($id: Int) { booking(id: $id) { day } }", "variables": {"id": 5}})";
const std::string kMutation = R"({"query": "mutation { cancel(id: 5) }"})";

}  // namespace

TEST_CASE("while read-only a posted query passes once and a posted mutation does not") {
  SimulatedWorker worker(with_graphql(Mode::backup_readonly));
  worker.answer_everything();
  SimulatedClient& client = worker.ask(post("/graphql", kQuery, kJson));
  CHECK(client.last().body == "backup POST /graphql " + kQuery);
  client.send(post("/graphql", kMutation, kJson) + get("/next"));
  worker.run();
  REQUIRE(client.messages().size() == 3);
  CHECK(client.messages()[1].status() == 503);
  CHECK(client.last().status() == 200);
  CHECK(worker.backup().requests.size() == 2);
  CHECK(worker.ledger.begun.size() == 1);
  CHECK(worker.counted().second_guard.get() == 0);
}

TEST_CASE("where writes pass nobody looks into a body") {
  SimulatedWorker worker(with_graphql(Mode::primary));
  worker.answer_everything();
  CHECK(worker.ask(post("/graphql", kMutation, kJson)).last().body == "primary POST /graphql " + kMutation);
  CHECK(worker.ask(post("/graphql", "{", kJson)).last().body == "primary POST /graphql {");
  CHECK(worker.ledger.begun.size() == 2);
}

TEST_CASE("a posted query never goes to the other side and is never sent twice") {
  SimulatedWorker worker(with_graphql(Mode::primary_readonly));
  worker.backup().answer = [](const WireMessage&, MemoryPeer&) { return reply(200, "backup"); };
  SimulatedClient& client = worker.ask(post("/graphql", kQuery, kJson));
  worker.primary().last().reset();
  worker.run();
  CHECK(client.last().status() == 502);
  CHECK_FALSE(client.last().has_field("Retry-After"));
  CHECK(worker.primary().connection_count() == 1);
  CHECK(worker.backup().connection_count() == 0);
  CHECK(worker.ledger.uncertain.size() == 1);
}

TEST_CASE("a query by GET falls back to the backup and a mutation by GET does not, in any mode") {
  const Mode mode = GENERATE(Mode::primary, Mode::primary_readonly);
  SimulatedWorker worker(with_graphql(mode));
  worker.backup().answer = [](const WireMessage&, MemoryPeer&) { return reply(200, "backup"); };
  SimulatedClient& query = worker.ask(get("/graphql?query=%7Bbookings%7D"));
  worker.primary().last().reset();
  worker.run();
  CHECK(query.last().body == "backup");
  CHECK(query.last().field("Halfdoor-Served-By") == "backup; fallback");
  worker.primary().answer = [](const WireMessage&, MemoryPeer& peer) {
    peer.reset();
    return std::string();
  };
  for (std::string_view target : {"/graphql?query=mutation%7Bcancel%7D", "/GraphQL?query=mutation%7Bcancel%7D",
                                  "/graphql?query=%7Ba%7D&query=mutation%7Bcancel%7D", "/graphql?id=5"}) {
    SimulatedClient& mutation = worker.ask(get(target));
    CHECK(mutation.last().status() == (mode == Mode::primary ? 502 : 503));
  }
  CHECK(worker.backup().requests.size() == 1);
  CHECK(worker.ledger.uncertain.size() == (mode == Mode::primary ? 4 : 0));
}
