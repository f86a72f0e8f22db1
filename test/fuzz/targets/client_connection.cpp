// A hostile client's bytes on a whole worker, split as the input says: nothing that a strict parser refuses reaches a
// host, no write passes in a read-only mode, every answer of a host reaches the client whole and in order, what the
// client gets is well-formed or visibly cut, and nothing is left.
#include <algorithm>

#include "fuzz/strict_host.h"

namespace halfdoor::fuzz {

namespace {

using reference::Outcome;

constexpr std::string_view kAllowed = "/login";

SimulatedWorker::Options choose_options(Input& input) {
  SimulatedWorker::Options options;
  options.modes = {kModes[input.choose(kModes.size())]};
  const bool has_rules = input.flag();
  const bool is_small = input.flag();
  options.configure = [has_rules, is_small](Config& config) {
    if (has_rules) {
      ReadOnlyConfig& rules = config.services[0].read_only;
      rules.allow = {*Rule::parse("POST /login")};
      rules.deny = {*Rule::parse("GET /bookings/*/cancel")};
      rules.graphql = {"/graphql"};
    }
    if (!is_small) return;
    config.limits.buffer = 64;
    config.limits.request_line = 64;
    config.limits.request_head = 400;
    config.limits.request_fields = 8;
    config.limits.chunk_line = 24;
    config.limits.chunk_extensions = 48;
    config.limits.refused_body = 200;
    config.limits.requests_per_connection = 3;
  };
  return options;
}

// The methods of the requests in a client's bytes, as far as they can be told.
std::vector<std::string> methods_in(std::string_view wire) {
  std::vector<std::string> methods;
  while (true) {
    const reference::Reading reading = reference::read_request(wire, reference::Strictness::received);
    if (reading.message.method.empty()) return methods;
    methods.push_back(reading.message.method);
    if (reading.outcome != Outcome::complete) return methods;
    wire.remove_prefix(reading.message.size + (wire.starts_with("\r\n") && reading.message.size == 0 ? 2 : 0));
  }
}

// Cuts what the client got into responses. An error that is answered before its head was understood has a body even
// where the client meant HEAD, and closes.
std::vector<reference::Message> read_responses(std::string_view bytes, const std::vector<std::string>& methods,
                                               std::string_view tunnelled) {
  std::vector<reference::Message> responses;
  size_t finals = 0;
  const std::string_view all = bytes;
  while (!bytes.empty()) {
    const bool is_head = finals < methods.size() && methods[finals] == "HEAD";
    reference::Reading reading = reference::read_response(bytes, {is_head, true}, reference::Strictness::sent);
    const auto why = [&] { return reading.why + "\n" + printable(all); };
    require(reading.outcome != Outcome::refused, "what a client gets is well-formed", why);
    if (reading.outcome == Outcome::incomplete) return responses;
    const bool is_last_error = is_head && reading.message.status >= 400 && reading.message.size < bytes.size() &&
                               reading.message.values("connection") == std::vector<std::string>{"close"};
    if (is_last_error) reading = reference::read_response(bytes, {false, true}, reference::Strictness::sent);
    if (reading.message.status >= 200) ++finals;
    bytes.remove_prefix(reading.message.size);
    responses.push_back(std::move(reading.message));
    if (responses.back().status == 101) {
      require(tunnelled.starts_with(bytes), "a tunnel brings what the host sent", why);
      return responses;
    }
    const bool has_closed =
        responses.back().status >= 200 && responses.back().values("connection") == std::vector<std::string>{"close"};
    if (has_closed) require(bytes.empty(), "nothing follows the response that closes", why);
  }
  return responses;
}

void check_mode(const StrictHosts& hosts, const SimulatedWorker& worker, bool has_rules) {
  const Mode mode = worker.snapshot->states[0].mode;
  for (const StrictHosts::Request& request : hosts.requests()) {
    require(request.message.trailers.empty() || request.message.has("te"), "trailers go on only with TE");
  }
  for (const StrictHosts::Request& request : hosts.heads()) {
    const reference::Message& message = request.message;
    const auto why = [&] { return message.method + " " + printable(message.target); };
    require(message.method != "CONNECT" && message.method != "TRACE", "CONNECT and TRACE never pass", why);
    require(mode != Mode::closed, "nothing reaches a host when the service is closed", why);
    require(serving_side(mode) == request.side, "requests go to the side of the mode", why);
    if (writes_pass(mode)) continue;
    require(!message.has("upgrade"), "no handshake passes in a read-only mode", why);
    const std::string path = message.target.substr(0, message.target.find('?'));
    const bool is_allowed = has_rules && message.method == "POST" && path == kAllowed;
    require(is_safe(message.method) || is_allowed, "no write passes in a read-only mode", why);
    const bool has_body = message.is_chunked || message.length > 0;
    require(!has_body || is_allowed, "no body passes in a read-only mode", why);
    for (const std::string& method : override_methods(message)) {
      require(is_safe(method) || (is_allowed && method == "POST"), "no override passes in a read-only mode", why);
    }
  }
}

// What the hosts answered, in order, is what the client got from them.
void check_answers(const StrictHosts& hosts, const std::vector<reference::Message>& responses, bool is_whole) {
  size_t next = 0;
  for (const reference::Message& response : responses) {
    if (!response.has("x-marker") || (response.status < 200 && response.status != 101)) continue;
    require(next < hosts.requests().size(), "no answer is made up");
    require_same(response.values("x-marker").front(), hosts.requests()[next].marker,
                 "answers come in order, each once");
    ++next;
  }
  if (is_whole) require(next == hosts.requests().size(), "every answer of a host reaches the client");
}

void run(std::string_view bytes) {
  Input input(bytes);
  const SimulatedWorker::Options options = choose_options(input);
  Sequence sequence(bytes);
  SimulatedWorker worker(options);
  const bool has_rules = !worker.snapshot->config().services[0].read_only.allow.empty();
  StrictHosts hosts(worker, sequence);
  const std::string_view wire = input.rest();
  SimulatedClient& client = worker.connect("192.0.2.1:1000", 64 << 10, sequence.below(3) == 0 ? 50 : 64 << 10);
  for (const std::string_view piece : cut(wire, sequence, 200)) {
    client.send(piece);
    if (sequence.below(3) > 0) worker.run();
  }
  worker.run();
  client.peer.finish();
  worker.run();
  pass_time(worker, 150'000);

  require(client.is_over(), "every request gets an answer or a close");
  const std::vector<reference::Message> responses =
      read_responses(client.peer.received(), methods_in(wire), hosts.tunnelled());
  check_mode(hosts, worker, has_rules);
  const bool had_error =
      std::any_of(responses.begin(), responses.end(), [](const auto& one) { return one.status >= 400; });
  check_answers(hosts, responses, client.peer.saw_end() && !had_error);
  hosts.check_ends();
  check_nothing_is_left(worker);
}

HALFDOOR_FUZZ_TARGET(client_connection, run);

}  // namespace

}  // namespace halfdoor::fuzz
