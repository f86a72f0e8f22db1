// Trailers go on where the client takes them and the receiver gets chunks, and nowhere else.
#include <catch2/catch.hpp>

#include "simulation/simulated_worker.h"

using namespace halfdoor;

namespace {

SimulatedWorker::Options one_server(Mode mode = Mode::primary) {
  return {[](Config& config) { config.services[0].sides[0].servers.resize(1); }, {mode}};
}

const std::string kTe = "TE: trailers\r\nConnection: TE\r\n";

std::string chunked_reply(std::string_view trailers, std::string_view more_fields = {}) {
  return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + std::string(more_fields) + "\r\n3\r\nabc\r\n0\r\n" +
         std::string(trailers) + "\r\n";
}

std::string chunked_post(std::string_view path, std::string_view trailers, std::string_view more_fields = {}) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" +
         std::string(more_fields) + "\r\n3\r\nabc\r\n0\r\n" + std::string(trailers) + "\r\n";
}

bool ends_with(const std::string& text, std::string_view end) { return text.ends_with(end); }

}  // namespace

TEST_CASE("trailers of a response reach a client that takes them, and are announced to it") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/t", kTe));
  const auto request = cut_message(worker.primary().last().received(), {});
  REQUIRE(request);
  CHECK(request->field("TE") == "trailers");
  CHECK(request->field("Connection") == "TE");
  worker.primary().last().send(
      chunked_reply("X-Sum:1\r\nServer-Timing:  db;dur=1 \r\n", "Trailer: X-Sum\r\nTrailer: Server-Timing\r\n"));
  worker.run();
  CHECK(ends_with(client.peer.received(), "3\r\nabc\r\n0\r\nX-Sum: 1\r\nServer-Timing: db;dur=1\r\n\r\n"));
  CHECK(client.last().field("Trailer") == "X-Sum");
  CHECK(client.last().fields.find("Trailer: Server-Timing\r\n") != std::string::npos);
  CHECK_FALSE(client.last().has_field("X-Sum"));
  // The connections go on, and the next response has no trailers of its own.
  client.send(get("/u", kTe));
  worker.run();
  worker.primary().last().send(chunked_reply(""));
  worker.run();
  CHECK(ends_with(client.peer.received(), "3\r\nabc\r\n0\r\n\r\n"));
  CHECK(worker.primary().connection_count() == 1);
}

TEST_CASE("trailers of a response go no further where the client does not take them, or cannot") {
  const std::string request =
      GENERATE(get("/t"), get("/t", "TE: gzip\r\nConnection: TE\r\n"), get("/t", "TE: deflate;q=0.5, xtrailers\r\n"),
               std::string("GET /t HTTP/1.0\r\nHost: a\r\nTE: trailers\r\nConnection: TE, keep-alive\r\n\r\n"));
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(request);
  CHECK(worker.primary().last().received().find("\r\nTE:") == std::string::npos);
  worker.primary().last().send(chunked_reply("X-Sum: 1\r\n", "Trailer: X-Sum\r\n"));
  worker.run();
  CHECK(client.last().status() == 200);
  CHECK(client.last().body == "abc");
  CHECK(client.peer.received().find("X-Sum") == std::string::npos);
}

TEST_CASE("other codings in TE are dropped, trailers among them is passed on alone") {
  SimulatedWorker worker(one_server());
  worker.ask(get("/t", "TE: gzip, trailers, deflate;q=0.5\r\nConnection: TE\r\n"));
  const auto request = cut_message(worker.primary().last().received(), {});
  REQUIRE(request);
  CHECK(request->field("TE") == "trailers");
  CHECK(worker.primary().last().received().find("gzip") == std::string::npos);
}

TEST_CASE("Trailer is not passed on with a response that has no chunks") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/t", kTe));
  worker.primary().last().send(reply(200, "abc", "Trailer: X-Sum\r\n"));
  worker.run();
  CHECK(client.last().body == "abc");
  CHECK_FALSE(client.last().has_field("Trailer"));
}

TEST_CASE("trailers of a request go on where the client says that it takes trailers") {
  const bool takes = GENERATE(true, false);
  SimulatedWorker worker(one_server());
  SimulatedClient& client =
      worker.ask(chunked_post("/w", "X-Sum:  12\r\nX-More: a b\r\n",
                              takes ? kTe + "Trailer: X-Sum, X-More\r\n" : "Trailer: X-Sum, X-More\r\n"));
  const std::string received = worker.primary().last().received();
  const auto request = cut_message(received, {});
  CHECK(ends_with(received, takes ? "abc\r\n0\r\nX-Sum: 12\r\nX-More: a b\r\n\r\n" : "abc\r\n0\r\n\r\n"));
  if (takes) {
    CHECK(received.find("Trailer: X-Sum, X-More\r\n") != std::string::npos);
  } else {
    CHECK(received.find("X-Sum") == std::string::npos);
  }
  worker.primary().last().send(reply(200, "ok"));
  worker.run();
  CHECK(client.last().body == "ok");
  client.send(chunked_post("/next", "", kTe));
  worker.run();
  CHECK(ends_with(worker.primary().all_received(), "abc\r\n0\r\n\r\n"));
}

TEST_CASE("malformed or forbidden trailers of a request are answered 400, and its server sees no end of it") {
  const std::string trailers =
      GENERATE(as<std::string>(), "X Sum: 1\r\n", " folded\r\n", "Content-Length: 5\r\n", "Host: b\r\n",
               "Cookie: a=b\r\n", "Authorization: Basic eDp5\r\n", "Connection: close\r\n",
               "X-HTTP-Method-Override: PUT\r\n", "X_Http_Method: PUT\r\n", "X-Original-URL: /admin\r\n",
               "X-Rewrite-URL: /admin\r\n", "If-Match: *\r\n", "Sec-WebSocket-Key: x\r\n", "X-Forwarded-User: root\r\n",
               "X_Original_URL: /admin\r\n", "x-verb: DELETE\r\n", "X_Verb: DELETE\r\n");
  SimulatedWorker worker({[](Config& config) {
                            config.services[0].sides[0].servers.resize(1);
                            config.services[0].read_only.override_names = {"X-Verb"};
                          },
                          {}});
  const std::string request = chunked_post("/w", trailers, kTe);
  const size_t last_chunk = request.find("0\r\n" + trailers);
  SimulatedClient& client = worker.ask(request.substr(0, last_chunk));
  CHECK(worker.primary().last().received().ends_with("\r\nabc\r\n"));
  client.send(request.substr(last_chunk) + get("/next"));
  worker.run();
  REQUIRE(client.messages().size() == 1);
  CHECK(client.last().status() == 400);
  worker.advance(1'500);
  CHECK(client.is_over());
  CHECK(worker.primary().last().saw_reset());
  CHECK(ends_with(worker.primary().all_received(), "\r\nabc\r\n"));
  CHECK(worker.primary().all_received().find("/next") == std::string::npos);
}

TEST_CASE("a response whose trailers are bad is cut without a last chunk") {
  const std::string trailers = GENERATE(as<std::string>(), "X Sum: 1\r\n", "Set-Cookie: a=b\r\n", "X: a\x01\r\n",
                                        "Content-Length: 4\r\n", "X: 1\n");
  const bool takes = GENERATE(true, false);
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/t", takes ? kTe : ""));
  worker.primary().last().send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  worker.run();
  worker.primary().last().send("0\r\n" + trailers + "\r\n");
  worker.run();
  CHECK(client.is_over());
  CHECK(client.last().is_cut);
  CHECK(client.peer.received().find("\r\n0\r\n") == std::string::npos);
  CHECK(worker.primary().last().is_over());
}

TEST_CASE("a bad response of which nothing was given to the client is answered 502") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/t", kTe));
  worker.primary().last().send(chunked_reply("Host: b\r\n"));
  worker.run();
  CHECK(client.messages().size() == 1);
  CHECK(client.last().status() == 502);
}

TEST_CASE("trailers over the limits of a head are refused") {
  const bool in_request = GENERATE(true, false);
  SimulatedWorker worker(one_server());
  std::string many;
  for (int i = 0; i < 300; ++i) many += "X-" + std::to_string(i) + ": 1\r\n";
  SimulatedClient& client = worker.ask(in_request ? chunked_post("/w", many, kTe) : get("/t", kTe));
  if (in_request) {
    CHECK(client.last().status() == 400);
  } else {
    worker.primary().last().send(chunked_reply(many));
    worker.run();
    CHECK(client.last().status() == 502);
  }
}

TEST_CASE("large trailers that are allowed go through whole, however they are split") {
  SimulatedWorker worker(one_server());
  std::string trailers;
  for (int i = 0; i < 90; ++i) trailers += "X-" + std::to_string(i) + ": " + std::string(300, 'v') + "\r\n";
  SimulatedClient& client = worker.connect("192.0.2.1:1000", 1000);
  client.send(chunked_post("/w", trailers, kTe));
  worker.run();
  CHECK(ends_with(worker.primary().last().received(), "0\r\n" + trailers + "\r\n"));
  worker.primary().last().connection().to_proxy_capacity = 777;
  worker.primary().last().send(chunked_reply(trailers));
  worker.run();
  CHECK(ends_with(client.peer.received(), "0\r\n" + trailers + "\r\n"));
}

TEST_CASE("trailers are sent once more with a request that is tried elsewhere") {
  SimulatedWorker worker;
  worker.primary(0).reach = MemoryServer::Reach::is_silent;
  worker.primary(1).reach = MemoryServer::Reach::is_silent;
  worker.ask(chunked_post("/w", "X-Sum: 1\r\n", kTe));
  worker.primary(0).reach = worker.primary(1).reach = MemoryServer::Reach::refuses_later;
  const bool first = worker.primary(0).connection_count() > 0;
  worker.primary(first ? 1 : 0).reach = MemoryServer::Reach::accepts;
  worker.run();
  CHECK(ends_with(worker.primary(first ? 1 : 0).all_received(), "abc\r\n0\r\nX-Sum: 1\r\n\r\n"));
}

TEST_CASE("trailers of a body that is thrown away are nobody's") {
  SimulatedWorker worker(one_server(Mode::backup_readonly));
  SimulatedClient& client = worker.ask(chunked_post("/w", "X-Sum: 1\r\n", kTe) + get("/next"));
  worker.backup().last().send(reply(200, "next"));
  worker.run();
  REQUIRE(client.messages().size() == 2);
  CHECK(client.messages()[0].status() == 503);
  CHECK(client.messages()[1].body == "next");
  CHECK(worker.backup().all_received().find("X-Sum") == std::string::npos);
}
