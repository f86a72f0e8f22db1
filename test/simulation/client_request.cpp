#include "simulation/client_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace halfdoor {

namespace {

constexpr std::string_view kHosts[] = {"salon.example", "shop.example"};

template <size_t N>
const char* any_of(Dice& dice, const char* const (&texts)[N]) {
  return texts[dice.below(N)];
}

// Makes one request; lives for one call.
class Maker {
 public:
  Maker(Dice& dice, int id, size_t service, RequestKind kind, bool is_http10) : dice_(dice), is_http10_(is_http10) {
    made_.record.id = id;
    made_.record.service = service;
    made_.record.kind = kind;
    record_.method = "GET";
    record_.target = fmt::format("/{}/{}", kind == RequestKind::read ? "r" : "w", id);
  }

  ClientRequest make() {
    choose_words();
    choose_body_size();
    choose_fields();
    made_.head = fmt::format("{} {} HTTP/1.{}\r\nHost: {}\r\n{}\r\n", record_.method, record_.target,
                             is_http10_ ? 0 : 1, kHosts[record_.service], fields_);
    if (has_body_) made_.body = is_chunked_ ? chunks() : body();
    return std::move(made_);
  }

 private:
  // Method, target, and how the body begins.
  void choose_words() {
    static constexpr const char* kReads[] = {"GET", "GET", "GET", "HEAD", "OPTIONS"};
    static constexpr const char* kWrites[] = {"POST", "POST", "PUT", "DELETE", "PATCH", "post", "PROPFIND"};
    const bool is_graphql = has_graphql_path(record_.id);
    switch (record_.kind) {
      case RequestKind::read:
        if (is_graphql) return ask_graphql("?query=query%20A%7Ba%7D");
        record_.method = any_of(dice_, kReads);
        return;
      case RequestKind::write:
        record_.method = any_of(dice_, kWrites);
        has_body_ = record_.method[0] == 'P';
        return;
      case RequestKind::allowed:
      case RequestKind::hidden_override:
        record_.method = "POST";
        has_body_ = true;
        return is_graphql ? say_graphql() : fill_a_form();
      case RequestKind::denied:
        if (is_graphql) return ask_graphql("?query=mutation%7Ba%7D");
        record_.target = fmt::format("/logout/{}", record_.id);
        return;
      case RequestKind::overridden: return override_method();
      case RequestKind::read_with_body: has_body_ = true; return;
      case RequestKind::tunnel: return shake_hands();
      case RequestKind::local: record_.target = "/.well-known/halfdoor"; return;
      case RequestKind::hostile: return;
    }
  }

  void ask_graphql(std::string_view query) { record_.target = graphql_path(record_.id) + std::string(query); }

  void say_graphql() {
    record_.target = graphql_path(record_.id);
    static constexpr const char* kQueries[] = {R"({"query":"{ a { b } }"})",
                                               R"({"query":"query A($x: Int) { a(x: $x) }","variables":{"x":1}})",
                                               R"([{"query":"{ a }"},{"query":"query { b }"}])"};
    static constexpr const char* kMutations[] = {
        R"({"query":"mutation { a }"})", R"([{"query":"{ a }"},{"query":"mutation { b }"}])",
        R"({"query":"query A { a } mutation B { b }","operationName":"B"})", R"({"query":"subscription { a }"})"};
    const bool is_query = record_.kind == RequestKind::allowed;
    if (dice_.chance(250)) return say_whole("application/graphql", is_query ? "query A { a }" : "mutation A { a }");
    say_whole("application/json", is_query ? any_of(dice_, kQueries) : any_of(dice_, kMutations));
  }

  void fill_a_form() {
    record_.target = fmt::format("/search/{}", record_.id);
    const bool hides = record_.kind == RequestKind::hidden_override;
    const std::string text = pattern(request_key(record_.id), 0, static_cast<uint64_t>(dice_.skewed(1, 3'000)));
    switch (dice_.below(6)) {
      case 0:
        return say_whole(
            "application/json",
            fmt::format(R"({{"text":"{}"{}}})", text, hides ? R"(,"\u005fmethod":"DELETE")" : R"(,"method":"DELETE")"));
      case 1:
        return say_whole("multipart/form-data; boundary=xyz",
                         fmt::format("--xyz\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n{}\r\n--xyz\r\n"
                                     "Content-Disposition: form-data; name=\"{}\"\r\n\r\nDELETE\r\n--xyz--\r\n",
                                     text, hides ? "_method" : "method"));
      case 2:
        // Not looked into.
        if (!hides) fields_ = "Content-Type: text/plain\r\n";
        break;
      case 3: break;
      default: fields_ = "Content-Type: application/x-www-form-urlencoded\r\n";
    }
    if (hides) record_.body_begin = dice_.chance(500) ? "_method=DELETE&" : "%5fmethod=put&a=";
  }

  void say_whole(std::string_view type, std::string body) {
    fields_ = fmt::format("Content-Type: {}\r\n", type);
    record_.body_size = body.size();
    record_.body_begin = std::move(body);
  }

  void override_method() {
    if (dice_.chance(400)) {
      record_.target += "?_method=DELETE";
      return;
    }
    record_.method = dice_.chance(500) ? "GET" : "POST";
    fields_ = dice_.chance(500) ? "X-HTTP-Method-Override: DELETE\r\n" : "X-Method-Override: PUT\r\n";
  }

  void shake_hands() {
    record_.target = fmt::format("/ws/{}", record_.id);
    fields_ =
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    if (!dice_.chance(400)) return;
    made_.early = pattern(request_key(record_.id), 0, static_cast<uint64_t>(dice_.skewed(1, 2'000)));
  }

  void choose_body_size() {
    if (!has_body_ || record_.body_size > 0) return;
    record_.body_size = static_cast<uint64_t>(dice_.chance(850) ? dice_.skewed(1, 2'000) : dice_.skewed(1, 90'000));
    const bool may_be_looked_into =
        record_.kind == RequestKind::allowed || record_.kind == RequestKind::hidden_override;
    if (may_be_looked_into) record_.body_size = std::min<uint64_t>(record_.body_size + 20, 30'000);
  }

  void choose_fields() {
    const bool is_tunnel = record_.kind == RequestKind::tunnel;
    is_chunked_ = has_body_ && !is_http10_ && dice_.chance(350);
    made_.expects_continue = has_body_ && !is_http10_ && dice_.chance(80);
    if (made_.expects_continue) fields_ += "Expect: 100-continue\r\n";
    const bool stays = is_http10_ && dice_.chance(500);
    if (stays) fields_ += "Connection: keep-alive\r\n";
    made_.asks_close = is_http10_ ? !stays : !is_tunnel && dice_.chance(40);
    if (!is_http10_ && made_.asks_close) fields_ += "Connection: close\r\n";
    record_.takes_trailers = !is_http10_ && !is_tunnel && dice_.chance(150);
    if (record_.takes_trailers) fields_ += "TE: trailers\r\nConnection: TE\r\n";
    if (!has_body_) return;
    fields_ +=
        is_chunked_ ? "Transfer-Encoding: chunked\r\n" : fmt::format("Content-Length: {}\r\n", record_.body_size);
  }

  std::string body() const {
    std::string body = pattern(request_key(record_.id), 0, record_.body_size);
    return body.replace(0, record_.body_begin.size(), record_.body_begin);
  }

  std::string chunks() {
    const std::string whole = body();
    std::string chunks;
    for (size_t at = 0; at < whole.size();) {
      const size_t piece = std::min(whole.size() - at, static_cast<size_t>(dice_.skewed(1, 20'000)));
      chunks += fmt::format("{:x}{}\r\n{}\r\n", piece, dice_.chance(50) ? ";ext=\"a b\"" : "", whole.substr(at, piece));
      at += piece;
    }
    record_.has_trailer = dice_.chance(150);
    return chunks + (record_.has_trailer ? fmt::format("0\r\nX-Trailer: {}\r\n\r\n", record_.id) : "0\r\n\r\n");
  }

  Dice& dice_;
  const bool is_http10_;
  ClientRequest made_;
  RequestRecord& record_ = made_.record;
  std::string fields_;
  bool has_body_ = false;
  bool is_chunked_ = false;
};

}  // namespace

std::string graphql_path(int id) { return fmt::format("/graphql/{}", id); }

RequestKind choose_request_kind(Dice& dice, int id, bool has_tunnels) {
  if (has_graphql_path(id)) {
    constexpr RequestKind kKinds[] = {RequestKind::read, RequestKind::denied, RequestKind::allowed,
                                      RequestKind::hidden_override};
    return kKinds[dice.below(std::size(kKinds))];
  }
  const uint64_t thrown = dice.below(100);
  if (thrown < 45) return RequestKind::read;
  if (thrown < 75) return RequestKind::write;
  if (thrown < 82) return RequestKind::allowed;
  if (thrown < 84) return RequestKind::hidden_override;
  if (thrown < 88) return RequestKind::denied;
  if (thrown < 94) return RequestKind::overridden;
  if (thrown < 96) return RequestKind::read_with_body;
  if (thrown < 98 && has_tunnels) return RequestKind::tunnel;
  return RequestKind::local;
}

ClientRequest make_client_request(Dice& dice, int id, size_t service, RequestKind kind, bool is_http10) {
  return Maker(dice, id, service, kind, is_http10).make();
}

std::string make_hostile_request(Dice& dice, int id) {
  static constexpr const char* kHostile[] = {
      "POST /x/{} HTTP/1.1\r\nHost: salon.example\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST /x/{} HTTP/1.1\r\nHost: salon.example\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nabcde",
      "GET /x/{} HTTP/1.1\nHost: salon.example\n\n",
      "GET /x/{} HTTP/1.1\r\nHost: salon.example\r\nA : b\r\n\r\n",
      "GET /x/{} HTTP/1.1\r\nHost: salon.example\r\nHost: shop.example\r\n\r\n",
      "GET /x/{} HTTP/1.1\r\nHost: salon.example\r\nA: b\r\n c\r\n\r\n",
      "POST /x/{} HTTP/1.1\r\nHost: salon.example\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
      "GET /x/{} HTTP/3.0\r\nHost: salon.example\r\n\r\n",
      "GET /%zz/x/{} HTTP/1.1\r\nHost: salon.example\r\n\r\n",
      "GET /x/{} HTTP/1.1\r\n\r\n",
      "CONNECT /x/{} HTTP/1.1\r\nHost: salon.example\r\n\r\n",
      "GET /x/{} HTTP/1.1\r\nHost: nowhere.example\r\n\r\n"};
  return fmt::format(fmt::runtime(any_of(dice, kHostile)), id);
}

}  // namespace halfdoor
