#include "control/server_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "control/address_claims.h"

namespace halfdoor {

namespace {

std::string text_of(const AddressList& addresses) {
  std::string text;
  for (const Address& address : addresses) text += (text.empty() ? "" : ", ") + address.text();
  return text.empty() ? "no address" : text;
}

std::string hosts_text(const AddressList& addresses) {
  std::string text;
  for (const Address& address : addresses) text += (text.empty() ? "" : ", ") + address.host_text();
  return text.empty() ? "no address" : text;
}

AddressList with_port(AddressList addresses, uint16_t port) {
  for (Address& address : addresses) address.set_port(port);
  return addresses;
}

}  // namespace

ServerNames::ServerNames(ServerNamesOptions options, NameSource& source)
    : options_(std::move(options)), source_(source) {
  const Config& config = *options_.config;
  addresses_ = std::make_shared<const ServerAddresses>(config);
  std::map<std::string, size_t> index;
  servers_.resize(config.services.size());
  for (size_t service = 0; service < servers_.size(); ++service) {
    for (const Side side : kSides) {
      for (const ServerConfig& server : config.services[service].side(side).servers) {
        NamedServer& named = servers_[service][index_of(side)].emplace_back();
        if (server.address) continue;
        const size_t colon = server.name.rfind(':');
        const auto [known, is_new] = index.emplace(to_lower(server.name.substr(0, colon)), names_.size());
        if (is_new) {
          names_.emplace_back(known->first);
          services_of_.emplace_back();
        }
        named.name = known->second;
        named.port = static_cast<uint16_t>(parse_unsigned(server.name.substr(colon + 1)).value_or(0));
        std::vector<size_t>& services = services_of_[known->second];
        if (services.empty() || services.back() != service) services.push_back(service);
      }
    }
  }
}

template <class Call>
void ServerNames::for_each_server(Call&& call) const {
  for (size_t service = 0; service < servers_.size(); ++service) {
    for (const Side side : kSides) {
      for (size_t server = 0; server < servers_[service][index_of(side)].size(); ++server) {
        call(ServerId{static_cast<uint16_t>(service), side, static_cast<uint16_t>(server)});
      }
    }
  }
}

void ServerNames::end_start() {
  if (!std::exchange(is_starting_, false)) return;
  for (size_t service = 0; service < servers_.size(); ++service) unsettled_.push_back(service);
  settle();
}

std::optional<SteadyTime> ServerNames::next_deadline() const {
  std::optional<SteadyTime> next;
  if (!unsettled_.empty() && !is_starting_) return SteadyTime();
  if (being_asked_ >= kMostAtOnce) return next;
  for (const WatchedName& name : names_) {
    if (const auto due = name.due()) next = next ? std::min(*next, *due) : *due;
  }
  return next;
}

void ServerNames::on_time() {
  if (names_.empty()) is_starting_ = false;
  if (!is_starting_) settle();
  const SteadyTime now = options_.now();
  for (size_t i = 0; i < names_.size() && being_asked_ < kMostAtOnce; ++i) {
    const auto due = names_[i].due();
    if (!due || *due > now) continue;
    names_[i].begin(now);
    ++being_asked_;
    source_.ask(names_[i].host(), [this, i](const NameAnswer& answer) { on_answer(i, answer); });
  }
}

void ServerNames::on_trouble(ServerId server) {
  const NamedServer& named = at(server);
  if (named.name != kLiteral) names_[named.name].on_trouble(options_.now());
}

void ServerNames::on_answer(size_t name, const NameAnswer& answer) {
  --being_asked_;
  WatchedName& watched = names_[name];
  const std::string error_before = watched.error();
  const bool is_changed = watched.end(answer, options_.now(), options_.wall_now());
  if (!watched.error().empty() && watched.error() != error_before) {
    const bool is_known = !watched.addresses().empty();
    options_.log(is_known ? LogLevel::warning : LogLevel::error,
                 fmt::format("{} cannot be resolved: {}; {}", watched.host(), watched.error(),
                             is_known ? "its last good answer is kept: " + hosts_text(watched.addresses())
                                      : "its servers count as failing to connect"));
  }
  if (watched.error().empty() && !error_before.empty()) {
    options_.log(LogLevel::info, fmt::format("{} is resolved again", watched.host()));
  }
  if (is_starting_) {
    if (std::all_of(names_.begin(), names_.end(), [](const auto& each) { return each.was_asked(); })) end_start();
  } else if (is_changed) {
    unsettled_.insert(unsettled_.end(), services_of_[name].begin(), services_of_[name].end());
  }
}

void ServerNames::settle() {
  if (unsettled_.empty()) return;
  std::sort(unsettled_.begin(), unsettled_.end());
  unsettled_.erase(std::unique(unsettled_.begin(), unsettled_.end()), unsettled_.end());
  auto next = std::make_shared<ServerAddresses>(*addresses_);
  std::vector<size_t> changed;
  for (const size_t service : std::exchange(unsettled_, {})) {
    if (settle_service(service, *next)) changed.push_back(service);
  }
  if (changed.empty()) return;
  addresses_ = std::move(next);
  options_.on_changed(changed);
}

bool ServerNames::settle_service(size_t service, ServerAddresses& next) {
  std::array<std::vector<AddressClaim>, 2> claims;
  const auto service_index = static_cast<uint16_t>(service);
  for (const Side side : kSides) {
    const auto& servers = servers_[service][index_of(side)];
    for (size_t i = 0; i < servers.size(); ++i) {
      AddressClaim& claim = claims[index_of(side)].emplace_back();
      claim.held = addresses_->of(service, side, i);
      claim.is_literal = servers[i].name == kLiteral;
      claim.wanted = claim.is_literal ? claim.held : with_port(names_[servers[i].name].addresses(), servers[i].port);
    }
  }
  settle_claims(claims);
  bool is_changed = false;
  for (const Side side : kSides) {
    for (size_t i = 0; i < claims[index_of(side)].size(); ++i) {
      const ServerId id{service_index, side, static_cast<uint16_t>(i)};
      is_changed = settle_server(id, claims[index_of(side)][i], next) || is_changed;
    }
  }
  return is_changed;
}

bool ServerNames::settle_server(ServerId id, const AddressClaim& claim, ServerAddresses& next) {
  const AddressList& before = addresses_->of(id.service, id.side, id.server);
  if (claim.is_contested && !std::exchange(at(id).is_contested, true)) {
    options_.log(LogLevel::error,
                 fmt::format("{} leads to an address of the {}, which is not used for it (the answer: {}; in use: {}): "
                             "a switch would not leave the host",
                             describe(id), to_text(other_side(id.side)), text_of(claim.wanted), text_of(claim.held)));
  }
  at(id).is_contested = claim.is_contested;
  if (claim.held == before) return false;
  if (before.empty()) {
    options_.log(LogLevel::info, fmt::format("{} is {}", describe(id), text_of(claim.held)));
  } else {
    options_.log(LogLevel::warning, fmt::format("{}: {} -> {}", describe(id), text_of(before), text_of(claim.held)));
  }
  next.set(id.service, id.side, id.server, claim.held);
  return true;
}

std::string ServerNames::describe(ServerId id) const {
  const ServiceConfig& service = options_.config->services[id.service];
  return fmt::format("{} {} {}", service.name, to_text(id.side), service.side(id.side).servers[id.server].name);
}

const WatchedName* ServerNames::name_of(ServerId server) const {
  const NamedServer& named = at(server);
  return named.name == kLiteral ? nullptr : &names_[named.name];
}

std::string ServerNames::trouble_of(ServerId server) const {
  const WatchedName* const name = name_of(server);
  if (name == nullptr) return {};
  const AddressList& used = addresses_->of(server.service, server.side, server.server);
  if (at(server).is_contested) {
    return fmt::format("leads to an address of the {}, which is not used for it", to_text(other_side(server.side)));
  }
  if (!name->error().empty()) {
    return fmt::format("cannot be resolved: {}{}", name->error(), used.empty() ? "" : ", the last good answer is kept");
  }
  return used.empty() ? "is not resolved yet" : "";
}

std::vector<std::string> ServerNames::warnings() const {
  std::vector<std::string> lines;
  for_each_server([&](ServerId id) {
    if (const std::string trouble = trouble_of(id); !trouble.empty()) {
      lines.push_back(fmt::format("{} {}", describe(id), trouble));
    }
  });
  return lines;
}

}  // namespace halfdoor
