#include "control/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "control/access_writer.h"
#include "control/health_checks.h"
#include "control/server_names.h"
#include "control/version.h"

namespace halfdoor {

namespace {

std::string escaped(std::string_view label) {
  std::string text;
  for (const char c : label) {
    if (c == '\\' || c == '"') text += '\\';
    text += c == '\n' ? ' ' : c;
  }
  return text;
}

class Page {
 public:
  void metric(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    fmt::format_to(std::back_inserter(text_), "# HELP halfdoor_{} {}\n# TYPE halfdoor_{} {}\n", name, help, name, type);
  }
  template <class Value>
  void sample(const std::string& labels, Value value) {
    fmt::format_to(std::back_inserter(text_), "halfdoor_{}{} {}\n", name_, labels.empty() ? "" : "{" + labels + "}",
                   value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  std::string_view name_;
};

void add_process(Page& page, const ControlView& view, SteadyTime now) {
  page.metric("build_info", "gauge", "Always 1; the version is a label.");
  page.sample(fmt::format("version=\"{}\"", kVersion), 1);
  page.metric("uptime_seconds", "gauge", "Since the start of the process.");
  page.sample("", std::chrono::duration_cast<std::chrono::seconds>(now - view.started).count());
  page.metric("generation", "gauge", "Number of the newest snapshot.");
  page.sample("", view.coordinator->snapshot()->generation);
  page.metric("workers_not_safe", "gauge", "Workers that have not applied a mode within 1 s, over all services.");
  page.sample("", view.coordinator->not_safe().size());
  page.metric("access_log_lines_total", "counter", "Lines of the access log that were written.");
  page.sample("", view.access_log != nullptr ? view.access_log->written() : 0);
  page.metric("access_log_dropped_total", "counter", "Lines for which disk or pipe had no room in time.");
  page.sample("", view.access_log != nullptr ? view.access_log->dropped() : 0);
  struct Row {
    const char* name;
    const char* type;
    const char* help;
    Counter WorkerCounters::*counter;
  };
  static constexpr Row kRows[] = {
      {"connections", "gauge", "Client connections open now.", &WorkerCounters::connections},
      {"connections_accepted_total", "counter", "Client connections accepted.", &WorkerCounters::connections_accepted},
      {"connections_refused_total", "counter", "Client connections over a limit.",
       &WorkerCounters::connections_refused},
      {"memory_held_bytes", "gauge", "Held for clients now, of the worker's share of limits.memory.",
       &WorkerCounters::memory},
      {"refused_for_memory_total", "counter", "Requests answered 503 over limits.memory.",
       &WorkerCounters::refused_for_memory},
      {"cut_for_memory_total", "counter", "Slow clients cut far over limits.memory.", &WorkerCounters::cut_for_memory},
      {"exchanges", "gauge", "Exchanges in flight now.", &WorkerCounters::exchanges},
      {"bad_requests_total", "counter", "Requests answered before a service was chosen.",
       &WorkerCounters::bad_requests},
      {"turns_total", "counter", "Iterations of the workers' loops.", &WorkerCounters::turns}};
  for (const Row& row : kRows) {
    page.metric(row.name, row.type, row.help);
    for (size_t i = 0; i < view.counters.size(); ++i) {
      page.sample(fmt::format("worker=\"{}\"", i), (view.counters[i]->*row.counter).get());
    }
  }
}

void add_modes(Page& page, const ControlView& view) {
  const auto each = [&](auto&& add) {
    for (size_t i = 0; i < view.config->services.size(); ++i) {
      add(fmt::format("service=\"{}\"", escaped(view.config->services[i].name)), view.coordinator->service(i));
    }
  };
  page.metric("mode", "gauge", "1 for the mode of the service, else 0.");
  each([&](const std::string& label, const ServiceSwitch& service) {
    for (const Mode mode : kModes) {
      page.sample(fmt::format("{},mode=\"{}\"", label, to_text(mode)), service.record().to == mode ? 1 : 0);
    }
  });
  page.metric("epoch", "gauge", "Counts the mode changes of the service.");
  each([&](const std::string& label, const ServiceSwitch& service) { page.sample(label, service.record().epoch); });
  page.metric("mode_since_seconds", "gauge", "Unix time at which the mode was entered.");
  each([&](const std::string& label, const ServiceSwitch& service) {
    page.sample(label,
                std::chrono::duration_cast<std::chrono::seconds>(service.record().time.time_since_epoch()).count());
  });
  page.metric("fenced", "gauge", "1: nothing of the mode before is in flight.");
  each([&](const std::string& label, const ServiceSwitch& service) { page.sample(label, service.fenced() ? 1 : 0); });
  page.metric("persisted", "gauge", "1: the latch on the disk holds the mode.");
  each(
      [&](const std::string& label, const ServiceSwitch& service) { page.sample(label, service.persisted() ? 1 : 0); });
  page.metric("diverged", "gauge", "1: the primary lacks what was written to the backup.");
  each([&](const std::string& label, const ServiceSwitch& service) {
    page.sample(label, service.record().diverged ? 1 : 0);
  });
  page.metric("acknowledged", "gauge", "0: changed automatically, no operator has looked at it.");
  each([&](const std::string& label, const ServiceSwitch& service) {
    page.sample(label, service.record().acknowledged ? 1 : 0);
  });
  page.metric("until_over", "gauge", "1: the mode was to end by now.");
  each([&](const std::string& label, const ServiceSwitch& service) {
    const std::vector<Forgotten> found = service.forgotten_now();
    const bool over = std::any_of(found.begin(), found.end(),
                                  [](const Forgotten& one) { return one.why == Forgotten::Why::until_over; });
    page.sample(label, over ? 1 : 0);
  });
}

template <class Read>
uint64_t sum(const ControlView& view, const Read& read) {
  uint64_t total = 0;
  for (const WorkerCounters* worker : view.counters) total += read(*worker).get();
  return total;
}

void add_services(Page& page, const ControlView& view) {
  struct Row {
    const char* name;
    const char* help;
    Counter ServiceCounters::*counter;
  };
  static constexpr Row kRows[] = {
      {"requests_total", "Requests of the service.", &ServiceCounters::requests},
      {"refused_total", "Requests refused by the read-only filter.", &ServiceCounters::refused},
      {"second_guard_total", "Requests caught by the second guard; has to be 0.", &ServiceCounters::second_guard},
      {"fallback_reads_total", "Reads answered by the backup because the primary failed.",
       &ServiceCounters::fallback_reads},
      {"retries_total", "Attempts after the first one.", &ServiceCounters::retries},
      {"slow_reads_total",
       "Reads that waited for longer than read_fallback_after and stayed: their server was not silent.",
       &ServiceCounters::slow_reads},
      {"uncertain_total", "Writes whose outcome is unknown.", &ServiceCounters::uncertain}};
  const auto& services = view.config->services;
  for (const Row& row : kRows) {
    page.metric(row.name, "counter", row.help);
    for (size_t i = 0; i < services.size(); ++i) {
      page.sample(fmt::format("service=\"{}\"", escaped(services[i].name)),
                  sum(view, [&](const WorkerCounters& worker) -> const Counter& {
                    return (*worker.services[i]).*row.counter;
                  }));
    }
  }
  page.metric("tunnels", "gauge", "WebSocket tunnels open now.");
  for (size_t i = 0; i < services.size(); ++i) {
    page.sample(fmt::format("service=\"{}\"", escaped(services[i].name)),
                sum(view, [&](const WorkerCounters& worker) -> const Counter& { return worker.services[i]->tunnels; }));
  }
  page.metric("responses_total", "counter", "Responses by class; \"none\": never got a status.");
  for (size_t i = 0; i < services.size(); ++i) {
    for (size_t k = 0; k < std::tuple_size_v<decltype(ServiceCounters::responses)>; ++k) {
      page.sample(
          fmt::format("service=\"{}\",class=\"{}\"", escaped(services[i].name),
                      k == 0 ? "none" : fmt::format("{}xx", k)),
          sum(view, [&](const WorkerCounters& worker) -> const Counter& { return worker.services[i]->responses[k]; }));
    }
  }
}

std::string server_label(const ControlView& view, ServerId id) {
  const ServiceConfig& service = view.config->services[id.service];
  return fmt::format("service=\"{}\",side=\"{}\",server=\"{}\"", escaped(service.name), to_text(id.side),
                     escaped(service.side(id.side).servers[id.server].name));
}

template <class Add>
void each_server(const ControlView& view, const Add& add) {
  const auto& services = view.config->services;
  for (size_t i = 0; i < services.size(); ++i) {
    for (const Side side : kSides) {
      for (size_t k = 0; k < services[i].side(side).servers.size(); ++k) {
        add(ServerId{static_cast<uint16_t>(i), side, static_cast<uint16_t>(k)});
      }
    }
  }
}

void add_health(Page& page, const ControlView& view) {
  if (view.checks == nullptr) return;
  const HealthChecks& checks = *view.checks;
  page.metric("health_checks_in_flight", "gauge", "Checks that wait for their answer now.");
  page.sample("", checks.in_flight());
  page.metric("health_checks_waiting", "gauge", "Checks that are due and wait until others have ended.");
  page.sample("", checks.waiting());
  page.metric("side_healthy", "gauge", "1: a server of the side is healthy; 0: none is; absent: not known yet.");
  for (size_t i = 0; i < view.config->services.size(); ++i) {
    for (const Side side : kSides) {
      const std::optional<bool> healthy = checks.side(i, side).healthy;
      if (!healthy) continue;
      page.sample(fmt::format("service=\"{}\",side=\"{}\"", escaped(view.config->services[i].name), to_text(side)),
                  *healthy ? 1 : 0);
    }
  }
  page.metric("server_healthy", "gauge", "1: the checks hold the server to be healthy; absent: not checked yet.");
  each_server(view, [&](ServerId id) {
    const Health health = checks.server(id).health;
    if (health != Health::unknown) page.sample(server_label(view, id), health == Health::healthy ? 1 : 0);
  });
  page.metric("health_check_seconds", "gauge", "How long the latest check took.");
  each_server(view, [&](ServerId id) {
    const auto& latest = checks.server(id).latest;
    if (latest) page.sample(server_label(view, id), static_cast<double>(latest->took.count()) / 1000);
  });
  page.metric("health_checks_total", "counter", "Checks by result; \"repeated\": did not count, made again.");
  each_server(view, [&](ServerId id) {
    const ServerChecks& server = checks.server(id);
    const std::string label = server_label(view, id);
    page.sample(label + ",result=\"passed\"", server.passed);
    page.sample(label + ",result=\"failed\"", server.failed);
    page.sample(label + ",result=\"repeated\"", server.repeated);
  });
}

void add_servers(Page& page, const ControlView& view) {
  struct Row {
    const char* name;
    const char* type;
    const char* help;
    Counter ServerCounters::*counter;
  };
  static constexpr Row kRows[] = {
      {"server_in_flight", "gauge", "Exchanges attached to the server now.", &ServerCounters::in_flight},
      {"server_pooled", "gauge", "Idle connections kept to the server.", &ServerCounters::pooled},
      {"server_connects_total", "counter", "Connections made.", &ServerCounters::connects},
      {"server_connect_failures_total", "counter", "Connections that could not be made.",
       &ServerCounters::connect_failures},
      {"server_attempts_total", "counter", "Attempts to have a request answered.", &ServerCounters::attempts},
      {"server_failures_total", "counter", "Attempts that ended without a final status line.",
       &ServerCounters::failures}};
  for (const Row& row : kRows) {
    page.metric(row.name, row.type, row.help);
    each_server(view, [&](ServerId id) {
      page.sample(server_label(view, id), sum(view, [&](const WorkerCounters& worker) -> const Counter& {
                    return worker.services[id.service]->servers[index_of(id.side)][id.server].*row.counter;
                  }));
    });
  }
}

void add_names(Page& page, const ControlView& view) {
  if (view.names == nullptr) return;
  const auto each = [&](auto&& value) {
    for (const WatchedName& name : view.names->names()) {
      page.sample(fmt::format("name=\"{}\"", escaped(name.host())), value(name));
    }
  };
  page.metric("name_addresses", "gauge", "Addresses that the name of a server stands for; 0: it is not resolved.");
  each([](const WatchedName& name) { return name.addresses().size(); });
  page.metric("name_resolved_seconds", "gauge", "Unix time of the last good answer; 0: there was none.");
  each([](const WatchedName& name) {
    return std::chrono::duration_cast<std::chrono::seconds>(name.resolved_at().value_or(WallTime{}).time_since_epoch())
        .count();
  });
  page.metric("name_failures_total", "counter", "Questions for the name without a good answer.");
  each([](const WatchedName& name) { return name.failures(); });
  page.metric("name_changes_total", "counter", "Answers with other addresses than before.");
  each([](const WatchedName& name) { return name.changes(); });
}

}  // namespace

std::string metrics_text(const ControlView& view, SteadyTime now) {
  Page page;
  add_process(page, view, now);
  add_modes(page, view);
  add_services(page, view);
  add_health(page, view);
  add_servers(page, view);
  add_names(page, view);
  return page.take();
}

}  // namespace halfdoor
