// Certificates, a wire in memory, and the far end of a TLS connection played by OpenSSL itself.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "event/tls_certificate.h"
#include "event/tls_client_context.h"
#include "event/tls_handles.h"
#include "event/tls_server_context.h"
#include "event/tls_stream.h"

namespace halfdoor {

struct CertificateSpec {
  std::vector<std::string> names;  // the first is the common name, too; "IP:127.0.0.1" for an address
  bool is_rsa = false;
  int valid_from_days = -1;
  int valid_for_days = 90;
  const TlsCertificate* issuer = nullptr;  // null: signs itself
  bool is_authority = false;
  bool has_alternative_names = true;
};
TlsCertificate make_certificate(const CertificateSpec& spec);

// What a socket would be: bytes come in pieces, room may be short. Edges as those of a socket.
class FakeWire final : public Stream {
 public:
  std::string to_us;    // sent by the far end, not yet read
  std::string from_us;  // written, not yet taken by the far end
  size_t room = SIZE_MAX;
  size_t most_per_read = SIZE_MAX;
  int reads = 0;
  int writes = 0;
  int connect_error = 0;
  bool is_connected = true;
  bool was_shut = false;
  bool was_reset = false;
  bool was_closed = false;

  FakeWire() { writable_ = true; }
  void begin_connecting() {
    is_connected = false;
    writable_ = false;
  }
  void connected() {
    is_connected = writable_ = true;
    edge();
  }
  void give(std::string_view bytes) {
    if (bytes.empty()) return;
    to_us.append(bytes);
    readable_ = true;
    edge();
  }
  void give_end() {
    has_end_ = true;
    readable_ = closed_ = true;
    edge();
  }
  void give_reset() {
    is_broken_ = true;
    readable_ = closed_ = writable_ = true;
    edge();
  }
  void give_room(size_t bytes) {
    room += bytes;
    writable_ = true;
    edge();
  }

  IoResult read(char* into, size_t most) override;
  IoResult write(const struct iovec* pieces, int count) override;
  int finish_connect() override { return connect_error; }
  void shutdown_write() override { was_shut = true; }
  void reset_on_close() override { was_reset = true; }
  void close_early() override { was_closed = true; }

 private:
  void edge() {
    if (handler_ != nullptr) handler_->on_stream_ready();
  }
  bool has_end_ = false;
  bool is_broken_ = false;
};

// The far end: plain OpenSSL on memory BIOs.
class FarEnd {
 public:
  FarEnd(SSL_CTX* context, bool is_server);
  ~FarEnd() { SSL_free(ssl_); }
  FarEnd(const FarEnd&) = delete;
  FarEnd& operator=(const FarEnd&) = delete;

  SSL* ssl() { return ssl_; }
  // Goes as far as it can with what has come; whether the handshake is done.
  bool handshake();
  void write(std::string_view text);
  // Everything that can be read now.
  std::string read();
  bool saw_close_notify() const { return (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0; }
  std::string take_output();
  void put_input(std::string_view bytes);
  // The last thing that went wrong, in OpenSSL's words.
  std::string error;

 private:
  SSL* ssl_;
};

using SslContext = std::unique_ptr<SSL_CTX, OpensslFree<SSL_CTX_free>>;
SslContext client_context();
SslContext server_context(const TlsCertificate& certificate);

struct CountingHandler final : Stream::Handler {
  int edges = 0;
  void on_stream_ready() override { ++edges; }
};

// A TlsStream, its wire and its far end.
struct TlsPair {
  TlsPair(TlsStream::Role role, FarEnd& far) : role_(role), far_end(far) {}

  // Takes the stream of a context made on `wire`.
  void attach(std::unique_ptr<Stream> made) {
    stream.reset(static_cast<TlsStream*>(made.release()));
    stream->set_handler(&handler);
  }
  std::unique_ptr<Stream> make_wire() {
    auto made = std::make_unique<FakeWire>();
    wire = made.get();
    return made;
  }
  // Carries bytes both ways until nothing moves, at most `fragment` at a time.
  void carry(size_t fragment = SIZE_MAX);
  // Until both ends are done; whether they are.
  bool shake_hands(size_t fragment = SIZE_MAX);
  // Everything that the stream has to read now; stops at anything but ok.
  std::string read_all(size_t most = 65536);
  IoResult write(std::string_view text) const {
    const iovec piece{const_cast<char*>(text.data()), text.size()};
    return stream->write(&piece, 1);
  }

  const TlsStream::Role role_;
  FarEnd& far_end;
  CountingHandler handler;
  std::unique_ptr<TlsStream> stream;
  FakeWire* wire = nullptr;
  IoResult last;
};

// A listener's settings with these certificates.
std::shared_ptr<TlsServerSettings> server_settings(std::vector<TlsCertificate> certificates);

// A server's end that has shaken hands with a client, or has failed to.
struct ServerSide {
  explicit ServerSide(const std::shared_ptr<const TlsServerSettings>& settings, SSL_CTX* client,
                      const char* server_name = nullptr, int64_t now_ms = 1000);

  TimerWheel wheel;
  TlsEnvironment environment{wheel};
  std::unique_ptr<TlsServerContext> context;
  FarEnd client;
  TlsPair pair{TlsStream::Role::server, client};
};

}  // namespace halfdoor
