// TLS as a Stream: bytes in any fragments, readiness, both ends of a connection, and peers that misbehave.
#include <openssl/ssl.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <string>

#include "test/unit/filters/allocation_count.h"
#include "tls_fixture.h"

using namespace halfdoor;

namespace {

const std::shared_ptr<TlsServerSettings>& plain_settings() {
  static const auto settings = server_settings({make_certificate({{"www.salon.example"}})});
  return settings;
}

SslContext client_of_version(int version) {
  SslContext made = client_context();
  SSL_CTX_set_min_proto_version(made.get(), version);
  SSL_CTX_set_max_proto_version(made.get(), version);
  return made;
}

constexpr int kVersions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

std::string pattern(size_t bytes) {
  std::string text(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>('a' + i % 23);
  return text;
}

}  // namespace

TEST_CASE("TLS carries the same bytes in any fragments") {
  for (const int version : kVersions) {
    for (const size_t fragment : {size_t{1}, size_t{2}, size_t{7}, size_t{1000}, SIZE_MAX}) {
      CAPTURE(version, fragment);
      const SslContext context = client_of_version(version);
      ServerSide side(plain_settings(), context.get());
      REQUIRE(side.pair.shake_hands(fragment));

      side.client.write("GET / HTTP/1.1\r\n\r\n");
      side.pair.carry(fragment);
      CHECK(side.pair.read_all() == "GET / HTTP/1.1\r\n\r\n");
      CHECK_FALSE(side.pair.stream->is_readable());

      const std::string answer = pattern(40'000);
      std::string got;
      for (size_t sent = 0; sent < answer.size();) {
        const IoResult result = side.pair.write(std::string_view(answer).substr(sent));
        REQUIRE(result.status == IoResult::Status::ok);
        sent += result.bytes;
        side.pair.carry(fragment);
        got += side.client.read();
      }
      CHECK(got == answer);
    }
  }
}

TEST_CASE("a record that is complete is read at whichever byte the edge came") {
  const SslContext context = client_of_version(TLS1_3_VERSION);
  ServerSide side(plain_settings(), context.get());
  REQUIRE(side.pair.shake_hands());
  side.client.write("hello");
  const std::string record = side.client.take_output();
  for (size_t cut = 1; cut < record.size(); ++cut) {
    ServerSide other(plain_settings(), context.get());
    REQUIRE(other.pair.shake_hands());
    other.client.write("hello");
    const std::string whole = other.client.take_output();
    other.pair.wire->give(whole.substr(0, cut));
    CHECK(other.pair.read_all().empty());
    CHECK(other.pair.last.status == IoResult::Status::would_block);
    CHECK_FALSE(other.pair.stream->is_readable());
    other.pair.wire->give(whole.substr(cut));
    CHECK(other.pair.stream->is_readable());
    CHECK(other.pair.read_all() == "hello");
  }
}

TEST_CASE("a TLS stream stays readable while OpenSSL holds bytes that no edge will tell of") {
  const SslContext context = client_of_version(TLS1_3_VERSION);
  ServerSide side(plain_settings(), context.get());
  REQUIRE(side.pair.shake_hands());
  side.client.write(pattern(10'000));
  side.client.write("and another record");
  side.pair.wire->give(side.client.take_output());
  char some[4096];
  size_t got = 0;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(side.pair.stream->is_readable());
    const IoResult result = side.pair.stream->read(some, sizeof(some));
    REQUIRE(result.status == IoResult::Status::ok);
    got += result.bytes;
  }
  CHECK(got == 10'000);
  REQUIRE(side.pair.stream->is_readable());
  CHECK(side.pair.read_all() == "and another record");
  CHECK_FALSE(side.pair.stream->is_readable());
}

TEST_CASE("a small request costs one read of the wire, and a response in pieces is one record and one write") {
  const SslContext context = client_of_version(TLS1_3_VERSION);
  ServerSide side(plain_settings(), context.get());
  REQUIRE(side.pair.shake_hands());
  side.client.write("GET / HTTP/1.1\r\n\r\n");
  side.pair.wire->reads = side.pair.wire->writes = 0;
  side.pair.wire->give(side.client.take_output());
  char some[16384];
  CHECK(side.pair.stream->read(some, sizeof(some)).status == IoResult::Status::ok);
  CHECK_FALSE(side.pair.stream->is_readable());
  CHECK(side.pair.wire->reads == 1);

  std::string head = "HTTP/1.1 200 OK\r\n", fields = "Content-Length: 2\r\n\r\n", body = "ok";
  const iovec pieces[] = {
      {head.data(), head.size()}, {nullptr, 0}, {fields.data(), fields.size()}, {body.data(), body.size()}};
  const IoResult result = side.pair.stream->write(pieces, 4);
  CHECK(result.bytes == head.size() + fields.size() + body.size());
  CHECK(side.pair.wire->writes == 1);
  side.pair.carry();
  CHECK(side.client.read() == head + fields + body);
}

TEST_CASE("looking again reads the wire though no edge has come") {
  const SslContext context = client_of_version(TLS1_3_VERSION);
  ServerSide side(plain_settings(), context.get());
  REQUIRE(side.pair.shake_hands());
  side.client.write("late");
  side.pair.wire->to_us = side.client.take_output();
  side.pair.stream->look_again();
  CHECK(side.pair.read_all() == "late");
  side.pair.stream->look_again();
  CHECK(side.pair.read_all().empty());
  CHECK(side.pair.last.status == IoResult::Status::would_block);
}

TEST_CASE("a write that finds no room is repeated when there is some, and nothing is lost or sent twice") {
  for (const int version : kVersions) {
    const SslContext context = client_of_version(version);
    ServerSide side(plain_settings(), context.get());
    REQUIRE(side.pair.shake_hands());
    const std::string answer = pattern(50'000);
    std::string left = answer, got;
    side.pair.wire->room = 5;
    int edges = side.pair.handler.edges;
    while (!left.empty()) {
      // What is repeated may lie elsewhere and have grown.
      std::string copy = left;
      const size_t half = copy.size() / 2;
      const iovec pieces[] = {{copy.data(), half}, {copy.data() + half, copy.size() - half}};
      const IoResult result = side.pair.stream->write(pieces, 2);
      if (result.status == IoResult::Status::ok) {
        left.erase(0, result.bytes);
      } else {
        REQUIRE(result.status == IoResult::Status::would_block);
        REQUIRE_FALSE(side.pair.stream->is_writable());
        side.pair.wire->give_room(997);
        REQUIRE(side.pair.stream->is_writable());
        CHECK(side.pair.handler.edges > edges);
        edges = side.pair.handler.edges;
      }
      side.client.put_input(std::exchange(side.pair.wire->from_us, {}));
      got += side.client.read();
    }
    CHECK(got == answer);
  }
}

TEST_CASE("close_notify is the end of what the peer sends, with or without the end of the wire") {
  for (const int version : kVersions) {
    for (const bool with_end : {false, true}) {
      const SslContext context = client_of_version(version);
      ServerSide side(plain_settings(), context.get());
      REQUIRE(side.pair.shake_hands());
      side.client.write("last words");
      SSL_shutdown(side.client.ssl());
      side.pair.wire->give(side.client.take_output());
      if (with_end) side.pair.wire->give_end();
      CHECK(side.pair.read_all() == "last words");
      CHECK(side.pair.last.status == IoResult::Status::end);
      CHECK(side.pair.stream->is_closed());
      CHECK_FALSE(side.pair.stream->is_readable());
      // Half-closed: we may still answer.
      CHECK(side.pair.write("answer").status == IoResult::Status::ok);
      side.pair.carry();
      CHECK(side.client.read() == "answer");
    }
  }
}

TEST_CASE("the end of the wire without close_notify is a failure, as after a truncation") {
  for (const int version : kVersions) {
    const SslContext context = client_of_version(version);
    ServerSide side(plain_settings(), context.get());
    REQUIRE(side.pair.shake_hands());
    side.client.write("half of an answer");
    side.pair.wire->give(side.client.take_output());
    side.pair.wire->give_end();
    CHECK(side.pair.read_all() == "half of an answer");
    CHECK(side.pair.last.status == IoResult::Status::failed);
    CHECK(side.pair.last.error == ECONNRESET);
    CHECK(side.pair.stream->failure() == "closed without close_notify");
    CHECK(side.pair.stream->finish_connect() == ECONNRESET);
    CHECK(side.pair.write("x").status == IoResult::Status::failed);
  }
}

TEST_CASE("a reset of the wire is told as what it was") {
  const SslContext context = client_of_version(TLS1_3_VERSION);
  ServerSide side(plain_settings(), context.get());
  REQUIRE(side.pair.shake_hands());
  side.pair.wire->give_reset();
  CHECK(side.pair.stream->is_closed());
  const IoResult written = side.pair.write("x");
  CHECK(written.status == IoResult::Status::failed);
  CHECK(written.error == EPIPE);
  CHECK(side.pair.read_all().empty());
  CHECK(side.pair.last.status == IoResult::Status::failed);
}

TEST_CASE("a changed byte of a record is never given to anybody") {
  const SslContext context = client_of_version(TLS1_3_VERSION);
  ServerSide side(plain_settings(), context.get());
  REQUIRE(side.pair.shake_hands());
  side.client.write("POST /transfer");
  std::string record = side.client.take_output();
  record[record.size() / 2] ^= 1;
  side.pair.wire->give(record);
  CHECK(side.pair.read_all().empty());
  CHECK(side.pair.last.status == IoResult::Status::failed);
}

TEST_CASE("our end is a close_notify and then the end of the wire") {
  for (const bool is_early : {false, true}) {
    const SslContext context = client_of_version(TLS1_3_VERSION);
    ServerSide side(plain_settings(), context.get());
    REQUIRE(side.pair.shake_hands());
    is_early ? side.pair.stream->close_early() : side.pair.stream->shutdown_write();
    CHECK((is_early ? side.pair.wire->was_closed : side.pair.wire->was_shut));
    side.client.put_input(side.pair.wire->from_us);
    side.client.read();
    CHECK(side.client.saw_close_notify());
    if (is_early) continue;
    // What the client still sends is read.
    side.client.write("more");
    side.pair.wire->give(side.client.take_output());
    CHECK(side.pair.read_all() == "more");
  }
}

TEST_CASE("a close_notify that finds no room goes out when there is some") {
  const SslContext context = client_of_version(TLS1_3_VERSION);
  ServerSide side(plain_settings(), context.get());
  REQUIRE(side.pair.shake_hands());
  side.pair.wire->room = 3;
  side.pair.stream->shutdown_write();
  CHECK_FALSE(side.pair.wire->was_shut);
  side.pair.wire->give_room(100);
  CHECK(side.pair.wire->was_shut);
  side.client.put_input(side.pair.wire->from_us);
  side.client.read();
  CHECK(side.client.saw_close_notify());
}

TEST_CASE("a stream that is to be reset says nothing that reads as an end") {
  const SslContext context = client_of_version(TLS1_3_VERSION);
  ServerSide side(plain_settings(), context.get());
  REQUIRE(side.pair.shake_hands());
  side.pair.stream->reset_on_close();
  side.pair.stream->close_early();
  CHECK(side.pair.wire->was_reset);
  CHECK(side.pair.wire->from_us.empty());
}

TEST_CASE("a response that stopped in the middle of a record is not ended by close_notify") {
  const SslContext context = client_of_version(TLS1_3_VERSION);
  ServerSide side(plain_settings(), context.get());
  REQUIRE(side.pair.shake_hands());
  side.pair.wire->room = 100;
  CHECK(side.pair.write(pattern(1000)).status == IoResult::Status::would_block);
  side.pair.wire->room = 1000;
  side.pair.stream->close_early();
  side.client.put_input(side.pair.wire->from_us);
  CHECK(side.client.read().empty());
  CHECK_FALSE(side.client.saw_close_notify());
}

TEST_CASE("renegotiation is refused, and the connection goes on as it was") {
  const SslContext context = client_of_version(TLS1_2_VERSION);
  ServerSide side(plain_settings(), context.get());
  REQUIRE(side.pair.shake_hands());
  SSL_renegotiate(side.client.ssl());
  side.client.handshake();
  side.pair.wire->give(side.client.take_output());
  CHECK(side.pair.read_all().empty());
  CHECK(side.pair.last.status == IoResult::Status::would_block);
  CHECK(side.pair.stream->state() == TlsStream::State::open);
  side.client.put_input(std::exchange(side.pair.wire->from_us, {}));
  side.client.handshake();
  CHECK(side.client.error == "no renegotiation");
}

TEST_CASE("new keys are taken up, and a flood of them is cut") {
  const SslContext context = client_of_version(TLS1_3_VERSION);
  ServerSide side(plain_settings(), context.get());
  REQUIRE(side.pair.shake_hands());
  const auto update = [&](int times) {
    for (int i = 0; i < times; ++i) {
      REQUIRE(SSL_key_update(side.client.ssl(), SSL_KEY_UPDATE_REQUESTED) == 1);
      side.client.handshake();
    }
    side.pair.wire->give(side.client.take_output());
    return side.pair.read_all();
  };
  for (int round = 0; round < 4; ++round) {
    CHECK(update(20).empty());
    REQUIRE(side.pair.stream->state() == TlsStream::State::open);
    // Our answer goes with what we write next, under new keys of ours.
    REQUIRE(side.pair.write("still here").status == IoResult::Status::ok);
    side.client.put_input(std::exchange(side.pair.wire->from_us, {}));
    CHECK(side.client.read() == "still here");
    side.wheel.set_now(side.wheel.now_ms() + 10'001);
  }
  CHECK(update(33).empty());
  CHECK(side.pair.last.status == IoResult::Status::failed);
  CHECK(side.pair.stream->failure() == "too many TLS messages that are no data");
}

TEST_CASE("what is not TLS is refused, plain HTTP is known as such") {
  const std::string old_hello = "\x80\x2e\x01\x03\x01" + std::string(60, '\1');
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string("POST /x HTTP/1.1\r\n\r\n"),
        std::string("SSH-2.0-OpenSSH_9.2\r\n"), old_hello, std::string("\r\n\r\n\r\n\r\n")}) {
    CAPTURE(bytes);
    const SslContext context = client_context();
    ServerSide side(plain_settings(), context.get());
    side.pair.wire->give(bytes);
    CHECK(side.pair.stream->handshake() == TlsStream::State::broken);
    CHECK(side.pair.stream->got_plain_http() == (bytes.find("HTTP") != std::string::npos));
    CHECK_FALSE(side.pair.stream->failure().empty());
    const std::unique_ptr<Stream> inner = side.pair.stream->take_inner();
    CHECK(inner.get() == side.pair.wire);
    side.pair.stream.reset();
    CHECK(ERR_peek_error() == 0);
  }
}

TEST_CASE("a client that leaves during the handshake is told apart from one that cannot do TLS") {
  const SslContext context = client_context();
  ServerSide side(plain_settings(), context.get());
  side.client.handshake();
  side.pair.wire->give(side.client.take_output());
  CHECK(side.pair.stream->handshake() == TlsStream::State::handshaking);
  side.pair.wire->give_end();
  CHECK(side.pair.stream->handshake() == TlsStream::State::broken);
  CHECK(side.pair.stream->failure() == "closed during the TLS handshake");
  CHECK_FALSE(side.pair.stream->got_plain_http());
}

TEST_CASE("the buffers of OpenSSL are given back after a second without a byte, and nothing is lost by it") {
  const SslContext context = client_of_version(TLS1_3_VERSION);
  ServerSide side(plain_settings(), context.get());
  REQUIRE(side.pair.shake_hands());
  const auto pass = [&](int64_t ms) {
    side.wheel.set_now(side.wheel.now_ms() + ms);
    side.wheel.fire_due();
  };
  side.client.write("one");
  const std::string record = side.client.take_output();
  side.pair.wire->give(record.substr(0, 10));
  CHECK(side.pair.read_all().empty());
  pass(5000);
  side.pair.wire->give(record.substr(10));
  CHECK(side.pair.read_all() == "one");
  pass(5000);
  CHECK(side.wheel.count_set() == 0);
  side.client.write("two");
  side.pair.carry();
  CHECK(side.pair.read_all() == "two");
  CHECK(side.wheel.count_set() == 1);
}

TEST_CASE("an exchange over TLS makes no allocation of ours") {
  const SslContext context = client_of_version(TLS1_3_VERSION);
  ServerSide side(plain_settings(), context.get());
  REQUIRE(side.pair.shake_hands());
  std::string answer = pattern(2000);
  const iovec pieces[] = {{answer.data(), 200}, {answer.data() + 200, answer.size() - 200}};
  char some[4096];
  side.pair.wire->from_us.reserve(100'000);
  for (int i = 0; i < 3; ++i) {
    side.client.write("GET / HTTP/1.1\r\n\r\n");
    side.pair.wire->give(side.client.take_output());
    const size_t before = allocation_count();
    const IoResult asked = side.pair.stream->read(some, sizeof(some));
    const IoResult written = side.pair.stream->write(pieces, 2);
    const size_t after = allocation_count();
    CHECK(asked.bytes == 18);
    CHECK(written.bytes == answer.size());
    if (i > 0) CHECK(after == before);
  }
}
