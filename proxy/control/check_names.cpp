#include "control/check_names.h"

#include <event2/event.h>

#include "control/dns_client.h"
#include "control/server_names.h"

namespace halfdoor {

namespace {

constexpr timeval kPatience{3, 0};

}  // namespace

std::vector<std::string> find_unresolved_names(const std::shared_ptr<const Config>& config) {
  const std::unique_ptr<struct event_base, void (*)(struct event_base*)> base(event_base_new(), event_base_free);
  if (!base) return {};
  DnsClient::Options asked;
  asked.servers = config->resolver_servers;
  DnsClient dns(base.get(), std::move(asked));
  ServerNamesOptions options;
  options.config = config;
  options.now = [] { return std::chrono::steady_clock::now(); };
  options.wall_now = [] { return std::chrono::system_clock::now(); };
  options.log = [](LogLevel, const std::string&) {};
  options.on_changed = [](const std::vector<size_t>&) {};
  ServerNames names(std::move(options), dns);
  names.on_time();
  event_base_loopexit(base.get(), &kPatience);
  while (names.is_starting() && event_base_got_exit(base.get()) == 0) {
    event_base_loop(base.get(), EVLOOP_ONCE);
    // Of many names only so many are asked for at once.
    names.on_time();
  }
  names.end_start();
  return names.warnings();
}

}  // namespace halfdoor
