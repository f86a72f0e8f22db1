// A steady read costs no allocation in filters and judgement: what they write lives in the arena (design 2.4).
#include <catch2/catch.hpp>

#include "exchange/read_only.h"
#include "filters/chain.h"
#include "test/unit/filters/allocation_count.h"
#include "test/unit/filters/filter_fixture.h"

namespace halfdoor {

TEST_CASE("a_steady_read_allocates_nothing_in_any_mode") {
  FilterFixture fixture;
  for (std::string_view text : {"GET /bookings/*/cancel", "GET /index.php?action=delete"}) {
    fixture.service.read_only.deny.push_back(*Rule::parse(text));
  }
  fixture.service.read_only.allow.push_back(*Rule::parse("POST /login"));
  fixture.service.read_only.graphql = {"/graphql"};
  const RequestHead& head =
      fixture.receive("GET /bookings/5?day=2026-11-22&sort=name", "Accept: text/html\nCookie: a=b\nX-Custom: 1\n");
  const auto filters = make_filters();
  Arena arena;
  fixture.context.arena = &arena;
  RequestHead outgoing;
  ResponseHead response;
  for (Mode mode : kModes) {
    if (mode == Mode::closed) continue;
    fixture.set_mode(mode);
    const FilterChain chain = make_chain(filters, fixture.service, mode);
    bool passes = true;
    size_t allocated = 0;
    for (int round = 0; round < 2; ++round) {  // the first warms up
      arena.reset();
      const size_t before = allocation_count();
      for (Filter* filter : chain.admit) passes = passes && !filter->admit(fixture.context, head);
      passes = passes && may_be_resent(head, fixture.service.read_only);
      outgoing = head;
      for (Filter* filter : chain.rewrite_request) filter->rewrite_request(fixture.context, outgoing);
      response.fields.clear();
      for (Filter* filter : chain.rewrite_response) filter->rewrite_response(fixture.context, response);
      allocated = allocation_count() - before;
    }
    INFO(to_text(mode));
    CHECK(passes);
    CHECK(allocated == 0);
  }
}

}  // namespace halfdoor
