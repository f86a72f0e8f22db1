#include "simulation/sim_worker.h"

#include <algorithm>
#include <utility>

#include "simulation/checker.h"
#include "simulation/context.h"
#include "simulation/sim_host.h"
#include "simulation/sim_process.h"

namespace halfdoor {

namespace {

constexpr std::string_view kLocal = "192.0.2.80:80";

}  // namespace

// The ledger
// -----------------------------------------------------------------------------------------------------------

std::optional<WriteLedger::Ticket> SimulatedLedger::begin(const WriteIdentity& identity) {
  if (!process_.is_alive_at_call()) return std::nullopt;
  const auto ticket = inner_->begin(identity);
  if (!ticket) return ticket;
  const int id = id_of_target(identity.path);
  Checker& checker = process_.context().checker;
  if (!open_.emplace(*ticket, id).second) checker.fail(property::kLedger, "a slot was given twice", id);
  checker.on_ledger_begin(id, identity.epoch, identity.side, process_.number());
  return ticket;
}

bool SimulatedLedger::take(Ticket ticket) {
  const auto found = open_.find(ticket);
  if (found == open_.end()) {
    process_.context().checker.fail(property::kLedger, "a slot was given up that is not taken", 0);
    return false;
  }
  open_.erase(found);
  return true;
}

void SimulatedLedger::clear(Ticket ticket) {
  if (!process_.is_alive_at_call() || !take(ticket)) return;
  inner_->clear(ticket);
}

void SimulatedLedger::mark_uncertain(Ticket ticket, uint64_t bytes_sent, std::string_view why) {
  if (!process_.is_alive_at_call() || !take(ticket)) return;
  if (bytes_sent == 0) process_.context().checker.fail(property::kLedger, "uncertain, but nothing was sent", 0);
  if (why.empty()) process_.context().checker.fail(property::kLedger, "uncertain for no reason", 0);
  inner_->mark_uncertain(ticket, bytes_sent, why);
}

// The worker
// -----------------------------------------------------------------------------------------------------------

int64_t SimulatedWorkerSlot::Clock::unix_ms() const { return context_.unix_ms(); }

SimulatedWorkerSlot::SimulatedWorkerSlot(SimulationContext& context, SimulatedProcess& process, int index,
                                         std::unique_ptr<WriteLedger> ledger, std::shared_ptr<const Snapshot> snapshot)
    : context_(context),
      process_(process),
      index_(index),
      snapshot_(std::move(snapshot)),
      ledger_(process, std::move(ledger)),
      clock_(context),
      wheel_(context.clock_ms()),
      counters_(snapshot_->config()) {
  Connector& connector = *this;
  WorkerCoreOptions options;
  options.index = index;
  options.snapshot = snapshot_;
  options.observer = &process.observer();
  options.ledger = &ledger_;
  options.counters = &counters_;
  options.health = &process.checks().board();
  options.wall_clock = &clock_;
  options.most_connections = context.settings.connections_per_worker;
  options.seed = context.dice.next();
  core_ = std::make_unique<WorkerCore>(options, wheel_, connector);
  note_modes();
  turn_later(context.dice.between(0, TimerWheel::kTickMs * kMs));
}

SimulatedWorkerSlot::~SimulatedWorkerSlot() = default;

bool SimulatedWorkerSlot::is_alive_at_call() { return process_.is_alive_at_call(); }

void SimulatedWorkerSlot::note_modes() {
  for (size_t service = 0; service < snapshot_->states.size(); ++service) {
    const ServiceState& state = snapshot_->states[service];
    auto& spans = context_.history.spans[{process_.number(), index_, service}];
    if (!spans.empty() && spans.back().epoch == state.epoch) continue;
    spans.push_back({context_.schedule.now(), state.epoch, state.mode, state.diverged});
  }
}

void SimulatedWorkerSlot::wake(FarEnd& far) {
  const auto tell = [this, &far] {
    edges_.push_back(&far);
    turn_later(context_.dice.skewed(5, 300));
  };
  if (!context_.dice.chance(100)) return tell();
  // What happens within a turn is told by the next; reads and writes may meet it before.
  context_.schedule.after(context_.dice.skewed(5, 300), tell);
}

void SimulatedWorkerSlot::turn_later(Micros delay) {
  const Micros at = std::max(context_.schedule.now() + delay, stalled_until_);
  if (turn_at_ != kNeverUs && turn_at_ <= at) return;
  turn_at_ = at;
  context_.schedule.after(at - context_.schedule.now(), [this, at] {
    if (turn_at_ != at || core_ == nullptr) return;
    turn_at_ = kNeverUs;
    if (context_.schedule.now() < stalled_until_) return turn_later(0);
    turn();
  });
}

void SimulatedWorkerSlot::stall(Micros time) {
  stalled_until_ = context_.schedule.now() + time;
  context_.story.tell(fmt::format("worker {}", index_), "is stuck for {} ms", time / kMs);
}

// As WorkerThread::turn.
void SimulatedWorkerSlot::turn() {
  if (!process_.is_alive()) return;
  wheel_.set_now(context_.clock_ms());
  handle_what_came();
  core_->resume();
  core_->fire_deadlines();
  core_->flush();
  core_->dispose();
  counters_.turns.add();
  if (!process_.is_alive()) return;
  check_buffers();
  // The loop never waits longer than a tick of the wheel.
  turn_later(core_->has_work() || !edges_.empty() || !mail_.empty() ? 20 : TimerWheel::kTickMs * kMs);
}

// Either direction of an exchange may hold its limit several times over (blocks are shared by what came with them), and
// each connection what it reads and writes.
void SimulatedWorkerSlot::check_buffers() {
  const uint64_t per_exchange = 2 * (4 * context_.config->limits.buffer / Block::kBytes + 4) + 4;
  const uint64_t most = counters_.exchanges.get() * per_exchange + counters_.connections.get() * 6 + 32;
  if (core_->blocks().in_use() <= most) return;
  context_.checker.fail(property::kBounded,
                        fmt::format("{} blocks for {} exchanges, {} connections", core_->blocks().in_use(),
                                    counters_.exchanges.get(), counters_.connections.get()),
                        0);
}

void SimulatedWorkerSlot::handle_what_came() {
  std::vector<FarEnd*> edges;
  edges.swap(edges_);
  std::deque<Message> mail;
  mail.swap(mail_);
  for (size_t i = edges.size(); i > 1; --i) std::swap(edges[i - 1], edges[context_.dice.below(i)]);
  const size_t mail_at = context_.dice.below(edges.size() + 1);
  for (size_t i = 0; i <= edges.size(); ++i) {
    if (i == mail_at) {
      for (const Message& message : mail) message();
    }
    if (i == edges.size()) break;
    if (MemoryStream* stream = edges[i]->connection().stream) stream->deliver_edge();
  }
}

void SimulatedWorkerSlot::take(FarEnd& far, int client) {
  far.attach(*this);
  far_ends_.push_back(&far);
  // Established by the kernel: bytes may come before the worker looks.
  mail_.push_back([this, &far, client] { accept(far, client); });
  turn_later(context_.dice.skewed(5, 300));
}

void SimulatedWorkerSlot::accept(FarEnd& far, int client) {
  // Those that the kernel had taken before the listener was closed are accepted all the same (Acceptor::close).
  const std::string from = fmt::format("198.51.100.{}:{}", client % 200 + 1, 1024 + client % 60'000);
  core_->accept(far.make_stream(), 0, Address::parse(from).value(), kLocal);
  far.connection().has_edge = true;
  edges_.push_back(&far);
}

void SimulatedWorkerSlot::publish(std::shared_ptr<const Snapshot> snapshot) {
  mail_.push_back([this, snapshot = std::move(snapshot)] {
    const std::shared_ptr<const Snapshot> before = std::exchange(snapshot_, snapshot);
    note_modes();
    context_.story.tell(fmt::format("worker {}", index_), "applies generation {}", snapshot->generation);
    core_->apply(snapshot);
    if (core_->generations() > 8) context_.checker.fail(property::kGenerations, "", 0);
  });
  turn_later(context_.dice.skewed(5, 2 * kMs));
}

void SimulatedWorkerSlot::begin_stop(Milliseconds drain) {
  mail_.push_back([this, drain] {
    accepts_ = false;
    core_->begin_stop(drain);
  });
  turn_later(context_.dice.skewed(5, 2 * kMs));
}

void SimulatedWorkerSlot::sever() {
  for (FarEnd* far : far_ends_) far->connection().sever();
}

void SimulatedWorkerSlot::end() {
  core_.reset();
  sever();
}

std::unique_ptr<Stream> SimulatedWorkerSlot::connect(const Address& address, int& error) {
  if (!process_.is_alive_at_call()) {
    error = ECONNREFUSED;
    return nullptr;
  }
  FarEnd* far = context_.host_at(address.text()).connect(*this, process_.number(), index_, error);
  if (far == nullptr) return nullptr;
  far_ends_.push_back(far);
  return far->make_stream();
}

}  // namespace halfdoor
