#include "config/mode.h"

#include <catch2/catch.hpp>

#include "config/snapshot.h"

namespace halfdoor {

TEST_CASE("modes, verbs and sides read as they are written") {
  for (Mode mode : kModes) CHECK(parse_mode(to_text(mode)) == mode);
  for (Verb verb : kVerbs) CHECK(parse_verb(to_text(verb)) == verb);
  CHECK(to_text(Mode::backup_readonly) == "backup-readonly");
  CHECK(to_text(Verb::thaw) == "thaw");
  CHECK(to_text(Side::backup) == "backup");
  CHECK_FALSE(parse_mode("Primary"));
  CHECK_FALSE(parse_mode(""));
  CHECK_FALSE(parse_verb("primary"));
}

TEST_CASE("each mode says which side serves, whether writes pass and whether reads may fall back") {
  struct Row {
    Mode mode;
    std::optional<Side> serves;
    bool writes, falls_back, falls_back_diverged;
  };
  const Row row = GENERATE(values<Row>({
      {Mode::primary, Side::primary, true, true, true},
      {Mode::primary_readonly, Side::primary, false, true, false},
      {Mode::backup_readonly, Side::backup, false, false, false},
      {Mode::backup_writable, Side::backup, true, false, false},
      {Mode::closed, std::nullopt, false, false, false},
  }));
  CHECK(serving_side(row.mode) == row.serves);
  CHECK(writes_pass(row.mode) == row.writes);
  CHECK(may_fall_back(row.mode, false) == row.falls_back);
  CHECK(may_fall_back(row.mode, true) == row.falls_back_diverged);
}

TEST_CASE("the mode field names mode and epoch") {
  CHECK(make_mode_field(Mode::backup_readonly, 8) == "backup-readonly; epoch=8");
}

}  // namespace halfdoor
