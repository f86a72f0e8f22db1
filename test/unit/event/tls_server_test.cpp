// What a listener shows to whom: certificates by name and kind of key, protocols, versions, tickets, client
// certificates.
#include <openssl/ssl.h>

#include <catch2/catch.hpp>
#include <string>

#include "tls_fixture.h"

using namespace halfdoor;

namespace {

// The common name that a client with these wishes is shown; empty: no handshake.
std::string shown(const std::shared_ptr<TlsServerSettings>& settings, const char* name,
                  const char* signatures = nullptr) {
  const SslContext context = client_context();
  if (signatures != nullptr) REQUIRE(SSL_CTX_set1_sigalgs_list(context.get(), signatures) == 1);
  ServerSide side(settings, context.get(), name);
  if (!side.pair.shake_hands()) return {};
  const X509Handle certificate(SSL_get1_peer_certificate(side.client.ssl()));
  char text[128] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, text, sizeof(text));
  const bool is_rsa = EVP_PKEY_get_base_id(X509_get0_pubkey(certificate.get())) == EVP_PKEY_RSA;
  return std::string(text) + (is_rsa ? " RSA" : " ECDSA");
}

SslContext resuming_client(SSL_SESSION** kept) {
  SslContext made = client_context();
  SSL_CTX_set_session_cache_mode(made.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_app_data(made.get(), kept);
  SSL_CTX_sess_set_new_cb(made.get(), [](SSL* ssl, SSL_SESSION* session) {
    auto** place = static_cast<SSL_SESSION**>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    SSL_SESSION_free(*place);
    *place = session;
    return 1;
  });
  return made;
}

// Whether a client with what it has kept resumes its session at `now_ms`; it keeps what it is given.
bool resumes(const std::shared_ptr<TlsServerSettings>& settings, SSL_CTX* client, SSL_SESSION** kept, int64_t now_ms) {
  ServerSide side(settings, client, "www.salon.example", now_ms);
  if (*kept != nullptr) SSL_set_session(side.client.ssl(), *kept);
  REQUIRE(side.pair.shake_hands());
  side.pair.carry();
  side.client.read();
  // OpenSSL does not resume a session whose connection broke.
  SSL_set_shutdown(side.client.ssl(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  if (SSL_version(side.client.ssl()) == TLS1_2_VERSION) {
    SSL_SESSION_free(*kept);
    *kept = SSL_get1_session(side.client.ssl());
  }
  return SSL_session_reused(side.client.ssl()) == 1;
}

struct KeptSession {
  SSL_SESSION* session = nullptr;
  ~KeptSession() { SSL_SESSION_free(session); }
};

}  // namespace

TEST_CASE("a certificate is chosen by the name that the client asks for") {
  const auto settings =
      server_settings({make_certificate({{"first.example", "also.example"}}), make_certificate({{"*.salon.example"}}),
                       make_certificate({{"www.salon.example"}}),
                       make_certificate({{"Common.Example"}, false, -1, 90, nullptr, false, false})});
  CHECK(shown(settings, "first.example") == "first.example ECDSA");
  CHECK(shown(settings, "also.example") == "first.example ECDSA");
  CHECK(shown(settings, "www.salon.example") == "www.salon.example ECDSA");
  CHECK(shown(settings, "WWW.Salon.Example") == "www.salon.example ECDSA");
  CHECK(shown(settings, "www.salon.example.") == "www.salon.example ECDSA");
  CHECK(shown(settings, "other.salon.example") == "*.salon.example ECDSA");
  // A wildcard stands for one label.
  CHECK(shown(settings, "a.b.salon.example") == "first.example ECDSA");
  CHECK(shown(settings, "salon.example") == "first.example ECDSA");
  CHECK(shown(settings, "common.example") == "Common.Example ECDSA");
  CHECK(shown(settings, "unknown.example") == "first.example ECDSA");
  CHECK(shown(settings, "localhost") == "first.example ECDSA");
  CHECK(shown(settings, nullptr) == "first.example ECDSA");
}

TEST_CASE("RSA and ECDSA stand side by side for a name, and the client's abilities decide") {
  const auto settings =
      server_settings({make_certificate({{"www.salon.example"}, true}), make_certificate({{"*.salon.example"}}),
                       make_certificate({{"other.example"}}), make_certificate({{"other.example"}, true}),
                       make_certificate({{"alone.example"}})});
  const char* const rsa = "rsa_pss_rsae_sha256:RSA+SHA256";
  const char* const ecdsa = "ECDSA+SHA256";
  CHECK(shown(settings, "www.salon.example", rsa) == "www.salon.example RSA");
  CHECK(shown(settings, "www.salon.example", ecdsa) == "*.salon.example ECDSA");
  CHECK(shown(settings, "x.salon.example", ecdsa) == "*.salon.example ECDSA");
  CHECK(shown(settings, "other.example", rsa) == "other.example RSA");
  CHECK(shown(settings, "other.example", ecdsa) == "other.example ECDSA");
  CHECK(shown(settings, nullptr, rsa) == "www.salon.example RSA");
  CHECK(shown(settings, nullptr, ecdsa) == "*.salon.example ECDSA");
  CHECK(shown(settings, "alone.example", rsa).empty());
}

TEST_CASE("versions below the least are refused") {
  const auto settings = server_settings({make_certificate({{"www.salon.example"}})});
  const auto agrees = [&](int version) {
    SslContext context = client_context();
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_min_proto_version(context.get(), version);
    SSL_CTX_set_max_proto_version(context.get(), version);
    ServerSide side(settings, context.get());
    return side.pair.shake_hands();
  };
  CHECK_FALSE(agrees(TLS1_VERSION));
  CHECK_FALSE(agrees(TLS1_1_VERSION));
  CHECK(agrees(TLS1_2_VERSION));
  CHECK(agrees(TLS1_3_VERSION));
  settings->only_tls13 = true;
  CHECK_FALSE(agrees(TLS1_2_VERSION));
  CHECK(agrees(TLS1_3_VERSION));
}

TEST_CASE("only the intermediate list of ciphers is spoken") {
  const auto settings =
      server_settings({make_certificate({{"a.example"}, true}), make_certificate({{"a.example"}, false})});
  const auto agrees = [&](const char* cipher) {
    SslContext context = client_context();
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
    REQUIRE(SSL_CTX_set_cipher_list(context.get(), cipher) == 1);
    ServerSide side(settings, context.get());
    return side.pair.shake_hands();
  };
  CHECK(agrees("ECDHE-ECDSA-AES128-GCM-SHA256"));
  CHECK(agrees("ECDHE-RSA-AES256-GCM-SHA384"));
  CHECK(agrees("ECDHE-RSA-CHACHA20-POLY1305"));
  for (const char* weak : {"AES128-GCM-SHA256", "AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384",
                           "DHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256"}) {
    CAPTURE(weak);
    CHECK_FALSE(agrees(weak));
  }
}

TEST_CASE("ALPN agrees on what is spoken here, and a client that speaks nothing of it is refused") {
  const auto settings = server_settings({make_certificate({{"www.salon.example"}})});
  const auto agreed = [&](const std::string& offered) -> std::string {
    const SslContext context = client_context();
    ServerSide side(settings, context.get());
    SSL_set_alpn_protos(side.client.ssl(), reinterpret_cast<const unsigned char*>(offered.data()),
                        static_cast<unsigned>(offered.size()));
    if (!side.pair.shake_hands()) return "refused: " + side.client.error;
    return std::string(side.pair.stream->protocol());
  };
  CHECK(agreed("").empty());
  CHECK(agreed("\x08http/1.1") == "http/1.1");
  CHECK(agreed("\x02h2\x08http/1.1") == "http/1.1");
  CHECK(agreed("\x08http/1.0") == "http/1.0");
  CHECK(agreed("\x02h2") == "refused: tlsv1 alert no application protocol");
  settings->protocols = {"h2", "http/1.1"};
  CHECK(agreed("\x08http/1.1\x02h2") == "h2");
}

TEST_CASE("a session is resumed by any worker, also after its key has changed, and not for ever") {
  const auto settings = server_settings({make_certificate({{"www.salon.example"}})});
  constexpr int64_t kRotation = TlsTicketKeys::kRotationMs;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    settings->tickets = std::make_shared<TlsTicketKeys>();
    KeptSession kept;
    const SslContext client = resuming_client(&kept.session);
    SSL_CTX_set_max_proto_version(client.get(), version);
    // Each of these is a worker with a context of its own.
    CHECK_FALSE(resumes(settings, client.get(), &kept.session, 1000));
    CHECK(resumes(settings, client.get(), &kept.session, 2000));
    SSL_SESSION* const old = kept.session;
    SSL_SESSION_up_ref(old);
    CHECK(resumes(settings, client.get(), &kept.session, kRotation + 2000));
    CHECK(resumes(settings, client.get(), &kept.session, 2 * kRotation + 3000));
    // The ticket of the beginning is three keys old by now.
    SSL_SESSION* outdated = old;
    CHECK_FALSE(resumes(settings, client_context().get(), &outdated, 3 * kRotation + 4000));
    SSL_SESSION_free(old);
    // A ticket that was resumed under an older key was exchanged for one under the new key.
    CHECK(resumes(settings, client.get(), &kept.session, 4 * kRotation + 5000));
    CHECK_FALSE(resumes(settings, client.get(), &kept.session, 40 * kRotation));
  }
}

TEST_CASE("a ticket of another process is a full handshake, not an error") {
  const auto settings = server_settings({make_certificate({{"www.salon.example"}})});
  KeptSession kept;
  const SslContext client = resuming_client(&kept.session);
  CHECK_FALSE(resumes(settings, client.get(), &kept.session, 1000));
  settings->tickets = std::make_shared<TlsTicketKeys>();
  CHECK_FALSE(resumes(settings, client.get(), &kept.session, 2000));
  CHECK(resumes(settings, client.get(), &kept.session, 3000));
}

TEST_CASE("client certificates are asked for, required, and judged by the given authority") {
  const TlsCertificate authority = make_certificate({{"Authority"}, false, -1, 90, nullptr, true, false});
  const TlsCertificate stranger = make_certificate({{"Stranger"}, false, -1, 90, nullptr, true, false});
  const TlsCertificate good = make_certificate({{"client"}, false, -1, 90, &authority});
  const TlsCertificate expired = make_certificate({{"client"}, false, -9, -2, &authority});
  const TlsCertificate wrong = make_certificate({{"client"}, false, -1, 90, &stranger});
  const auto settings = server_settings({make_certificate({{"www.salon.example"}})});
  settings->client_ca_pem = authority.chain_pem;
  const auto gets_in = [&](const TlsCertificate* certificate) {
    const SslContext context = client_context();
    if (certificate != nullptr) {
      const BioHandle chain = read_bio(certificate->chain_pem);
      const BioHandle key = read_bio(certificate->key_pem);
      SSL_CTX_use_certificate(context.get(), next_certificate(chain.get()).get());
      const KeyHandle made(PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr));
      REQUIRE(SSL_CTX_use_PrivateKey(context.get(), made.get()) == 1);
    }
    ServerSide side(settings, context.get());
    side.pair.shake_hands();
    return side.pair.stream->state() == TlsStream::State::open;
  };
  using Verify = TlsServerSettings::ClientVerify;
  settings->client_verify = Verify::none;
  CHECK(gets_in(nullptr));
  settings->client_verify = Verify::optional;
  CHECK(gets_in(nullptr));
  CHECK(gets_in(&good));
  CHECK_FALSE(gets_in(&expired));
  CHECK_FALSE(gets_in(&wrong));
  settings->client_verify = Verify::required;
  CHECK_FALSE(gets_in(nullptr));
  CHECK(gets_in(&good));
  CHECK_FALSE(gets_in(&wrong));
}

TEST_CASE("a session from where no certificate was asked for does not get in where one is required") {
  const TlsCertificate authority = make_certificate({{"Authority"}, false, -1, 90, nullptr, true, false});
  const auto open = server_settings({make_certificate({{"www.salon.example"}})});
  const auto closed = std::make_shared<TlsServerSettings>(*open);
  closed->client_verify = TlsServerSettings::ClientVerify::required;
  closed->client_ca_pem = authority.chain_pem;
  KeptSession kept;
  const SslContext client = resuming_client(&kept.session);
  CHECK_FALSE(resumes(open, client.get(), &kept.session, 1000));
  CHECK(resumes(open, client.get(), &kept.session, 1000));
  ServerSide side(closed, client.get(), "www.salon.example");
  SSL_set_session(side.client.ssl(), kept.session);
  side.pair.shake_hands();
  CHECK(side.pair.stream->state() == TlsStream::State::broken);
}

TEST_CASE("what is wrong with a certificate or its key is said") {
  const TlsCertificate one = make_certificate({{"one.example"}});
  const TlsCertificate two = make_certificate({{"two.example"}});
  const auto problem = [](const std::string& chain, const std::string& key) {
    const Result<TlsCertificate> parsed = parse_tls_certificate(chain, key);
    return parsed ? std::string() : parsed.error().message;
  };
  CHECK(problem(one.chain_pem, one.key_pem).empty());
  CHECK(problem(one.chain_pem + two.chain_pem, one.key_pem).empty());
  CHECK(problem(one.chain_pem, two.key_pem) == "key: does not belong to the certificate (the first one of its file)");
  CHECK(problem("", one.key_pem) == "cert: has no certificate; write the name of a PEM file");
  CHECK(problem(one.key_pem, one.key_pem) == "cert: has no certificate; write the name of a PEM file");
  CHECK(problem(one.chain_pem, one.chain_pem) == "key: has no private key; write the name of a PEM file");
  std::string broken = one.chain_pem;
  broken[broken.size() / 2] = '!';
  CHECK(problem(broken, one.key_pem).starts_with("cert: a certificate cannot be read: "));
  CHECK(load_tls_certificate("/nowhere/a.pem", "/nowhere/b.pem").error().message ==
        "cert: cannot be read: No such file or directory");

  const TlsCertificate dated = make_certificate({{"x.example"}, true, -3, 5});
  CHECK(dated.kind == TlsCertificate::Kind::rsa);
  CHECK(dated.not_after - dated.not_before == 8 * 86400);
  CHECK(dated.names == std::vector<std::string>{"x.example"});
}
