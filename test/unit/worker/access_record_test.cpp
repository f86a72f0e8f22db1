// What the access log is told: one record for each request that got an answer or a beginning, and what became of it.
#include <catch2/catch.hpp>

#include "simulation/simulated_worker.h"

using namespace halfdoor;

namespace {

using Line = RecordingAccessLog::Line;

SimulatedWorker::Options one_server(Mode mode = Mode::primary) {
  return {[](Config& config) { config.services[0].sides[0].servers.resize(1); }, {mode}};
}

const Line& only_line(SimulatedWorker& worker) {
  REQUIRE(worker.access_log.lines.size() == 1);
  return worker.access_log.lines[0];
}

}  // namespace

TEST_CASE("a relayed request has one record that says who served it, when and how much") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(post("/book?x=1", "name=Anna", "X-Request-Id: mine\r\n"));
  worker.advance(40);
  worker.primary().last().send(reply(201, "saved"));
  worker.run();
  const Line& line = only_line(worker);
  CHECK(line.record.began_unix_ms == 1'700'001'000'000);
  CHECK(line.client == "192.0.2.1");
  CHECK(line.method == "POST");
  CHECK(line.target == "/book?x=1");
  CHECK(line.host == "salon.example");
  CHECK(line.request_id.size() == 32);
  CHECK(line.service == "salon");
  CHECK(line.record.mode == Mode::primary);
  CHECK(line.record.epoch == 1);
  CHECK(line.server == "10.0.0.1:80");
  CHECK(line.record.side == Side::primary);
  CHECK_FALSE(line.record.is_fallback);
  CHECK(line.record.attempts == 1);
  CHECK(line.record.status == 201);
  CHECK(line.record.server_status == 201);
  CHECK(line.record.bytes_in == 9);
  CHECK(line.record.bytes_out == 5);
  CHECK(line.record.wire_in == post("/book?x=1", "name=Anna", "X-Request-Id: mine\r\n").size());
  CHECK(line.record.wire_out == client.peer.received_bytes());
  CHECK(line.record.wait_ms == 0);
  CHECK(line.record.first_byte_ms == 40);
  CHECK(line.record.duration_ms == 40);
  CHECK(line.record.outcome == Outcome::relayed);
  CHECK(line.record.ended_by == EndedBy::server);
  CHECK(line.why.empty());
  CHECK(worker.access_log.turns > 0);
}

TEST_CASE("each request of a connection has a record of its own, with counts of its own") {
  SimulatedWorker worker;
  worker.answer_everything();
  SimulatedClient& client = worker.ask(get("/1") + get("/2", "X-Long: 1234567890\r\n"));
  worker.advance(500);
  client.send(get("/3"));
  worker.run();
  REQUIRE(worker.access_log.lines.size() == 3);
  const auto& lines = worker.access_log.lines;
  CHECK(lines[0].record.wire_in == get("/1").size());
  CHECK(lines[1].record.wire_in == get("/1").size() + 20);
  CHECK(lines[2].target == "/3");
  CHECK(lines[2].record.began_unix_ms == lines[0].record.began_unix_ms + 500);
  CHECK(lines[2].record.duration_ms == 0);
  CHECK(lines[0].record.wire_out + lines[1].record.wire_out + lines[2].record.wire_out == client.peer.received_bytes());
}

TEST_CASE("empty lines between two requests are no request and do not make the next one older") {
  SimulatedWorker worker;
  worker.answer_everything();
  SimulatedClient& client = worker.ask(get("/1"));
  client.send("\r\n");
  worker.run();
  worker.advance(300);
  client.send(get("/2"));
  worker.run();
  REQUIRE(worker.access_log.lines.size() == 2);
  CHECK(worker.access_log.lines[1].record.duration_ms == 0);
  client.send("\r\n");
  client.peer.finish();
  worker.run();
  CHECK(worker.access_log.lines.size() == 2);
}

TEST_CASE("a connection on which nothing ever came has no record") {
  SimulatedWorker worker;
  worker.connect().peer.close();
  worker.connect();
  worker.run();
  worker.advance(70'000);
  CHECK(worker.access_log.lines.empty());
}

TEST_CASE("what read-only refuses is recorded as refused, with the mode and epoch that did it, and no server") {
  SimulatedWorker worker(one_server());
  worker.answer_everything();
  worker.change_mode(Mode::backup_readonly);
  worker.ask(post("/book", "x=1"));
  const Line& line = only_line(worker);
  CHECK(line.record.outcome == Outcome::refused);
  CHECK(line.record.ended_by == EndedBy::halfdoor);
  CHECK(line.record.status == 503);
  CHECK(line.record.mode == Mode::backup_readonly);
  CHECK(line.record.epoch == 2);
  CHECK(line.server.empty());
  CHECK(line.record.attempts == 0);
  CHECK(line.record.server_status == 0);
  CHECK(line.record.wait_ms == -1);
  CHECK(line.record.first_byte_ms == -1);
}

TEST_CASE("a fallback read says that it was one, after how many attempts, and why") {
  SimulatedWorker worker(one_server());
  worker.answer_everything();
  worker.primary().reach = MemoryServer::Reach::refuses_later;
  worker.ask(get("/look"));
  const Line& line = only_line(worker);
  CHECK(line.record.is_fallback);
  CHECK(line.record.side == Side::backup);
  CHECK(line.server == "10.9.0.1:80");
  CHECK(line.record.mode == Mode::primary);
  CHECK(line.record.attempts == 2);
  CHECK(line.record.status == 200);
  CHECK(line.record.outcome == Outcome::relayed);
  CHECK_FALSE(line.why.empty());
}

TEST_CASE("what no server answers is unreachable, by the server or by a timeout") {
  SimulatedWorker worker(one_server());
  worker.primary().reach = MemoryServer::Reach::refuses_at_once;
  worker.backup().reach = MemoryServer::Reach::refuses_at_once;
  worker.ask(get("/look"));
  CHECK(only_line(worker).record.outcome == Outcome::unreachable);
  CHECK(only_line(worker).record.ended_by == EndedBy::server);
  CHECK(only_line(worker).record.status == 502);
  CHECK(only_line(worker).record.attempts == 2);
  worker.access_log.lines.clear();

  worker.primary().reach = MemoryServer::Reach::accepts;
  worker.backup().reach = MemoryServer::Reach::accepts;
  worker.ask(get("/slow"));
  worker.advance(61'000);
  CHECK(only_line(worker).record.outcome == Outcome::unreachable);
  CHECK(only_line(worker).record.ended_by == EndedBy::timeout);
  CHECK(only_line(worker).record.status == 504);
  CHECK(only_line(worker).why == "no response within timeouts.first_byte");
}

TEST_CASE("a write whose outcome nobody knows is uncertain in the log as it is on the list") {
  SimulatedWorker worker(one_server());
  worker.ask(post("/book", "x=1"));
  worker.primary().last().reset();
  worker.run();
  CHECK(only_line(worker).record.outcome == Outcome::uncertain);
  CHECK(only_line(worker).record.ended_by == EndedBy::server);
  CHECK(only_line(worker).record.status == 502);
  CHECK(worker.ledger.uncertain.size() == 1);
}

TEST_CASE("a write that a switch cuts is uncertain, ended by the switch, with the epoch that judged it") {
  SimulatedWorker worker(one_server());
  worker.ask(post("/book", "x=1"));
  worker.change_mode(Mode::backup_readonly);
  worker.advance(11'000);
  const Line& line = only_line(worker);
  CHECK(line.record.outcome == Outcome::uncertain);
  CHECK(line.record.ended_by == EndedBy::mode_switch);
  CHECK(line.record.mode == Mode::primary);
  CHECK(line.record.epoch == 1);
  CHECK(line.record.side == Side::primary);
  CHECK(line.record.status == 502);
}

TEST_CASE("a read that a switch moves is recorded with the epoch and the side of its last attempt") {
  SimulatedWorker worker(one_server());
  worker.ask(get("/look"));
  worker.backup().answer = [](const WireMessage&, MemoryPeer&) { return reply(200, "backup"); };
  worker.change_mode(Mode::backup_readonly);
  worker.advance(3'000);
  const Line& line = only_line(worker);
  CHECK(line.record.side == Side::backup);
  CHECK(line.record.epoch == 2);
  CHECK(line.record.mode == Mode::backup_readonly);
  CHECK_FALSE(line.record.is_fallback);
  CHECK(line.record.attempts == 2);
  CHECK(line.record.outcome == Outcome::relayed);
}

TEST_CASE("what was asked before a switch and is refused after it names no server, but counts the attempt") {
  SimulatedWorker worker(one_server());
  worker.primary().reach = MemoryServer::Reach::is_silent;
  worker.ask(post("/book", "x=1"));
  worker.ask(get("/look"));
  worker.change_mode(Mode::closed);
  REQUIRE(worker.access_log.lines.size() == 2);
  for (const Line& line : worker.access_log.lines) {
    CHECK(line.record.outcome == Outcome::refused);
    CHECK(line.record.mode == Mode::closed);
    CHECK(line.record.epoch == 2);
    CHECK(line.server.empty());
    CHECK(line.record.attempts == 1);
    CHECK(line.record.wait_ms == -1);
  }
}

TEST_CASE("a late answer to a write of before the switch is recorded with the epoch that judged the write") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(post("/book", "x=1"));
  worker.change_mode(Mode::backup_readonly);
  worker.primary().last().send(reply(200, "saved"));
  worker.run();
  CHECK(client.last().field("Halfdoor-Mode") == "backup-readonly; epoch=2");
  CHECK(only_line(worker).record.mode == Mode::primary);
  CHECK(only_line(worker).record.epoch == 1);
  CHECK(only_line(worker).record.outcome == Outcome::relayed);
}

TEST_CASE("a client that leaves before any answer has a record without a status") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/look"));
  client.peer.reset();
  worker.run();
  const Line& line = only_line(worker);
  CHECK(line.record.status == 0);
  CHECK(line.record.outcome == Outcome::left);
  CHECK(line.record.ended_by == EndedBy::client);
  CHECK(line.server == "10.0.0.1:80");
  CHECK(line.why == "the client left before the response was complete");
}

TEST_CASE("a client that leaves in the middle of a head has a record without a request") {
  SimulatedWorker worker;
  SimulatedClient& client = worker.ask("GET /look HTTP/1.1\r\nHos");
  client.peer.close();
  worker.run();
  const Line& line = only_line(worker);
  CHECK(line.record.request == nullptr);
  CHECK(line.client == "192.0.2.1");
  CHECK(line.record.status == 0);
  CHECK(line.record.wire_in == 23);
  CHECK(line.record.outcome == Outcome::left);
}

TEST_CASE("a write whose client left has one record, when its status is known") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(post("/book", "x=1"));
  client.peer.reset();
  worker.run();
  CHECK(worker.access_log.lines.empty());
  worker.advance(200);
  worker.primary().last().send(reply(201, "saved"));
  worker.run();
  const Line& line = only_line(worker);
  CHECK(line.client == "192.0.2.1");
  CHECK(line.record.status == 0);
  CHECK(line.record.server_status == 201);
  CHECK(line.record.outcome == Outcome::left);
  CHECK(line.record.ended_by == EndedBy::client);
  CHECK(line.record.duration_ms == 200);
  CHECK(line.record.bytes_out == 0);
}

TEST_CASE("a write whose client left and whose server then dies is uncertain") {
  SimulatedWorker worker(one_server());
  worker.ask(post("/book", "x=1")).peer.reset();
  worker.run();
  worker.primary().last().reset();
  worker.run();
  CHECK(only_line(worker).record.outcome == Outcome::uncertain);
  CHECK(only_line(worker).record.ended_by == EndedBy::client);
}

TEST_CASE("a response that its server cuts is recorded with its status, as cut by the server") {
  SimulatedWorker worker(one_server());
  worker.ask(get("/long"));
  worker.primary().last().send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n12345");
  worker.run();
  worker.primary().last().reset();
  worker.run();
  const Line& line = only_line(worker);
  CHECK(line.record.status == 200);
  CHECK(line.record.bytes_out == 5);
  CHECK(line.record.outcome == Outcome::cut);
  CHECK(line.record.ended_by == EndedBy::server);
  CHECK_FALSE(line.why.empty());
}

TEST_CASE("a client that does not read is cut by a timeout, and only what it took counts as sent") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.connect("192.0.2.1:1000", 64 << 10, 1000);
  client.peer.read_at_most(0);
  client.send(get("/long"));
  worker.run();
  worker.primary().last().send(reply(200, std::string(5000, 'x')));
  worker.run();
  worker.advance(31'000);
  const Line& line = only_line(worker);
  CHECK(line.record.status == 200);
  CHECK(line.record.outcome == Outcome::cut);
  CHECK(line.record.ended_by == EndedBy::timeout);
  CHECK(line.record.wire_out == 1000);
  CHECK(line.record.bytes_out < 1000);
  CHECK(line.record.bytes_out > 500);
}

TEST_CASE("requests that are none are recorded with what they were answered") {
  SimulatedWorker worker;
  worker.answer_everything();
  const auto line_of = [&](const std::string& bytes) {
    worker.access_log.lines.clear();
    worker.ask(bytes);
    return only_line(worker);
  };
  CHECK(line_of("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").record.status == 400);
  CHECK(line_of("GET /" + std::string(9000, 'x') + " HTTP/1.1\r\n\r\n").record.status == 414);
  CHECK(line_of("GET / HTTP/1.1\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n").record.status == 431);
  CHECK(line_of("\x16\x03\x01").record.status == 400);
  const Line line = line_of("GET / HTTP/1.1\r\n: x\r\n\r\n");
  CHECK(line.record.request == nullptr);
  CHECK(line.record.outcome == Outcome::bad_request);
  CHECK(line.record.ended_by == EndedBy::halfdoor);
  CHECK(line.service.empty());
  CHECK_FALSE(line.why.empty());
}

TEST_CASE("a head that does not come in time is a timeout") {
  SimulatedWorker worker;
  worker.ask("GET / HTTP/1.1\r\n");
  worker.advance(11'000);
  CHECK(only_line(worker).record.status == 408);
  CHECK(only_line(worker).record.outcome == Outcome::bad_request);
  CHECK(only_line(worker).record.ended_by == EndedBy::timeout);
  CHECK(only_line(worker).record.duration_ms >= 10'000);
}

TEST_CASE("a host name that no service has is recorded without a service") {
  SimulatedWorker worker({[](Config& config) { config.services[0].hosts = {"www.salon.example"}; }, {}});
  worker.ask("GET /x HTTP/1.1\r\nHost: other.example\r\n\r\n");
  const Line& line = only_line(worker);
  CHECK(line.record.status == 421);
  CHECK(line.service.empty());
  CHECK(line.target == "/x");
  CHECK(line.host == "other.example");
  CHECK(line.record.outcome == Outcome::bad_request);
}

TEST_CASE("a client for whom there is no room is recorded") {
  SimulatedWorker worker({nullptr, {}, 1});
  worker.connect().send("GET / HTTP/1.1\r\n");
  worker.run();
  worker.connect("192.0.2.7:1");
  worker.run();
  const Line& line = only_line(worker);
  CHECK(line.client == "192.0.2.7");
  CHECK(line.record.status == 503);
  CHECK(line.record.outcome == Outcome::local);
  CHECK(line.why == "too many connections");
}

TEST_CASE("an early answer is complete although the rest of the body never comes") {
  SimulatedWorker worker;
  worker.change_mode(Mode::backup_readonly);
  SimulatedClient& client = worker.ask("POST /book HTTP/1.1\r\nHost: salon.example\r\nContent-Length: 1000\r\n\r\nx=1");
  CHECK(worker.access_log.lines.empty());
  client.peer.reset();
  worker.run();
  CHECK(only_line(worker).record.outcome == Outcome::refused);
  CHECK(only_line(worker).record.status == 503);
}

TEST_CASE("what a graceful stop cuts is recorded as ended by the stop") {
  SimulatedWorker worker(one_server());
  worker.ask(post("/book", "x=1"));
  worker.core->begin_stop(Milliseconds(1'000));
  worker.advance(2'000);
  CHECK(only_line(worker).record.outcome == Outcome::uncertain);
  CHECK(only_line(worker).record.ended_by == EndedBy::stop);
}
