// What the access log is told of an exchange that has ended.
#include "exchange/exchange.h"

namespace halfdoor {

std::string_view to_text(Outcome outcome) {
  switch (outcome) {
    case Outcome::relayed: return "relayed";
    case Outcome::local: return "local";
    case Outcome::refused: return "refused";
    case Outcome::bad_request: return "bad-request";
    case Outcome::unreachable: return "unreachable";
    case Outcome::uncertain: return "uncertain";
    case Outcome::cut: return "cut";
    case Outcome::left: return "left";
  }
  return "";
}

std::string_view to_text(EndedBy by) {
  switch (by) {
    case EndedBy::server: return "server";
    case EndedBy::halfdoor: return "halfdoor";
    case EndedBy::client: return "client";
    case EndedBy::mode_switch: return "switch";
    case EndedBy::stop: return "stop";
    case EndedBy::timeout: return "timeout";
  }
  return "";
}

void Exchange::begin(const ClientInfo& info) {
  started_ms_ = environment_.wheel.now_ms();
  notes_.began_unix_ms = environment_.wall_clock.unix_ms();
  context_ = {};
  context_.arena = &arena_;
  context_.listener = info.listener;
  context_.client_address = info.address;
  context_.server_name = info.local;
  context_.peer_is_trusted = info.is_trusted;
}

void Exchange::note_end(EndedBy by, std::string_view why) {
  if (notes_.ended_by) return;
  notes_.ended_by = by;
  notes_.why = why;
}

void Exchange::note_leave(std::string_view why) {
  if (client_ == nullptr && state_ != State::reading) return;
  if (why.empty()) {
    notes_.is_delivered = true;
  } else {
    note_end(EndedBy::client, why);
  }
}

Outcome Exchange::outcome() const {
  if (notes_.attempts > 0 && attempt_.became_uncertain()) return Outcome::uncertain;
  // A tunnel is delivered in full wherever it ends: what counts is who ended it.
  const bool is_cut_tunnel = is_tunnel() && notes_.ended_by != EndedBy::client && notes_.ended_by != EndedBy::server;
  if (notes_.is_delivered && !is_cut_tunnel) return state_ == State::local ? notes_.local : Outcome::relayed;
  return notes_.ended_by == EndedBy::client ? Outcome::left : Outcome::cut;
}

void Exchange::write_log() const {
  // Nothing but empty lines ever came.
  if (environment_.access_log == nullptr || notes_.began_unix_ms == 0) return;
  AccessRecord record;
  record.began_unix_ms = notes_.began_unix_ms;
  record.client = context_.client_address;
  record.request = context_.request;
  record.request_id = request_id_;
  if (has_service_) {
    const ServiceConfig& service = environment_.config().services[service_];
    record.service = service.name;
    record.mode = notes_.mode;
    record.epoch = epoch_;
    if (notes_.has_server) {
      const ServerId server = attempt_.server();
      record.side = server.side;
      record.server = service.side(server.side).servers[server.server].name;
      record.is_fallback = is_fallback_;
    }
  }
  record.attempts = notes_.attempts;
  record.server_status = notes_.server_status;
  if (head_pulled_ && notes_.wire_out > 0) record.status = response_.status;
  record.bytes_in = request_pipe_.total_pushed();
  // What is left unsent is the end of the body: the head goes first.
  record.bytes_out = bytes_out_ > notes_.unsent ? bytes_out_ - notes_.unsent : 0;
  record.wire_in = notes_.wire_in;
  record.wire_out = notes_.wire_out;
  record.duration_ms = environment_.wheel.now_ms() - started_ms_;
  if (notes_.sent_ms >= 0) record.wait_ms = notes_.sent_ms - started_ms_;
  if (notes_.first_byte_ms >= 0) record.first_byte_ms = notes_.first_byte_ms - started_ms_;
  record.outcome = outcome();
  record.ended_by = notes_.ended_by.value_or(state_ == State::local ? EndedBy::halfdoor : EndedBy::server);
  record.why = notes_.why;
  environment_.access_log->write(record);
}

}  // namespace halfdoor
