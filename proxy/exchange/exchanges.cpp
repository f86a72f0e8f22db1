#include "exchange/exchanges.h"

#include <utility>

#include "base/check.h"

namespace halfdoor {

Exchanges::Exchanges(ExchangeEnvironment& environment, Observer& observer, size_t services)
    : environment_(environment),
      observer_(observer),
      watches_(environment.config(), environment.wheel, environment.counters, environment.health, *this),
      drains_(services),
      is_draining_(services, false) {}

Exchanges::~Exchanges() {
  cut_all("halfdoor stopped");
  for (Exchange* exchange : all_active()) {
    exchange->leave("halfdoor stopped");
  }
  reclaim();
}

std::vector<Exchange*> Exchanges::all_active() {
  std::vector<Exchange*> all;
  for (Exchange& exchange : active_) all.push_back(&exchange);
  return all;
}

Exchange& Exchanges::take() {
  std::unique_ptr<Exchange> exchange;
  if (kept_.empty()) {
    exchange = std::make_unique<Exchange>(environment_, *this);
  } else {
    exchange = std::move(kept_.back());
    kept_.pop_back();
  }
  ++in_use_;
  environment_.blocks.budget().hold(kBytesEach);
  active_.push_back(*exchange);
  return *exchange.release();  // owned through the list from here to recycle()
}

void Exchanges::recycle(Exchange& exchange) {
  exchange.ListLink<Exchanges>::leave();
  left_.emplace_back(&exchange);
  --in_use_;
  environment_.blocks.budget().release(kBytesEach);
  if (in_use_ == 0) observer_.on_all_ended();
}

void Exchanges::reclaim() {
  for (std::unique_ptr<Exchange>& exchange : left_) {
    if (kept_.size() >= kMostKept || environment_.blocks.budget().is_tight()) continue;
    exchange->recycle();
    kept_.push_back(std::move(exchange));
  }
  left_.clear();
  if (!kept_.empty() && environment_.blocks.budget().is_tight()) kept_.clear();
}

bool Exchanges::complains_of_ledger() {
  const int64_t now_ms = environment_.wheel.now_ms();
  if (now_ms < complains_next_ms_) return false;
  complains_next_ms_ = now_ms + 1000;
  return true;
}

DrainStart Exchanges::begin_drain(uint16_t service) {
  DrainTally& tally = drains_[service];
  tally = {};
  tally.epoch = environment_.current->state(service).epoch;
  is_draining_[service] = true;
  is_judging_ = true;
  DrainStart found;
  for (Exchange* exchange : all_active()) {
    if (!exchange->has_service() || exchange->service() != service) continue;
    if (!exchange->on_mode_changed()) continue;
    ++tally.left;
    ++(exchange->is_write() ? found.writes : found.others);
  }
  is_judging_ = false;
  return found;
}

void Exchanges::tell_if_drained(uint16_t service) {
  if (is_judging_ || !is_draining_[service] || drains_[service].left > 0) return;
  is_draining_[service] = false;
  observer_.on_drained(service, drains_[service]);
}

void Exchanges::on_drain_end(uint16_t service, DrainEnd end, bool was_cut) {
  DrainTally& tally = drains_[service];
  HALFDOOR_CHECK(tally.left > 0);
  --tally.left;
  if (was_cut) ++tally.cut;
  switch (end) {
    case DrainEnd::write_finished: ++tally.writes_finished; break;
    case DrainEnd::write_uncertain: ++tally.writes_uncertain; break;
    case DrainEnd::moved: ++tally.reads_moved; break;
    case DrainEnd::other: break;
  }
  tell_if_drained(service);
}

void Exchanges::on_suspect(ServerWatch& server) {
  if (server.health().suspect()) observer_.on_suspect(server.id());
}

void Exchanges::on_silent(ServerWatch& server, bool is_news) {
  if (is_news) {
    const ServerId id = server.id();
    const ServiceConfig& service = environment_.config().services[id.service];
    log_warning("{}: {} {} is silent: not a byte came for {} ms while it owed answers, and its check failed or is late",
                service.name, to_text(id.side), service.side(id.side).servers[id.server].name,
                service.failover.read_fallback_after.count());
  }
  for (Exchange* exchange : all_active()) exchange->on_server_silent(server);
}

void Exchanges::release_generation(const Generation& generation) {
  for (Exchange* exchange : all_active()) {
    if (exchange->generation() == &generation) exchange->let_go_of_generation();
  }
}

void Exchanges::begin_stop(int64_t drain_ms) {
  is_stopping_ = true;
  for (Exchange* exchange : all_active()) exchange->begin_stop(drain_ms);
}

uint64_t Exchanges::cut_all(std::string_view why) {
  uint64_t cut = 0;
  for (Exchange* exchange : all_active()) {
    if (!exchange->attempt().is_active() && exchange->state() != Exchange::State::inspecting) continue;
    exchange->cut(why, EndedBy::stop);
    ++cut;
  }
  return cut;
}

}  // namespace halfdoor
