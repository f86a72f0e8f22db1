// /healthz, /slow and /stream.
#include "test_endpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "fields.h"
#include "server.h"

namespace salon {

namespace {

constexpr std::int64_t max_slow_ms = 60'000;
constexpr std::int64_t max_stream_bytes = 1LL << 30;
constexpr std::int64_t piece_bytes = std::int64_t{16} * 1024;

void answer_slowly(Server& server, const ExchangePtr& exchange) {
  const std::int64_t delay_ms = number_or(parse_urlencoded(exchange->request().query), "ms", 1000, 0, max_slow_ms);
  const std::string text = fmt::format("host {} waited {} ms\n", server.options().name, delay_ms);
  server.delays().run_after(delay_ms, [exchange, text] {
    exchange->answer({200, "text/plain; charset=utf-8", text, {}});
  });
}

// The alphabet again and again: a hole or a repetition shows.
void answer_at_length(const ExchangePtr& exchange) {
  const std::int64_t bytes =
      number_or(parse_urlencoded(exchange->request().query), "bytes", 1 << 20, 0, max_stream_bytes);
  const auto sent = std::make_shared<std::int64_t>(0);
  exchange->answer_in_pieces({200, "text/plain; charset=utf-8", "", {}}, [bytes, sent] {
    std::string piece(static_cast<std::size_t>(std::min(piece_bytes, bytes - *sent)), '\0');
    for (char& letter : piece) letter = static_cast<char>('a' + (*sent)++ % 26);
    return piece;
  });
}

}  // namespace

void add_test_endpoints(Server& server) {
  server.on("GET", "/healthz", [](const Request&, const Captures&) {
    return Response{200, "text/plain; charset=utf-8", "ok\n", {{"Cache-Control", "no-store"}}};
  });
  for (const char* method : {"GET", "POST"}) {
    server.on_later(method, "/slow",
                    [&server](const ExchangePtr& exchange, const Captures&) { answer_slowly(server, exchange); });
  }
  server.on_later("GET", "/stream", [](const ExchangePtr& exchange, const Captures&) { answer_at_length(exchange); });
}

}  // namespace salon
