// The daemon's part in resolving the names of servers.
#include <event2/event.h>

#include "base/check.h"
#include "control/daemon.h"

namespace halfdoor {

namespace {

// How long a start waits for names. A restart while DNS is dead must not keep everybody else waiting.
constexpr timeval kPatienceAtStart{3, 0};

}  // namespace

void Daemon::watch_names() {
  DnsClient::Options asked;
  asked.servers = config_->resolver_servers;
  dns_ = std::make_unique<DnsClient>(base_.get(), std::move(asked));
  ServerNamesOptions options;
  options.config = config_;
  options.now = [this] { return now(); };
  options.wall_now = [this] { return wall_now(); };
  options.log = [](LogLevel level, const std::string& line) {
    if (log_enabled(level)) log_line(level, line);
  };
  options.on_changed = [this](const std::vector<size_t>& services) { use_addresses(services); };
  names_ = std::make_unique<ServerNames>(std::move(options), *dns_);
}

void Daemon::wait_for_names() {
  names_->on_time();
  bool is_over = false;
  struct event* patience = evtimer_new(
      base_.get(), [](evutil_socket_t, short, void* over) { *static_cast<bool*>(over) = true; }, &is_over);
  HALFDOOR_CHECK(patience != nullptr && evtimer_add(patience, &kPatienceAtStart) == 0);
  while (names_->is_starting() && !is_over && !stopping_) {
    set_timer();
    event_base_loop(base_.get(), EVLOOP_ONCE);
  }
  event_free(patience);
  names_->end_start();
  for (const std::string& line : names_->warnings()) log_error("{}", line);
}

void Daemon::use_addresses(const std::vector<size_t>& services) {
  // Before that the first snapshot takes them with it.
  if (!coordinator_) return;
  coordinator_->use_addresses(names_->addresses());
  for (const size_t service : services) announce(service, "addresses");
}

const AddressList& Daemon::server_addresses(ServerId server) {
  return names_->addresses()->of(server.service, server.side, server.server);
}

}  // namespace halfdoor
