#include "simulation/sim_host.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <utility>

#include "simulation/context.h"
#include "simulation/sim_worker.h"

namespace halfdoor {

namespace {

Pace make_pace(Dice& dice) {
  Pace pace;
  pace.latency = dice.skewed(20, 3 * kMs);
  pace.step = dice.skewed(20, 2 * kMs);
  if (dice.chance(200)) pace.send_at_most = static_cast<size_t>(dice.skewed(64, 5'000));
  if (dice.chance(150)) pace.read_at_most = static_cast<size_t>(dice.skewed(64, 5'000));
  if (dice.chance(100)) pace.dribble_until = static_cast<uint64_t>(dice.skewed(1, 400));
  return pace;
}

}  // namespace

std::string_view to_text(SimulatedHost::Trouble trouble) {
  using enum SimulatedHost::Trouble;
  switch (trouble) {
    case none: return "is well";
    case refuses: return "refuses connections";
    case blackholed: return "is a black hole";
    case stopped: return "stops running";
    case hangs: return "hangs";
    case cuts: return "cuts its answers";
    case lies: return "lies about lengths";
    case nonsense: return "talks nonsense";
    case slow: return "is slow";
  }
  return "";
}

void SimulatedHost::set_trouble(Trouble trouble) {
  auto& spans = context_.history.trouble[number_];
  const bool was_well = trouble_ == Trouble::none || trouble_ == Trouble::slow;
  const bool is_well = trouble == Trouble::none || trouble == Trouble::slow;
  const bool was_stopped = is_stopped();
  trouble_ = trouble;
  context_.story.tell("host " + address_, "{}", to_text(trouble));
  if (was_well && !is_well) spans.emplace_back(context_.schedule.now(), INT64_MAX);
  if (!was_well && is_well) spans.back().second = context_.schedule.now();
  note_down();
  if (is_stopped() == was_stopped) return;
  for (const auto& connection : connections_) was_stopped ? connection->thaw() : connection->freeze();
  if (is_stopped()) return;
  for (const auto& act : std::exchange(postponed_, {})) act();
}

void SimulatedHost::note_down() {
  auto& spans = context_.history.down[number_];
  const bool was_down = !spans.empty() && spans.back().second == INT64_MAX;
  const bool is_down = trouble_ == Trouble::refuses || trouble_ == Trouble::blackholed || is_stopped();
  if (!was_down && is_down) spans.emplace_back(context_.schedule.now(), INT64_MAX);
  if (was_down && !is_down) spans.back().second = context_.schedule.now();
}

void SimulatedHost::after(Micros delay, std::function<void()> act) {
  context_.schedule.after(delay, [this, act = std::move(act)] {
    if (!is_stopped()) return act();
    postponed_.push_back(act);
  });
}

SimulatedHost::CheckAnswer SimulatedHost::answer_check(Micros timeout) {
  Dice& dice = context_.dice;
  const Micros soon = dice.skewed(100, 5 * kMs);
  switch (trouble_) {
    case Trouble::none: return {true, "200", soon};
    case Trouble::slow: return {true, "200", dice.skewed(kMs, timeout * 3 / 4)};
    case Trouble::refuses: return {false, "connection refused", soon};
    case Trouble::blackholed:
    case Trouble::stopped: return {false, "no answer in time", timeout};
    case Trouble::hangs:
      return dice.chance(700) ? CheckAnswer{false, "no answer in time", timeout} : CheckAnswer{true, "200", soon};
    case Trouble::cuts:
    case Trouble::lies:
    case Trouble::nonsense: break;
  }
  const bool passed = dice.chance(500);
  return {passed, passed ? "200" : "closed without a response", soon};
}

FarEnd* SimulatedHost::connect(SimulatedWorkerSlot& worker, int process, int, int& error) {
  if (trouble_ == Trouble::refuses && context_.dice.chance(500)) {
    error = ECONNREFUSED;
    return nullptr;
  }
  connections_.push_back(
      std::make_unique<HostConnection>(context_, *this, worker, process, static_cast<int>(connections_.size()) + 1));
  FarEnd& far = connections_.back()->far();
  if (trouble_ == Trouble::blackholed) return &far;
  if (is_stopped()) far.freeze();
  const bool refuses = trouble_ == Trouble::refuses;
  context_.schedule.after(context_.dice.skewed(20, 3 * kMs),
                          [&far, refuses] { refuses ? far.refuse() : far.establish(); });
  return &far;
}

HostConnection::HostConnection(SimulationContext& context, SimulatedHost& host, SimulatedWorkerSlot& worker,
                               int process, int number)
    : context_(context),
      host_(host),
      worker_(worker),
      process_(process),
      number_(number),
      name_(fmt::format("host {}#{}", host.address(), number)),
      far_(context.schedule, *this, make_pace(context.dice)),
      reader_(WireReader::Reads::requests, *this) {
  far_.attach(worker);
  MemoryConnection& connection = far_.connection();
  connection.is_connecting = true;
  if (context.dice.chance(200)) connection.to_peer_capacity = static_cast<size_t>(context.dice.skewed(200, 65'536));
  if (context.dice.chance(200)) connection.to_proxy_capacity = static_cast<size_t>(context.dice.skewed(200, 65'536));
  if (context.dice.chance(100)) connection.most_per_write = static_cast<size_t>(context.dice.skewed(1, 2'000));
}

// Servers close what is idle just when the next request comes.
void HostConnection::on_proxy_about_to_write() {
  const bool is_idle =
      requests_ > 0 && is_answered_ && !is_ending_ && far_.unsent() == 0 && !reader_.is_within_message();
  if (!is_idle || host_.is_stopped() || reader_.is_raw() || has_unread() || context_.is_calm ||
      !context_.dice.chance(15))
    return;
  context_.story.tell(name_, "closes its idle connection in the face of a request");
  is_ending_ = true;
  far_.reset();
}

void HostConnection::on_proxy_wrote(size_t bytes) {
  const ServiceState& state = worker_.state(host_.service());
  written_ += bytes;
  marks_.push_back({written_, context_.schedule.now(), state.mode, state.epoch});
  context_.checker.on_written_to(host_, *this, process_);
}

void HostConnection::on_bytes(std::string_view bytes) {
  reader_.feed(bytes);
  if (!reader_.problem().empty()) {
    context_.checker.fail(property::kStrict, fmt::format("{} got what it cannot read: {}", name_, reader_.problem()),
                          0);
    far_.reset();
  }
}

void HostConnection::open_record(int id, uint64_t start) {
  ArrivalRecord record;
  record.id = id;
  record.host = host_.number();
  record.connection = number_;
  record.process = process_;
  record.worker = worker_.index();
  while (!marks_.empty() && marks_.front().end <= start) marks_.pop_front();
  if (!marks_.empty()) {
    record.first_byte_at = marks_.front().at;
    record.mode = marks_.front().mode;
    record.epoch = marks_.front().epoch;
  }
  context_.history.arrivals.push_back(record);
  arrival_ = &context_.history.arrivals.back();
}

void HostConnection::on_head(const WireHead& head) {
  if (!is_answered_) {
    context_.checker.fail(property::kStrict, name_ + " got a request before it had answered the one before", 0);
  }
  open_record(id_of_target(head.target), message_start_);
  arrival_->head_read_at = context_.schedule.now();
  context_.story.tell(name_, "reads {} {}", head.method, head.target);
  context_.checker.on_arrival(host_, *arrival_, head);
  is_answered_ = false;
  ++requests_;
  if (!forgery_.empty()) far_.send(std::exchange(forgery_, {}));
  plan_ = make_plan(head);
  if (head.find("expect") != nullptr && !plan_.at_head) plan_.interim = "HTTP/1.1 100 Continue\r\n\r\n" + plan_.interim;
  if (!plan_.interim.empty()) {
    const uint64_t request = requests_;
    host_.after(context_.dice.skewed(0, 5 * kMs), [this, request] {
      if (request == requests_ && !is_answered_ && !is_ending_) far_.send(plan_.interim);
    });
  }
  if (plan_.at_head) answer_later();
}

void HostConnection::on_body(std::string_view bytes) {
  context_.checker.on_body_read(host_, *arrival_);
  if (reader_.is_raw()) context_.checker.on_tunnel_bytes(host_, *arrival_);
  const RequestRecord* request = context_.history.find_request(arrival_->id);
  for (const char c : bytes) {
    if (request != nullptr && c != request_byte(*request, arrival_->body_read)) {
      context_.checker.fail(property::kExact, name_ + " reads other bytes than were sent", arrival_->id);
      reader_.give_up();
      return;
    }
    ++arrival_->body_read;
  }
}

void HostConnection::on_message_end() {
  arrival_->is_complete = true;
  context_.checker.on_whole_arrival(*arrival_, reader_.trailer("x-trailer"));
  message_start_ = reader_.consumed();
  if (!plan_.at_head) answer_later();
}

void HostConnection::on_over(bool by_reset) {
  context_.story.tell(name_, "sees {}", by_reset ? "a reset" : "an end");
  if (reader_.is_within_head()) {
    // Of a head that was cut as much as its first line may tell whose it was.
    const std::string_view line = reader_.begun_start_line();
    const size_t first = line.find(' ');
    const size_t second = first == std::string::npos ? first : line.find(' ', first + 1);
    if (second != std::string::npos) {
      open_record(id_of_target(line.substr(first + 1, second - first - 1)), message_start_);
      context_.checker.on_partial_arrival(host_, *arrival_);
    }
  }
  is_ending_ = true;
  if (!by_reset) far_.close();
}

void HostConnection::answer_later() {
  if (plan_.never) return;
  const uint64_t request = requests_;
  host_.after(plan_.delay, [this, request] {
    if (request == requests_ && !is_answered_ && !is_ending_) answer();
  });
}

void HostConnection::answer() {
  is_answered_ = true;
  context_.history.response(arrival_->response).sent_at = context_.schedule.now();
  if (plan_.opens_tunnel) return begin_tunnel();
  const std::string bytes = plan_.bytes.substr(0, plan_.cut_at);
  context_.story.tell(name_, "answers {} of {} bytes {}", bytes.size(), plan_.bytes.size(), abbreviate(bytes, 130));
  if (bytes.find("\n\n") != std::string::npos || bytes.find("\r\n\r\n") != std::string::npos) {
    arrival_->status_sent_at = context_.schedule.now();
  }
  far_.send(bytes);
  end_connection(plan_.then);
}

void HostConnection::end_connection(Plan::Then then) {
  is_ending_ = then != Plan::Then::stay && then != Plan::Then::hang;
  arrival_->closed_on_body = then == Plan::Then::close && !arrival_->is_complete;
  switch (then) {
    case Plan::Then::stay: return idle_later();
    case Plan::Then::hang: return;
    case Plan::Then::finish: return far_.finish();
    case Plan::Then::close: return far_.close();
    case Plan::Then::reset: return host_.after(context_.dice.skewed(0, 3 * kMs), [this] { far_.reset(); });
  }
}

// What goes through it follows the patterns of request and response.
void HostConnection::begin_tunnel() {
  context_.story.tell(name_, "opens a tunnel");
  reader_.become_raw();
  context_.history.response(arrival_->response).status = 101;
  arrival_->status_sent_at = arrival_->tunnel_since = context_.schedule.now();
  far_.send(
      fmt::format("HTTP/1.1 101 Switching Protocols\r\nX-Token: {}\r\nX-Response: {}\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
                  arrival_->id, arrival_->response));
  talk_later();
}

void HostConnection::talk_later() {
  host_.after(context_.dice.skewed(0, 2 * kSecond), [this] {
    if (is_ending_ || far_.is_over()) return;
    if (context_.is_calm || context_.dice.chance(60)) {
      is_ending_ = true;
      if (context_.is_calm || context_.dice.chance(800)) return far_.finish();
      // The client may not even get the 101.
      arrival_->misbehaved = true;
      return far_.reset();
    }
    const auto bytes = static_cast<uint64_t>(context_.dice.skewed(1, 20'000));
    far_.send(pattern(response_key(arrival_->response), talked_, bytes));
    talked_ += bytes;
    talk_later();
  });
}

// Servers close what is idle whenever they like.
void HostConnection::idle_later() {
  if (context_.is_calm || !context_.dice.chance(150)) return;
  const uint64_t request = requests_;
  host_.after(context_.dice.skewed(0, 3 * kSecond), [this, request] {
    if (request != requests_ || is_ending_ || far_.unsent() > 0 || context_.is_calm) return;
    context_.story.tell(name_, "closes its idle connection");
    is_ending_ = true;
    context_.dice.chance(800) ? far_.close() : far_.reset();
  });
}

void HostConnection::freeze() {
  far_.freeze();
  if (arrival_ == nullptr || (is_answered_ && far_.unsent() == 0) || arrival_->misbehaved) return;
  // Silence is noticed.
  arrival_->misbehaved = arrival_->only_cut = true;
}

void HostConnection::give_up() {
  if (far_.is_over() || is_ending_) return;
  if (!far_.is_established() || arrival_ == nullptr || !arrival_->misbehaved) return;
  is_ending_ = true;
  context_.dice.chance(500) ? far_.reset() : far_.close();
}

}  // namespace halfdoor
