#include "control/control_api.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "control/access.h"
#include "control/descriptors.h"
#include "control/exchange_collector.h"
#include "control/metrics.h"
#include "control/mode_body.h"
#include "filters/notice.h"

namespace halfdoor {

namespace {

constexpr size_t kMostUncertainShown = 10'000;
constexpr Milliseconds kLeastWait{30'000};
constexpr Milliseconds kWaitBeyondDrain{5'000};

SteadyTime steady_now() { return std::chrono::steady_clock::now(); }

void refuse_method(HttpCall& call, const std::string& allowed) {
  const nlohmann::json problem{{"type", "about:blank"},
                               {"title", reason_phrase(405)},
                               {"status", 405},
                               {"detail", fmt::format("{} takes {} only", call.path(), allowed)}};
  call.reply(405, "application/problem+json", to_text(problem), {{"Allow", allowed}});
}

}  // namespace

ControlApi::ControlApi(struct event_base* base, ControlApiOptions options)
    : base_(base),
      options_(std::move(options)),
      server_(base, kMostControlConnections, [this](const std::shared_ptr<HttpCall>& call) { answer(call); }),
      streams_(base) {}

ControlApi::~ControlApi() { close(); }

void ControlApi::close() {
  streams_.close_all();
  server_.close();
}

Status ControlApi::serve_unix(int fd) {
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy) return Error{"no descriptor is left for the control socket"};
  return server_.listen(std::move(copy), /*over_tcp=*/false);
}

Status ControlApi::serve_tcp(UniqueFd fd) { return server_.listen(std::move(fd), /*over_tcp=*/true); }

bool ControlApi::is_welcome(HttpCall& call) const {
  const AccessRequest request{call.method(), call.field("Host"), call.field("Authorization"),
                              call.field("Content-Type")};
  const AccessDecision decision = call.over_tcp() ? judge_tcp_access(request, options_.admin_token) : AccessDecision{};
  if (decision.status == 200) return true;
  reply_problem(call, decision.status, decision.why);
  return false;
}

void ControlApi::answer(const std::shared_ptr<HttpCall>& call) {
  if (!is_welcome(*call)) return;
  const std::string& path = call->path();
  const bool reads = call->method() == "GET" || call->method() == "HEAD";
  constexpr std::string_view kServices = "/v1/services/";
  if (path == "/v1/reload" || path == "/v1/upgrade") {
    if (call->method() != "POST") return refuse_method(*call, "POST");
    return reply_problem(*call, 501,
                         fmt::format("{} is not in this version: restart halfdoor instead", path.substr(4)));
  }
  if (path.starts_with(kServices)) {
    const std::string_view rest = std::string_view(path).substr(kServices.size());
    const size_t slash = rest.find('/');
    const std::string_view what = slash == std::string_view::npos ? "" : rest.substr(slash + 1);
    return answer_service(call, rest.substr(0, slash), slash == std::string_view::npos ? "status" : what);
  }
  const bool known = path == "/v1/status" || path == "/v1/exchanges" || path == "/v1/events" || path == "/metrics";
  if (!known) {
    return reply_problem(*call, 404,
                         "there is only /v1/status, /v1/services/NAME, /v1/exchanges, /v1/reload, /v1/events and "
                         "/metrics");
  }
  if (!reads) return refuse_method(*call, "GET");
  if (path == "/v1/exchanges") return send_exchanges(call);
  if (path == "/v1/events") return start_events(call);
  if (path == "/v1/status") return call->reply_json(200, to_text(status_json(options_.view, steady_now())));
  call->reply(200, "text/plain; version=0.0.4; charset=utf-8", metrics_text(options_.view, steady_now()));
}

void ControlApi::answer_service(const std::shared_ptr<HttpCall>& call, std::string_view name, std::string_view what) {
  const auto& services = options_.view.config->services;
  const auto found =
      std::find_if(services.begin(), services.end(), [&](const ServiceConfig& s) { return s.name == name; });
  if (found == services.end()) {
    std::string known;
    for (const ServiceConfig& service : services) known += (known.empty() ? "" : ", ") + service.name;
    return reply_problem(*call, 404, fmt::format("there is no service \"{}\"; known: {}", name.substr(0, 64), known));
  }
  const auto index = static_cast<size_t>(found - services.begin());
  const bool reads = call->method() == "GET" || call->method() == "HEAD";
  if (what == "mode") {
    if (call->method() != "POST") return refuse_method(*call, "POST");
    return change_mode(call, index);
  }
  if (what != "status" && what != "history" && what != "uncertain" && what != "notice") {
    return reply_problem(*call, 404, "a service has mode, history, uncertain and notice");
  }
  if (!reads) return refuse_method(*call, "GET");
  if (what == "history") return send_history(*call, index);
  if (what == "uncertain") return send_uncertain(*call, index);
  if (what == "notice") return send_notice(*call, index);
  call->reply_json(200, to_text(service_json(options_.view, index)));
}

std::shared_ptr<void> ControlApi::take_deferred_slot(HttpCall& call) {
  if (*deferred_ >= kMostDeferred) {
    reply_problem(call, 503, "too many commands are waiting already; try again in a moment");
    return nullptr;
  }
  ++*deferred_;
  return {nullptr, [count = deferred_](void*) { --*count; }};
}

void ControlApi::change_mode(const std::shared_ptr<HttpCall>& call, size_t index) {
  const ServiceConfig& service = options_.view.config->services[index];
  const Milliseconds wait = std::max(kLeastWait, service.failover.drain + kWaitBeyondDrain);
  Result<ModeRequest> request = parse_mode_body(call->body(), wait, std::chrono::system_clock::now());
  if (!request) return reply_problem(*call, 400, request.error().message);
  // However many wait, a command is never refused for it: it is carried out, and answered as soon as it is applied.
  std::shared_ptr<void> slot;
  if (*deferred_ < kMostDeferred) {
    slot = take_deferred_slot(*call);
  } else {
    request->wait = Milliseconds(0);
  }
  request->actor = call->over_tcp() ? "token" : call->peer_actor();
  options_.view.coordinator->ask(index, std::move(*request), [call, slot, &service](const ChangeAnswer& answer) {
    switch (answer.kind) {
      case ChangeAnswer::Kind::done: return call->reply_json(200, to_text(answer_json(service, answer)));
      case ChangeAnswer::Kind::incomplete: return call->reply_json(202, to_text(answer_json(service, answer)));
      case ChangeAnswer::Kind::refused:
        return call->reply(409, "application/problem+json", to_text(refusal_json(service, answer)));
      case ChangeAnswer::Kind::stale_epoch:
        return call->reply(412, "application/problem+json", to_text(refusal_json(service, answer)));
    }
  });
}

void ControlApi::send_history(HttpCall& call, size_t service) {
  nlohmann::json changes = nlohmann::json::array();
  for (const JournalEntry& entry : options_.journal->history(options_.view.config->services[service].name)) {
    changes.push_back(nlohmann::json::parse(to_json(entry), nullptr, false));
  }
  call.reply_json(200, to_text({{"changes", std::move(changes)}}));
}

void ControlApi::send_uncertain(HttpCall& call, size_t service) {
  nlohmann::json writes = nlohmann::json::array();
  for (const UncertainWrite& write :
       options_.view.uncertain->newest(options_.view.config->services[service].name, kMostUncertainShown)) {
    writes.push_back(nlohmann::json::parse(to_json(write), nullptr, false));
  }
  call.reply_json(200, to_text({{"writes", std::move(writes)}}));
}

void ControlApi::send_notice(HttpCall& call, size_t service) {
  const std::string format = call.query_parameter("format");
  const std::optional<NoticeFormat> parsed = parse_notice_format(format.empty() ? "html" : format);
  if (!parsed) return reply_problem(call, 400, "format has to be html, json or text");
  const std::string type = *parsed == NoticeFormat::html   ? "text/html; charset=utf-8"
                           : *parsed == NoticeFormat::json ? "application/problem+json"
                                                           : "text/plain; charset=utf-8";
  call.reply(
      200, type,
      render_notice(options_.view.config->services[service], options_.view.coordinator->snapshot()->states[service],
                    call.query_parameter("lang"), *parsed));
}

void ControlApi::send_exchanges(const std::shared_ptr<HttpCall>& call) {
  std::shared_ptr<void> slot = take_deferred_slot(*call);
  if (!call->is_open()) return;
  collect_exchanges(base_, options_.workers, options_.post, [call, slot](const CollectedExchanges& collected) {
    nlohmann::json rows = nlohmann::json::array();
    for (const ExchangeInfo& exchange : collected.exchanges) rows.push_back(exchange_json(exchange));
    call->reply_json(200, to_text({{"exchanges", std::move(rows)}, {"silent_workers", collected.silent_workers}}));
  });
}

void ControlApi::start_events(const std::shared_ptr<HttpCall>& call) {
  if (call->method() == "HEAD") return call->reply(200, "text/event-stream", "");
  std::string first;
  for (size_t i = 0; i < options_.view.config->services.size(); ++i) first += event_of(i, "mode");
  if (!streams_.add(call, first)) reply_problem(*call, 503, "too many watch the events already");
}

std::string ControlApi::event_of(size_t service, std::string_view what) const {
  nlohmann::json data = service_json(options_.view, service);
  data["service"] = data["name"];
  data["what"] = what;
  if (what == "until_over" || what == "unacknowledged") return make_event("reminder", to_text(data));
  const bool has_own_name = what == "refused" || what == "addresses";
  return make_event(has_own_name ? std::string(what) : "mode", to_text(data));
}

void ControlApi::announce(size_t service, std::string_view what) {
  if (streams_.size() > 0) streams_.send(event_of(service, what));
}

void ControlApi::announce_health(ServerId server) {
  if (streams_.size() == 0) return;
  streams_.send(make_event("health", to_text(server_health_json(options_.view, server))));
}

}  // namespace halfdoor
