// The second guard: its whole table, and that it stands before every attempt.
#include "exchange/second_guard.h"

#include <catch2/catch.hpp>

#include "simulation/simulated_worker.h"

using namespace halfdoor;

namespace {

RequestHead request(std::string_view method, std::string_view path) {
  RequestHead head;
  head.method = method;
  head.target = head.path = path;
  head.authority = head.host = "salon.example";
  return head;
}

}  // namespace

TEST_CASE(
    "the second guard lets writes pass to the one writable side only, reads to the serving one or as a fallback") {
  ServiceConfig service;
  service.read_only.allow = {Rule::parse("POST /login").value()};
  service.read_only.deny = {Rule::parse("GET /cancel").value()};
  for (Mode mode : kModes) {
    for (Side side : kSides) {
      for (bool diverged : {false, true}) {
        ServiceState state;
        state.mode = mode;
        state.diverged = diverged;
        CAPTURE(to_text(mode), to_text(side), diverged);
        const bool serves = serving_side(mode) == side;
        const bool takes_writes =
            (mode == Mode::primary && side == Side::primary) || (mode == Mode::backup_writable && side == Side::backup);
        const bool is_fallback =
            side == Side::backup && (mode == Mode::primary || (mode == Mode::primary_readonly && !diverged));
        CHECK(second_guard_passes(service, state, side, request("POST", "/book")) == takes_writes);
        CHECK(second_guard_passes(service, state, side, request("GET", "/cancel")) == takes_writes);
        CHECK(second_guard_passes(service, state, side, request("POST", "/login")) == serves);
        CHECK(second_guard_passes(service, state, side, request("GET", "/")) == (serves || is_fallback));
      }
    }
  }
}

TEST_CASE("the second guard stops and counts a write that a defect elsewhere would send to the backup") {
  SimulatedWorker worker;
  worker.answer_everything();
  worker.primary(0).reach = worker.primary(1).reach = MemoryServer::Reach::is_silent;
  SimulatedClient& client = worker.ask(post("/book", "x"));
  // The defect: a mode changes under an exchange that is not judged again.
  const_cast<ServiceState&>(worker.snapshot->states[0]).mode = Mode::backup_readonly;
  worker.primary(0).reach = worker.primary(1).reach = MemoryServer::Reach::refuses_later;
  worker.run();
  CHECK(client.last().status() == 503);
  CHECK(worker.backup().connection_count() == 0);
  CHECK(worker.counted().second_guard.get() == 1);
  CHECK(worker.ledger.begun.empty());
}
