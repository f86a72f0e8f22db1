// How a host answers: in good times in its own way, in trouble wrongly, in part or not at all.
#include <algorithm>
#include <iterator>

#include "simulation/context.h"
#include "simulation/sim_host.h"

namespace halfdoor {

HostConnection::Plan HostConnection::make_plan(const WireHead& head) {
  Dice& dice = context_.dice;
  Plan plan;
  plan.cut_at = std::string::npos;
  plan.at_head =
      !context_.is_calm &&
      dice.chance(head.find("content-length") != nullptr || head.find("transfer-encoding") != nullptr ? 100 : 0);
  plan.delay = dice.chance(700) ? dice.skewed(0, 3 * kMs) : dice.skewed(0, 300 * kMs);
  if (host_.trouble() == SimulatedHost::Trouble::slow) plan.delay = dice.skewed(100 * kMs, 1500 * kMs);
  if (dice.chance(50)) {
    for (int64_t i = dice.between(1, 3); i > 0; --i) {
      plan.interim += fmt::format("HTTP/1.1 103 Early Hints\r\nX-Token: {}\r\n\r\n", arrival_->id);
    }
  }
  plan.opens_tunnel = head.find("upgrade") != nullptr && dice.chance(850);
  make_response(plan, head);
  spoil(plan, head);
  if (arrival_->misbehaved) plan.opens_tunnel = false;
  if (context_.is_calm) plan.delay = std::min<Micros>(plan.delay, 50 * kMs);
  return plan;
}

void HostConnection::make_response(Plan& plan, const WireHead& head) {
  Dice& dice = context_.dice;
  ResponseRecord record;
  record.number = static_cast<int>(context_.history.responses.size()) + 1;
  record.id = arrival_->id;
  record.host = host_.number();
  record.status = dice.chance(900)   ? 200
                  : dice.chance(300) ? 204
                  : dice.chance(300) ? 304
                  : dice.chance(500) ? 404
                                     : 500;
  record.has_body = head.method != "HEAD" && record.status != 204 && record.status != 304;
  record.size = static_cast<uint64_t>(dice.chance(850) ? dice.skewed(0, 2'000) : dice.skewed(0, 120'000));
  const bool is_chunked = record.has_body && dice.chance(300);
  const bool is_endless = record.has_body && !is_chunked && dice.chance(100);
  record.ends_with_stream = is_endless;
  std::string& bytes = plan.bytes;
  bytes = fmt::format("HTTP/1.1 {} Something\r\nX-Token: {}\r\nX-Response: {}\r\n", record.status, arrival_->id,
                      record.number);
  if (dice.chance(100)) bytes += "Connection: X-Hop\r\nX-Hop: must not pass\r\n";
  if (is_chunked) bytes += "Transfer-Encoding: chunked\r\n";
  if (!is_chunked && !is_endless && record.status != 204) bytes += fmt::format("Content-Length: {}\r\n", record.size);
  if (dice.chance(60)) {
    bytes += "Connection: close\r\n";
    plan.then = dice.chance(500) ? Plan::Then::finish : Plan::Then::close;
  }
  if (is_endless) plan.then = dice.chance(500) ? Plan::Then::finish : Plan::Then::close;
  bytes += "\r\n";
  if (record.has_body) {
    const std::string body = pattern(response_key(record.number), 0, record.size);
    if (!is_chunked) bytes += body;
    for (size_t at = 0; is_chunked && at < body.size();) {
      const size_t size = std::min(body.size() - at, static_cast<size_t>(dice.skewed(1, 20'000)));
      bytes += fmt::format("{:x}\r\n{}\r\n", size, body.substr(at, size));
      at += size;
    }
    record.has_trailer = is_chunked && dice.chance(200);
    if (is_chunked) {
      bytes += record.has_trailer ? fmt::format("0\r\nX-Trailer: {}\r\n\r\n", record.number) : "0\r\n\r\n";
    }
  }
  context_.history.responses.push_back(record);
  arrival_->response = record.number;
}

void HostConnection::spoil(Plan& plan, const WireHead&) {
  using Trouble = SimulatedHost::Trouble;
  Dice& dice = context_.dice;
  const Trouble trouble = host_.trouble();
  if (trouble == Trouble::none || trouble == Trouble::slow || trouble == Trouble::stopped || !dice.chance(700)) return;
  arrival_->misbehaved = true;
  ResponseRecord& record = context_.history.responses.back();
  switch (trouble) {
    case Trouble::hangs:
    case Trouble::blackholed: plan.never = true; break;
    case Trouble::stopped: break;
    case Trouble::refuses:
    case Trouble::cuts: {
      const size_t head = plan.bytes.find("\r\n\r\n") + 4;
      plan.cut_at = static_cast<size_t>(dice.chance(400) ? dice.below(head) : dice.below(plan.bytes.size()));
      if (dice.chance(200)) plan.cut_at = 0;
      plan.then = dice.chance(400) ? Plan::Then::reset : dice.chance(700) ? Plan::Then::close : Plan::Then::hang;
      record.is_cut = true;
      arrival_->only_cut = plan.then != Plan::Then::hang;
      break;
    }
    case Trouble::lies:
      // What comes a moment later may as well answer the next request: nobody can tell. So it comes together with the
      // true one, whole or as much as its beginning.
      if (record.ends_with_stream || plan.bytes.size() > 3'000 || far_.connection().to_proxy_capacity < 8'000) break;
      far_.pace().send_at_most = SIZE_MAX;
      far_.pace().dribble_until = 0;
      if (dice.chance(500)) {
        plan.bytes += "HTTP/1.1 200 Forged\r\n";
        forgery_ = "X-Token: forged\r\nContent-Length: 6\r\n\r\nforged";
        break;
      }
      // More than announced: what looks like the answer to somebody else.
      plan.bytes += "HTTP/1.1 200 Forged\r\nX-Token: forged\r\nContent-Length: 6\r\n\r\nforged";
      plan.cut_at = dice.chance(500) ? std::string::npos : plan.bytes.size() - static_cast<size_t>(dice.below(60));
      break;
    case Trouble::nonsense: {
      static constexpr const char* kNonsense[] = {
          "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
          "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
          "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
          "SSH-2.0-OpenSSH_9.2\r\n",
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
          "",
          "HTTP/1.1 200 OK\r\nbad field: 1\r\n\r\n"};
      const char* nonsense = kNonsense[dice.below(std::size(kNonsense))];
      record.is_cut = *nonsense == '\0';
      plan.bytes = record.is_cut ? fmt::format(
                                       "HTTP/1.1 {} OK\r\nX-Token: {}\r\nX-Response: {}\r\n"
                                       "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
                                       record.has_body ? record.status : 200, record.id, record.number)
                                 : nonsense;
      if (record.is_cut && !record.has_body) record.status = 200;
      break;
    }
    case Trouble::none:
    case Trouble::slow: break;
  }
}

}  // namespace halfdoor
