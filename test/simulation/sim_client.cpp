#include "simulation/sim_client.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "simulation/client_request.h"
#include "simulation/context.h"
#include "simulation/sim_process.h"

namespace halfdoor {

namespace {

Pace make_pace(Dice& dice) {
  Pace pace;
  pace.latency = dice.skewed(20, 5 * kMs);
  pace.step = dice.skewed(20, 2 * kMs);
  if (dice.chance(150)) pace.send_at_most = static_cast<size_t>(dice.skewed(64, 4'000));
  if (dice.chance(150)) pace.read_at_most = static_cast<size_t>(dice.skewed(64, 4'000));
  return pace;
}

}  // namespace

SimulatedClient::SimulatedClient(SimulationContext& context, int number)
    : context_(context),
      number_(number),
      name_(fmt::format("client {}", number)),
      dice_(context.dice.fork()),
      far_(context.schedule, *this, make_pace(dice_)),
      reader_(WireReader::Reads::responses, *this) {}

void SimulatedClient::connect(SimulatedProcess& process, SimulatedWorkerSlot& worker) {
  process_ = &process;
  process_number_ = process.number();
  worker_ = worker.index();
  MemoryConnection& connection = far_.connection();
  if (dice_.chance(200)) connection.to_proxy_capacity = static_cast<size_t>(dice_.skewed(100, 65'536));
  if (dice_.chance(200)) connection.to_peer_capacity = static_cast<size_t>(dice_.skewed(100, 65'536));
  if (dice_.chance(50)) connection.most_per_write = static_cast<size_t>(dice_.skewed(1, 2'000));
  requests_left_ = static_cast<int>(dice_.skewed(1, 12));
  pipelines_ = dice_.chance(150);
  is_http10_ = dice_.chance(80);
  context_.story.tell(name_, "connects to worker {}", worker_);
  worker.take(far_, number_);
  next_later(dice_.skewed(0, 5 * kMs));
  if (dice_.chance(250)) misbehave_later();
}

void SimulatedClient::ask_once(SimulatedProcess& process, SimulatedWorkerSlot& worker, size_t service,
                               RequestKind kind) {
  process_ = &process;
  process_number_ = process.number();
  worker_ = worker.index();
  worker.take(far_, number_);
  send_request(service, kind);
}

// Asking --------------------------------------------------------------------------------------------------------------

void SimulatedClient::next_later(Micros delay) {
  context_.schedule.after(delay, [this] { next(); });
}

void SimulatedClient::next() {
  if (is_done_ || is_over() || far_.is_finishing() || gets_close_) return;
  if (requests_left_ <= 0 || context_.is_calm) {
    if (outstanding_.empty() && dice_.chance(context_.is_calm ? 1000 : 700)) leave("leaves", false);
    return;
  }
  if (!outstanding_.empty() && !pipelines_) return;
  if (!held_body_.empty() || asks_close_) return;
  --requests_left_;
  if (context_.settings.has_hostile_clients && dice_.chance(40)) return ask_hostile();
  ask();
  if (pipelines_ && outstanding_.size() < 6) next_later(dice_.chance(500) ? 0 : dice_.skewed(0, 20 * kMs));
}

int SimulatedClient::next_id() const { return static_cast<int>(context_.history.requests.size()) + 1; }

void SimulatedClient::ask() {
  const size_t service = dice_.chance(650) ? 0 : 1;
  send_request(service, choose_request_kind(dice_, next_id(), !is_http10_ && !pipelines_));
}

void SimulatedClient::send_request(size_t service, RequestKind kind) {
  ClientRequest made = make_client_request(dice_, next_id(), service, kind, is_http10_);
  asks_close_ = made.asks_close;
  if (kind == RequestKind::tunnel) requests_left_ = 0;
  made.record.follows_us = last_answer_at_ == kNeverUs ? 0 : context_.schedule.now() - last_answer_at_;
  if (dice_.chance(150)) far_.pace().dribble_until = queued_ + static_cast<uint64_t>(dice_.skewed(1, 200));
  context_.story.tell(name_, "asks {} {} HTTP/1.{} ({}, {} bytes of body{})", made.record.method, made.record.target,
                      is_http10_ ? 0 : 1, to_text(kind), made.record.body_size,
                      made.expects_continue ? ", expects 100" : "");
  const uint64_t head_end = queued_ + made.head.size();
  note_sent(std::move(made.record), head_end, head_end + made.body.size());
  send_bytes(made.head);
  if (!made.early.empty()) {
    talked_ = made.early.size();
    context_.story.tell(name_, "goes on with {} bytes", talked_);
    send_bytes(made.early);
  }
  if (!made.expects_continue) return send_bytes(made.body);
  held_body_ = made.body;
  // Those who wait for a 100 do not wait for ever.
  context_.schedule.after(dice_.skewed(100 * kMs, kSecond), [this, id = last_id_] {
    if (!held_body_.empty() && !outstanding_.empty() && outstanding_.back().id == id) send_held_body();
  });
}

void SimulatedClient::ask_hostile() {
  RequestRecord record;
  record.id = next_id();
  record.kind = RequestKind::hostile;
  record.method = "GET";
  record.target = fmt::format("/x/{}", record.id);
  const std::string bytes = make_hostile_request(dice_, record.id);
  context_.story.tell(name_, "sends {}", abbreviate(bytes));
  note_sent(std::move(record), queued_ + bytes.size(), queued_ + bytes.size());
  send_bytes(bytes);
  // What may follow on this connection is anybody's guess.
  is_done_ = true;
}

void SimulatedClient::note_sent(RequestRecord record, uint64_t head_end, uint64_t end) {
  record.client = number_;
  record.process = process_number_;
  record.worker = worker_;
  last_id_ = record.id;
  outstanding_.push_back({record.id, head_end, end, is_http10_ && record.kind != RequestKind::hostile});
  reader_.expect_answer_to(record.method);
  context_.history.requests.push_back(std::move(record));
}

void SimulatedClient::send_bytes(const std::string& bytes) {
  queued_ += bytes.size();
  far_.send(bytes);
}

void SimulatedClient::send_held_body() { send_bytes(std::exchange(held_body_, {})); }

void SimulatedClient::on_entered() {
  for (const Sent& sent : outstanding_) {
    RequestRecord& record = context_.history.request(sent.id);
    if (record.head_sent_at == kNeverUs && far_.bytes_entered() >= sent.head_end)
      record.head_sent_at = context_.schedule.now();
    if (record.all_sent_at == kNeverUs && far_.bytes_entered() >= sent.end)
      record.all_sent_at = context_.schedule.now();
  }
}

// Misbehaving ---------------------------------------------------------------------------------------------------------

void SimulatedClient::misbehave_later() {
  context_.schedule.after(dice_.skewed(0, 3 * kSecond), [this] {
    if (is_over() || far_.is_finishing() || context_.is_calm) return;
    switch (dice_.below(6)) {
      case 0: return leave("shuts its half", false);
      case 1: return leave("closes", true);
      case 2: return leave("resets", true);
      case 3:
      case 4:
        context_.story.tell(name_, "stops reading");
        has_paused_ = true;
        far_.stop_reading();
        context_.schedule.after(dice_.skewed(0, 4 * kSecond), [this] { far_.read_on(); });
        return;
      default:
        context_.story.tell(name_, "does not read any more");
        is_done_ = has_paused_ = true;
        far_.stop_reading();
        for (const Sent& sent : outstanding_) context_.history.request(sent.id).client_gave_up = true;
    }
  });
}

void SimulatedClient::leave(const char* how, bool for_good) {
  context_.story.tell(name_, "{}", how);
  is_done_ = true;
  // Half of a request that never comes.
  if (!held_body_.empty()) for_good = true;
  has_shut_ = true;
  if (for_good) {
    for (const Sent& sent : outstanding_) context_.history.request(sent.id).client_gave_up = true;
  }
  if (for_good && how == std::string_view("resets")) return far_.reset();
  for_good ? far_.close() : far_.finish();
}

void SimulatedClient::calm_down() {
  is_done_ = true;
  if (is_over()) return;
  far_.read_on();
  if (!held_body_.empty()) send_held_body();
  if (outstanding_.empty() && !far_.is_finishing()) leave("leaves", false);
}

// Answers -------------------------------------------------------------------------------------------------------------

RequestRecord* SimulatedClient::front() {
  return outstanding_.empty() ? nullptr : &context_.history.request(outstanding_.front().id);
}

void SimulatedClient::on_bytes(std::string_view bytes) {
  reader_.feed(bytes);
  if (reader_.problem().empty()) return;
  // Refused before its request was looked at, so not even the method is known.
  if (context_.settings.connections_per_worker <= 100 && gets_close_) return leave("resets", true);
  context_.checker.fail(property::kStrict, fmt::format("{} got what it cannot read: {}", name_, reader_.problem()),
                        outstanding_.empty() ? 0 : outstanding_.front().id);
  leave("resets", true);
}

void SimulatedClient::note_interim(const WireHead& head) {
  const std::string token = head.value("x-token");
  if (!token.empty() && (outstanding_.empty() || token != std::to_string(outstanding_.front().id))) {
    context_.checker.fail(property::kOwn, fmt::format("{} got an interim response to {}", name_, token), 0);
  }
  if (!outstanding_.empty() && outstanding_.front().is_http10) {
    context_.checker.fail(property::kStrict, "an interim response to HTTP/1.0", outstanding_.front().id);
  }
  if (head.status == 100 && !held_body_.empty()) send_held_body();
}

void SimulatedClient::on_head(const WireHead& head) {
  if (head.status == 101) return begin_tunnel(head);
  if (head.status < 200) return note_interim(head);
  is_answering_ = true;
  gets_close_ = iequals(head.value("connection"), "close");
  RequestRecord* request = front();
  context_.story.tell(name_, "gets {}{} for {}", head.start_line, gets_close_ ? " (close)" : "",
                      request == nullptr ? "nothing" : request->target);
  if (request == nullptr) return context_.checker.on_unasked_answer(number_, head);
  request->answered_at = context_.schedule.now();
  // The rest of its body may be more than is read for the sake of the connection.
  had_early_answer_ = had_early_answer_ || (request->body_size > 0 && head.find("x-token") == nullptr);
  request->status = head.status;
  request->has_retry_after = head.find("retry-after") != nullptr;
  request->mode_field = head.value("halfdoor-mode");
  request->response = static_cast<int>(parse_unsigned(head.value("x-response")).value_or(0));
  if (outstanding_.front().is_http10 && head.find("transfer-encoding") != nullptr) {
    context_.checker.fail(property::kStrict, "chunks to HTTP/1.0", request->id);
  }
  context_.checker.on_final_head(*request, head);
  // An answer instead of a 100: nobody waits for the body.
  if (outstanding_.size() == 1) held_body_.clear();
}

void SimulatedClient::begin_tunnel(const WireHead& head) {
  RequestRecord* request = front();
  context_.story.tell(name_, "has a tunnel");
  if (request == nullptr || request->kind != RequestKind::tunnel) {
    return context_.checker.fail(property::kStrict, name_ + " gets a 101 that it did not ask for", 0);
  }
  reader_.become_raw();
  request->answered_at = context_.schedule.now();
  request->status = 101;
  request->mode_field = head.value("halfdoor-mode");
  request->response = static_cast<int>(parse_unsigned(head.value("x-response")).value_or(0));
  context_.checker.on_final_head(*request, head);
  talk_later();
}

void SimulatedClient::talk_later() {
  context_.schedule.after(dice_.skewed(0, 2 * kSecond), [this] {
    if (is_over() || far_.is_finishing()) return;
    if (context_.is_calm || dice_.chance(60)) return leave(dice_.chance(800) ? "leaves" : "resets", false);
    const auto bytes = static_cast<uint64_t>(dice_.skewed(1, 20'000));
    const int id = outstanding_.front().id;
    far_.send(pattern(request_key(id), talked_, bytes));
    talked_ += bytes;
    talk_later();
  });
}

void SimulatedClient::on_body(std::string_view bytes) {
  RequestRecord* request = front();
  if (request == nullptr) return;
  if (request->response == 0) {
    request->text += bytes.substr(0, 600 - std::min<size_t>(600, request->text.size()));
    return;
  }
  for (const char c : bytes) {
    if (c != pattern_byte(response_key(request->response), request->body_received)) {
      context_.checker.fail(property::kOwn, name_ + " reads other bytes than the host sent", request->id);
      return leave("resets", true);
    }
    ++request->body_received;
  }
}

void SimulatedClient::on_message_end() {
  if (!is_answering_) return;  // an interim response
  is_answering_ = false;
  RequestRecord* request = front();
  if (request == nullptr) return;
  // The end of a stream that a dead process leaves says nothing.
  if (far_.is_over() && process_ != nullptr && !process_->is_alive()) return;
  request->is_complete = true;
  request->trailer = reader_.trailer("x-trailer");
  request->over_at = context_.schedule.now();
  context_.checker.on_complete(*request);
  outstanding_.pop_front();
  if (gets_close_) is_done_ = true;
  last_answer_at_ = context_.schedule.now();
  next_later(dice_.chance(600) ? dice_.skewed(0, 5 * kMs) : dice_.skewed(0, 3 * kSecond));
}

void SimulatedClient::on_over(bool by_reset) {
  context_.story.tell(name_, "sees {}", by_reset ? "a reset" : "an end");
  is_done_ = true;
  if (!by_reset) reader_.finish();
  for (const Sent& sent : outstanding_) {
    RequestRecord& request = context_.history.request(sent.id);
    request.over_at = context_.schedule.now();
    // Behind a response that says close, and at the end of an idle connection, a request may go unheard; and a reset
    // in the face of others that are pipelined behind it may take its answer away.
    request.is_owed_answer = outstanding_.size() == 1 && !has_shut_ && !had_early_answer_ && !has_paused_ &&
                             !gets_close_ && request.all_sent_at != kNeverUs &&
                             request.follows_us < context_.config->timeouts.keep_alive.count() * kMs / 2;
  }
  if (!by_reset) far_.close();
}

}  // namespace halfdoor
