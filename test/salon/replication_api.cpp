// Replication over HTTP: status, snapshots, the operator's verbs.
#include "replication_api.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "fields.h"
#include "replication_limits.h"
#include "server.h"
#include "signing.h"

namespace salon {

namespace {

void require_secret(const Server& server, const Request& request) {
  if (!is_same_secret(request.header("authorization"), "Bearer " + server.options().secret)) {
    throw HttpError(401, "This needs the secret of the two hosts: Authorization: Bearer SECRET.");
  }
}

nlohmann::ordered_json describe(Server& server) {
  const Replication& replication = server.replication();
  const Version version = replication.history().version();
  nlohmann::ordered_json json = {{"host", server.options().name},
                                 {"role", to_text(replication.role())},
                                 {"takes_writes", replication.takes_writes()},
                                 {"lineage", version.lineage},
                                 {"term", version.term},
                                 {"change", version.change}};
  const PeerLink& link = replication.link();
  nlohmann::ordered_json peer = {{"url", nullptr}};
  if (link.peer()) peer["url"] = link.peer()->url();
  if (link.last_view()) {
    peer["role"] = to_text(link.last_view()->role);
    peer["term"] = link.last_view()->version.term;
    peer["change"] = link.last_view()->version.change;
    peer["heard_ms_ago"] = link.last_heard_ms_ago();
  }
  if (!link.last_error().empty()) peer["error"] = link.last_error();
  json["peer"] = peer;
  json["snapshots_received"] = link.snapshots_received();
  json["set_aside"] = replication.store().set_aside();
  return json;
}

Response status_response(Server& server, int status, const std::string& message) {
  auto json = describe(server);
  if (!message.empty()) json["message"] = message;
  Response response = json_response(status, json.dump());
  for (const auto& header : to_headers(server.replication().self())) response.headers.push_back(header);
  return response;
}

Replication::Answer answer_of(Server& server, const ExchangePtr& exchange) {
  return [&server, exchange](const Replication::Verdict& verdict) {
    exchange->answer(status_response(server, verdict.status, verdict.message));
  };
}

void add_endpoints_for_the_peer(Server& server) {
  server.on("GET", "/replication/status", [&server](const Request& request, const Captures&) {
    require_secret(server, request);
    server.replication().heard_from_request(request);
    return status_response(server, 200, "");
  });
  server.on_later("GET", "/replication/snapshot", [&server](const ExchangePtr& exchange, const Captures&) {
    const Request& request = exchange->request();
    require_secret(server, request);
    const std::int64_t wait_ms =
        number_or(parse_urlencoded(request.query), "wait_ms", 0, 0, limits::max_snapshot_wait_ms);
    server.replication().heard_from_request(request);
    const auto known = parse_version(request.header("salon-version"));
    server.replication().wait_for_snapshot(exchange, known.value_or(Version()), wait_ms);
  });
}

void add_endpoints_for_operators(Server& server) {
  server.on_later("POST", "/replication/promote", [&server](const ExchangePtr& exchange, const Captures&) {
    require_secret(server, exchange->request());
    const bool is_forced = field_or(parse_urlencoded(exchange->request().query), "force", "0") == "1";
    server.replication().promote(is_forced, answer_of(server, exchange));
  });
  server.on("POST", "/replication/freeze", [&server](const Request& request, const Captures&) {
    require_secret(server, request);
    const auto verdict = server.replication().freeze();
    return status_response(server, verdict.status, verdict.message);
  });
  server.on("POST", "/replication/follow", [&server](const Request& request, const Captures&) {
    require_secret(server, request);
    const auto verdict = server.replication().follow();
    return status_response(server, verdict.status, verdict.message);
  });
}

}  // namespace

void add_replication_endpoints(Server& server) {
  add_endpoints_for_the_peer(server);
  add_endpoints_for_operators(server);
  // Open to everybody: halfdoor asks it before a failback, and it tells no more than two numbers.
  server.on_later("GET", "/replication/caught-up", [&server](const ExchangePtr& exchange, const Captures&) {
    server.replication().caught_up([&server, exchange](const Replication::Verdict& verdict) {
      const Version version = server.replication().history().version();
      const nlohmann::ordered_json json = {
          {"caught_up", verdict.status == 200},           {"message", verdict.message}, {"host", server.options().name},
          {"role", to_text(server.replication().role())}, {"term", version.term},       {"change", version.change}};
      exchange->answer(json_response(verdict.status, json.dump()));
    });
  });
}

}  // namespace salon
