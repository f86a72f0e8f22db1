// A steady exchange allocates nothing: heads are views, vectors and blocks are kept (design 2.4).
#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>

#include "http/client_codec.h"
#include "http/semantics.h"
#include "http/server_codec.h"

namespace {

size_t allocations = 0;

}  // namespace

void* operator new(size_t bytes) {
  ++allocations;
  if (void* const memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(bytes == 0 ? 1 : bytes);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace halfdoor::test {
namespace {

struct Exchange {
  BlockPool pool;
  Arena arena;
  RequestHead request;
  ResponseHead response;
  RequestReader requests{MessageLimits{}};
  ResponseReader responses{MessageLimits{}};
  SliceQueue to_server{pool};
  SliceQueue to_client{pool};
};

bool run(Exchange& exchange) {
  std::string_view request_text =
      "POST http://salon.example/bookings?day=1 HTTP/1.1\r\nHost: x\r\nConnection: x-a, keep-alive\r\nX-A: 1\r\n"
      "Accept: text/html\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-T: 1\r\n\r\n";
  std::string_view response_text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: x\r\n\r\nhi";
  exchange.arena.reset();
  exchange.to_server.clear();
  exchange.to_client.clear();
  exchange.requests.start(exchange.arena, exchange.request);
  exchange.responses.start(exchange.arena, exchange.response, false, false);
  bool is_right = exchange.requests.read(request_text) == ReadEvent::head;
  is_right = is_right && exchange.requests.read(request_text) == ReadEvent::body;
  is_right = is_right && exchange.requests.read(request_text) == ReadEvent::end;
  remove_hop_by_hop(exchange.request.fields);
  write_request_head(exchange.to_server, exchange.request);
  is_right = is_right && exchange.responses.read(response_text) == ReadEvent::head;
  remove_hop_by_hop(exchange.response.fields);
  const ResponseFraming framing = choose_response_framing(exchange.request, exchange.response, false);
  write_response_head(exchange.to_client, exchange.response, framing, exchange.request, "now");
  is_right = is_right && exchange.responses.read(response_text) == ReadEvent::body;
  exchange.to_client.append(exchange.responses.body());
  return is_right && exchange.responses.read(response_text) == ReadEvent::end;
}

}  // namespace

TEST_CASE("a steady exchange allocates nothing") {
  Exchange exchange;
  bool is_right = run(exchange) && run(exchange);
  const size_t before = allocations;
  for (int i = 0; i < 100; ++i) is_right = run(exchange) && is_right;
  const size_t after = allocations;
  CHECK(is_right);
  CHECK(after - before == 0);
  CHECK(before > 0);
}

}  // namespace halfdoor::test
