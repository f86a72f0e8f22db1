// The worst input for every filter: what one request may cost, counted against what reading a head costs.
#include <catch2/catch.hpp>

#include "filters/chain.h"
#include "filters/notice.h"
#include "http/semantics.h"
#include "test/unit/cpu_time.h"
#include "test/unit/filters/filter_fixture.h"

namespace halfdoor {
namespace {

struct Row {
  const char* name;
  std::string line;
  std::string fields;
};

std::string many(std::string_view name, std::string_view value) {
  std::string fields;
  for (int i = 0; i < 95; ++i) fields.append(name).append(": ").append(value).append("\n");
  return fields;
}

std::vector<Row> worst_inputs() {
  constexpr size_t kValue = 30'000;
  constexpr size_t kLine = 300;  // of ninety-five
  return {
      {"types", "POST /", "Accept: " + repeated("text/*;q=0.1,", kValue) + "*/*\n"},
      {"types over many fields", "POST /", many("Accept", repeated("a/b;q=0.001,", kLine) + "a/c")},
      {"types of parameters", "POST /", "Accept: text/html" + repeated(";a=b", kValue) + "\n"},
      {"quoted types", "POST /", "Accept: a/b;c=\"" + repeated("\\\",", kValue) + "\"\n"},
      {"languages", "POST /", "Accept: text/html\nAccept-Language: " + repeated("x-y;q=0.1,", kValue) + "de\n"},
      {"languages over many fields", "POST /", many("Accept-Language", repeated("de-a;q=0,", kLine) + "it")},
      {"one endless language", "POST /", "Accept-Language: " + repeated("de-", kValue) + "\n"},
      {"an endless origin", "POST /", "Origin: https://" + repeated("a.", kValue) + "\n"},
      {"connection options", "GET /", "Connection: " + repeated("X-A,", 240) + "X-B\n" + many("X-C", "1")},
      {"long connection options", "GET /", "Connection: " + repeated(std::string(400, 'x') + ",", 24'500) + "y\n"},
      {"a chain of proxies", "GET /", "X-Forwarded-For: " + repeated("10.0.0.1, ", kValue) + "10.0.0.2\n"},
      {"chains over many fields", "GET /", many("Forwarded", repeated("for=1.2.3.4;by=\"[::1]\",", kLine) + "for=_x")},
      {"an endless request id", "GET /", "X-Request-Id: " + std::string(kValue, 'i') + "\n"},
      {"types of a body", "POST /", "Content-Type: " + repeated("application/json;", kValue) + "\nContent-Length: 1\n"},
      {"upgrades", "GET /", "Connection: upgrade\nUpgrade: " + repeated("h2c,", kValue) + "x\n"},
  };
}

// Everything that filters do to a request and to its response.
void run_all(const std::vector<std::unique_ptr<Filter>>& filters, RequestContext& context, const RequestHead& head) {
  for (const auto& filter : filters) filter->admit(context, head);
  RequestHead outgoing = head;
  remove_hop_by_hop(outgoing.fields);
  for (const auto& filter : filters) filter->rewrite_request(context, outgoing);
  ResponseHead response;
  response.status = 200;
  for (const auto& filter : filters) filter->rewrite_response(context, response);
}

}  // namespace

TEST_CASE("the worst head costs all filters together no more than reading fifty") {
  const double most_ms = 50 * reading_ms();
  const auto filters = make_filters();
  for (const Mode mode : kModes) {
    for (const Row& row : worst_inputs()) {
      FilterFixture fixture;
      fixture.set_mode(mode);
      fixture.context.peer_is_trusted = true;
      const RequestHead& head = fixture.receive(row.line, row.fields);
      CAPTURE(row.name, to_text(mode), fixture.request->what());
      REQUIRE(fixture.request->is_valid());
      const double spent = least_cpu_ms([&] { run_all(filters, fixture.context, head); });
      CAPTURE(spent, most_ms);
      CHECK(spent < most_ms);
    }
  }
}

}  // namespace halfdoor
