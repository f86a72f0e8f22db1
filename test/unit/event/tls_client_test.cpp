// TLS to servers: whom halfdoor believes, what it says of those it does not, and sessions that go on.
#include <openssl/ssl.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <string>

#include "tls_fixture.h"

using namespace halfdoor;

namespace {

const TlsCertificate& authority() {
  static const TlsCertificate made = make_certificate({{"Authority"}, false, -100, 90, nullptr, true, false});
  return made;
}

std::shared_ptr<TlsClientSettings> trusting(const TlsCertificate& whom) {
  auto settings = std::make_shared<TlsClientSettings>();
  settings->trust = TlsTrust::from_pem(whom.chain_pem).value();
  return settings;
}

// A worker's end that has connected to a server, or has failed to.
struct ClientSide {
  ClientSide(const std::shared_ptr<const TlsClientSettings>& settings, SSL_CTX* far_context, TlsPeer& peer,
             bool begins = true)
      : server(far_context, /*is_server=*/true) {
    context = std::move(TlsClientContext::make(settings, environment).value());
    std::unique_ptr<Stream> inner = pair.make_wire();
    pair.wire->begin_connecting();
    pair.attach(context->connect(std::move(inner), peer));
    if (!begins) return;
    pair.wire->connected();
    pair.carry();
  }
  bool is_open() const { return pair.stream->state() == TlsStream::State::open; }
  std::string failure() const { return std::string(pair.stream->failure()); }

  TimerWheel wheel{1000};
  TlsEnvironment environment{wheel};
  std::unique_ptr<TlsClientContext> context;
  FarEnd server;
  TlsPair pair{TlsStream::Role::client, server};
};

std::string failure_of(const CertificateSpec& spec, const std::string& name,
                       const std::shared_ptr<TlsClientSettings>& settings = trusting(authority())) {
  const SslContext far_context = server_context(make_certificate(spec));
  TlsPeer peer(name);
  ClientSide side(settings, far_context.get(), peer);
  if (side.is_open()) return "open";
  CHECK(side.pair.stream->finish_connect() != 0);
  CHECK(side.pair.handler.edges == 1);
  // Nothing may go to whom we do not believe.
  CHECK(side.pair.write("POST / HTTP/1.1\r\n\r\n").status == IoResult::Status::failed);
  side.pair.carry();
  CHECK(side.server.read().empty());
  return side.failure();
}

}  // namespace

TEST_CASE("a server is believed by its name and who signed for it") {
  CHECK(failure_of({{"a.example"}, false, -1, 90, &authority()}, "a.example") == "open");
  CHECK(failure_of({{"x.example", "a.example"}, false, -1, 90, &authority()}, "A.example") == "open");
  CHECK(failure_of({{"*.example.org"}, false, -1, 90, &authority()}, "a.example.org") == "open");
  CHECK(failure_of({{"IP:127.0.0.1"}, false, -1, 90, &authority()}, "127.0.0.1") == "open");
  CHECK(failure_of({{"a.example"}, true, -1, 90, &authority()}, "a.example") == "open");
}

TEST_CASE("why a server is not believed is named") {
  CHECK(failure_of({{"b.example"}, false, -1, 90, &authority()}, "a.example") == "hostname mismatch");
  CHECK(failure_of({{"IP:127.0.0.2"}, false, -1, 90, &authority()}, "127.0.0.1") == "IP address mismatch");
  CHECK(failure_of({{"a.example"}, false, -9, -2, &authority()}, "a.example") == "certificate has expired");
  CHECK(failure_of({{"a.example"}, false, 3, 90, &authority()}, "a.example") == "certificate is not yet valid");
  CHECK(failure_of({{"a.example"}}, "a.example") == "self-signed certificate");
  const TlsCertificate stranger = make_certificate({{"Stranger"}, false, -1, 90, nullptr, true, false});
  CHECK(failure_of({{"a.example"}, false, -1, 90, &stranger}, "a.example") == "unable to get local issuer certificate");
}

TEST_CASE("without verification anybody is believed, because the operator said so") {
  CHECK(failure_of({{"b.example"}, false, -9, -2}, "a.example", std::make_shared<TlsClientSettings>()) == "open");
}

TEST_CASE("a server is asked for by its name, never by its address") {
  const SslContext far_context = server_context(make_certificate({{"a.example", "IP:10.0.0.1"}}));
  TlsPeer named("a.example"), address("10.0.0.1"), nameless("");
  const auto settings = std::make_shared<TlsClientSettings>();
  ClientSide side(settings, far_context.get(), named);
  CHECK(std::string(SSL_get_servername(side.server.ssl(), TLSEXT_NAMETYPE_host_name)) == "a.example");
  ClientSide other(settings, far_context.get(), address);
  REQUIRE(other.is_open());
  CHECK(SSL_get_servername(other.server.ssl(), TLSEXT_NAMETYPE_host_name) == nullptr);
  ClientSide third(settings, far_context.get(), nameless);
  CHECK(third.is_open());
}

TEST_CASE("bytes go both ways once the handshake is done, and not before") {
  const SslContext far_context = server_context(make_certificate({{"a.example"}, false, -1, 90, &authority()}));
  TlsPeer peer("a.example");
  ClientSide side(trusting(authority()), far_context.get(), peer, /*begins=*/false);
  CHECK_FALSE(side.pair.stream->is_writable());
  CHECK(side.pair.stream->finish_connect() == 0);
  side.pair.wire->connected();
  CHECK_FALSE(side.pair.stream->is_writable());
  CHECK(side.pair.handler.edges == 0);
  side.pair.carry();
  CHECK(side.pair.handler.edges >= 1);
  REQUIRE(side.pair.stream->is_writable());
  CHECK(side.pair.write("GET / HTTP/1.1\r\n\r\n").status == IoResult::Status::ok);
  side.pair.carry();
  CHECK(side.server.read() == "GET / HTTP/1.1\r\n\r\n");
  side.server.write("HTTP/1.1 200 OK\r\n\r\n");
  side.pair.carry();
  CHECK(side.pair.read_all() == "HTTP/1.1 200 OK\r\n\r\n");
  // Tickets came with it: they are nothing to read, and the connection may wait in a pool.
  CHECK_FALSE(side.pair.stream->is_readable());
  CHECK_FALSE(side.pair.stream->is_closed());
}

TEST_CASE("a server that cannot be connected to is told as that") {
  const SslContext far_context = server_context(make_certificate({{"a.example"}}));
  TlsPeer peer("a.example");
  ClientSide side(std::make_shared<TlsClientSettings>(), far_context.get(), peer, /*begins=*/false);
  side.pair.wire->connect_error = ECONNREFUSED;
  side.pair.wire->connected();
  CHECK(side.pair.stream->finish_connect() == ECONNREFUSED);
  CHECK(side.failure().empty());
}

TEST_CASE("a server that speaks plain HTTP, or closes, is named") {
  const SslContext far_context = server_context(make_certificate({{"a.example"}}));
  TlsPeer peer("a.example");
  ClientSide side(std::make_shared<TlsClientSettings>(), far_context.get(), peer, /*begins=*/false);
  side.pair.wire->connected();
  side.pair.wire->give("HTTP/1.1 400 Bad Request\r\n\r\n");
  CHECK(side.pair.stream->finish_connect() != 0);
  CHECK(side.failure() == "wrong version number");

  ClientSide other(std::make_shared<TlsClientSettings>(), far_context.get(), peer, /*begins=*/false);
  other.pair.wire->connected();
  other.pair.wire->give_end();
  CHECK(other.failure() == "closed during the TLS handshake");
}

TEST_CASE("the next connection to a server resumes the session of the last") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const SslContext far_context = server_context(make_certificate({{"a.example"}, false, -1, 90, &authority()}));
    SSL_CTX_set_max_proto_version(far_context.get(), version);
    TlsPeer peer("a.example"), other("a.example");
    const auto settings = trusting(authority());
    const auto is_resumed = [&](TlsPeer& with) {
      ClientSide side(settings, far_context.get(), with);
      REQUIRE(side.is_open());
      side.server.write("x");
      side.pair.carry();
      CHECK(side.pair.read_all() == "x");
      side.pair.stream->close_early();
      return SSL_session_reused(side.server.ssl()) == 1;
    };
    CHECK_FALSE(is_resumed(peer));
    CHECK(is_resumed(peer));
    CHECK(is_resumed(peer));
    CHECK_FALSE(is_resumed(other));
  }
}

TEST_CASE("a server that asks for a certificate gets ours") {
  const TlsCertificate ours = make_certificate({{"halfdoor"}, false, -1, 90, &authority()});
  const SslContext far_context = server_context(make_certificate({{"a.example"}, false, -1, 90, &authority()}));
  const auto trust = TlsTrust::from_pem(authority().chain_pem).value();
  SSL_CTX_set1_cert_store(far_context.get(), trust->store());
  SSL_CTX_set_verify(far_context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  TlsPeer peer("a.example");
  const auto settings = trusting(authority());
  settings->certificate = ours;
  ClientSide side(settings, far_context.get(), peer);
  CHECK(side.is_open());
  CHECK(SSL_is_init_finished(side.server.ssl()) == 1);
  const auto without = trusting(authority());
  ClientSide other(without, far_context.get(), peer);
  CHECK(SSL_is_init_finished(other.server.ssl()) == 0);
}
