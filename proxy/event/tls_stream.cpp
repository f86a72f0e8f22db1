#include "event/tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace halfdoor {

namespace {

// After so long without a byte the buffers of OpenSSL (some 34 KiB) are given back.
constexpr int64_t kBuffersIdleMs = 1'000;
// New keys, renegotiations (all refused) and tickets that the peer may send within the window. Those who mean it send a
// handful in a connection's life.
constexpr uint32_t kMostMessages = 32;
constexpr int64_t kMessageWindowMs = 10'000;

// Fills `scratch` with the beginning of `pieces`; or leaves it be where the first piece alone makes a record.
iovec gather_record(const iovec* pieces, int count, char* scratch) {
  constexpr size_t kMost = TlsEnvironment::kRecordBytes;
  if (count == 1 || pieces[0].iov_len >= kMost) return {pieces[0].iov_base, std::min(pieces[0].iov_len, kMost)};
  size_t bytes = 0;
  for (int i = 0; i < count && bytes < kMost; ++i) {
    const size_t some = std::min(pieces[i].iov_len, kMost - bytes);
    if (some > 0) std::memcpy(scratch + bytes, pieces[i].iov_base, some);
    bytes += some;
  }
  return {scratch, bytes};
}

}  // namespace

TlsStream::TlsStream(TlsEnvironment& environment, Role role, std::unique_ptr<Stream> inner, SSL* ssl)
    : environment_(environment), inner_(std::move(inner)), ssl_(ssl), idle_(environment.wheel(), *this), role_(role) {
  wire_.inner = inner_.get();
  BIO* const bio = make_tls_bio(wire_);
  if (bio == nullptr) {
    break_off(ENOMEM, "no memory for TLS");
  } else {
    SSL_set_bio(ssl_, bio, bio);
    SSL_set_app_data(ssl_, this);
    SSL_set_msg_callback(ssl_, &TlsStream::on_message);
    role_ == Role::server ? SSL_set_accept_state(ssl_) : SSL_set_connect_state(ssl_);
    if (role_ == Role::server) move_to(State::handshaking);
  }
  inner_->set_handler(this);
}

TlsStream::~TlsStream() {
  if (inner_ != nullptr) inner_->set_handler(nullptr);
  SSL_free(ssl_);
}

void TlsStream::move_to(State next) {
  switch (next) {
    case State::connecting: HALFDOOR_CHECK(false); break;
    case State::handshaking: HALFDOOR_CHECK(state_ == State::connecting); break;
    case State::open: HALFDOOR_CHECK(state_ == State::handshaking); break;
    case State::broken: HALFDOOR_CHECK(state_ != State::broken); break;
  }
  state_ = next;
}

// The handshake -------------------------------------------------------------------------------------------------------

TlsStream::State TlsStream::handshake() {
  if (state_ != State::handshaking) return state_;
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) {
    begin_open();
    return state_;
  }
  const int why = SSL_get_error(ssl_, result);
  if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) note_library_error();
  return state_;
}

void TlsStream::begin_open() {
  // A certificate that was right when the session began may have expired since.
  if (role_ == Role::client && SSL_session_reused(ssl_) == 1 && SSL_get_verify_mode(ssl_) != SSL_VERIFY_NONE) {
    const X509* const certificate = SSL_get0_peer_certificate(ssl_);
    if (certificate == nullptr || X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0) {
      return break_off(EPROTO, X509_verify_cert_error_string(X509_V_ERR_CERT_HAS_EXPIRED));
    }
  }
  move_to(State::open);
  writable_ = true;
  readable_ = inner_->is_readable() || SSL_has_pending(ssl_) == 1;
  closed_ = inner_->is_closed();
  idle_.set(kBuffersIdleMs);
}

std::string_view TlsStream::protocol() const {
  const unsigned char* name = nullptr;
  unsigned bytes = 0;
  SSL_get0_alpn_selected(ssl_, &name, &bytes);
  return {reinterpret_cast<const char*>(name), bytes};
}

std::unique_ptr<Stream> TlsStream::take_inner() {
  if (state_ != State::broken) break_off(ECONNABORTED, "given up");
  inner_->set_handler(nullptr);
  return std::move(inner_);
}

// Readiness -----------------------------------------------------------------------------------------------------------

void TlsStream::on_stream_ready() {
  switch (state_) {
    case State::connecting:
      if (const int error = inner_->finish_connect(); error != 0) {
        break_off(error, {});
        break;
      }
      if (!inner_->is_writable()) return;
      move_to(State::handshaking);
      [[fallthrough]];
    case State::handshaking:
      if (role_ == Role::client && handshake() == State::handshaking) return;
      break;
    case State::open:
      closed_ = closed_ || inner_->is_closed();
      if (inner_->is_readable()) {
        readable_ = true;
        if (std::exchange(write_waits_for_read_, false)) writable_ = true;
      }
      if (inner_->is_writable()) {
        if (!write_waits_for_read_) writable_ = true;
        if (std::exchange(read_waits_for_write_, false)) readable_ = true;
        if (wants_close_notify_) send_close_notify();
      }
      break;
    case State::broken: break;
  }
  if (handler_ != nullptr) handler_->on_stream_ready();
}

void TlsStream::break_off(int error, std::string_view failure) {
  move_to(State::broken);
  error_ = error == 0 ? EPROTO : error;
  failure_ = failure;
  idle_.clear();
  // Whoever looks finds the failure.
  readable_ = writable_ = closed_ = true;
}

// After an operation that OpenSSL says can never be repeated. Its queue of errors is left empty: it must be at the next
// operation of this thread, on any stream.
void TlsStream::note_library_error() {
  const unsigned long code = ERR_peek_last_error();
  const long verified = SSL_get_verify_result(ssl_);
  std::string_view failure = "TLS failed";
  int error = wire_.error;
  if (wire_.is_cut) {
    failure = "too many TLS messages that are no data";
  } else if (wire_.saw_end) {
    failure = state_ == State::handshaking ? "closed during the TLS handshake" : "closed without close_notify";
    error = ECONNRESET;
  } else if (error != 0) {
    failure = {};  // the errno says it
  } else if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED &&
             verified != X509_V_OK) {
    failure = X509_verify_cert_error_string(verified);
  } else if (const char* reason = ERR_reason_error_string(code); reason != nullptr) {
    failure = reason;
  }
  got_plain_http_ = role_ == Role::server && state_ == State::handshaking && ERR_GET_LIB(code) == ERR_LIB_SSL &&
                    ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST;
  ERR_clear_error();
  if (state_ != State::broken) break_off(error, failure);
}

void TlsStream::on_message(int is_sent, int, int type, const void*, size_t, SSL* ssl, void*) {
  auto* stream = static_cast<TlsStream*>(SSL_get_app_data(ssl));
  if (is_sent == 0 && type == SSL3_RT_HANDSHAKE && stream->state_ == State::open) stream->count_message();
}

void TlsStream::count_message() {
  const int64_t now_ms = environment_.wheel().now_ms();
  if (now_ms - counted_from_ms_ >= kMessageWindowMs) {
    counted_from_ms_ = now_ms;
    messages_ = 0;
  }
  if (++messages_ > kMostMessages) wire_.is_cut = true;
}

// Bytes ---------------------------------------------------------------------------------------------------------------

IoResult TlsStream::read(char* into, size_t most) {
  if (has_ended_) {
    readable_ = false;
    return {IoResult::Status::end, 0, 0};
  }
  if (state_ == State::broken) return {IoResult::Status::failed, 0, error_};
  // Nothing is known to be there: who asks all the same wants a look at the socket (look_again).
  if (!inner_->is_readable() && SSL_has_pending(ssl_) == 0) inner_->look_again();
  size_t got = 0;
  const int result = SSL_read_ex(ssl_, into, most, &got);
  if (result != 1) return after_read(result);
  readable_ = inner_->is_readable() || SSL_has_pending(ssl_) == 1;
  idle_.set(kBuffersIdleMs);
  return {IoResult::Status::ok, got, 0};
}

IoResult TlsStream::after_read(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ: readable_ = false; return {IoResult::Status::would_block, 0, 0};
    case SSL_ERROR_WANT_WRITE:
      readable_ = false;
      read_waits_for_write_ = true;
      return {IoResult::Status::would_block, 0, 0};
    case SSL_ERROR_ZERO_RETURN:
      readable_ = false;
      closed_ = has_ended_ = true;
      return {IoResult::Status::end, 0, 0};
    default: note_library_error(); return {IoResult::Status::failed, 0, error_};
  }
}

IoResult TlsStream::write(const struct iovec* pieces, int count) {
  if (state_ == State::broken) return {IoResult::Status::failed, 0, error_};
  const iovec record = gather_record(pieces, count, environment_.scratch());
  size_t written = 0;
  const int result = SSL_write_ex(ssl_, record.iov_base, record.iov_len, &written);
  if (result != 1) return after_write(result);
  idle_.set(kBuffersIdleMs);
  return {IoResult::Status::ok, written, 0};
}

IoResult TlsStream::after_write(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_WRITE: writable_ = false; return {IoResult::Status::would_block, 0, 0};
    case SSL_ERROR_WANT_READ:
      writable_ = false;
      write_waits_for_read_ = true;
      return {IoResult::Status::would_block, 0, 0};
    case SSL_ERROR_SYSCALL: {
      // The wire takes nothing more; what the peer had sent may still be read.
      ERR_clear_error();
      return {IoResult::Status::failed, 0, wire_.error == 0 ? EPIPE : wire_.error};
    }
    default: note_library_error(); return {IoResult::Status::failed, 0, error_};
  }
}

int TlsStream::finish_connect() {
  if (state_ == State::broken) return error_;
  return inner_->finish_connect();
}

void TlsStream::on_deadline(Deadline&) {
  // Does nothing while a record is incomplete, in either direction.
  if (state_ == State::open) SSL_free_buffers(ssl_);
}

// The end -------------------------------------------------------------------------------------------------------------

void TlsStream::shutdown_write() {
  if (state_ != State::open) return inner_->shutdown_write();
  wants_close_notify_ = true;
  send_close_notify();
}

void TlsStream::send_close_notify() {
  const int result = SSL_shutdown(ssl_);
  if (result < 0 && SSL_get_error(ssl_, result) == SSL_ERROR_WANT_WRITE) return;
  if (result < 0) ERR_clear_error();
  wants_close_notify_ = false;
  inner_->shutdown_write();
}

void TlsStream::reset_on_close() {
  resets_ = true;
  inner_->reset_on_close();
}

void TlsStream::close_early() {
  if (state_ == State::open && !resets_ && SSL_shutdown(ssl_) < 0) ERR_clear_error();
  if (state_ != State::broken) break_off(ECONNABORTED, "closed");
  if (inner_ != nullptr) inner_->close_early();
}

}  // namespace halfdoor
