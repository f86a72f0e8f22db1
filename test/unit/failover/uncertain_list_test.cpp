#include "failover/uncertain_list.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <future>
#include <nlohmann/json.hpp>

#include "failover/helper_thread.h"
#include "fixtures.h"

namespace halfdoor {
namespace {

constexpr Milliseconds kPatience{20'000};

UncertainWrite make_write(int number, const std::string& service = "salon") {
  return {.wall_ms = 1'763'780'645'678 + number,
          .request_id = "id-" + std::to_string(number),
          .service = service,
          .epoch = 8,
          .method = "POST",
          .path = "/bookings?day=\xC3\xBC",
          .client = "192.0.2.7:51234",
          .side = Side::primary,
          .server = "10.0.0.10:8080",
          .bytes_sent = 512,
          .why = "the server closed the connection"};
}

void with_list(const std::string& folder, const std::function<void(UncertainList&)>& use,
               uint64_t most_bytes = kUncertainFileBytes) {
  HelperThread helper("list");
  auto list = UncertainList::open(folder, helper, most_bytes);
  REQUIRE(list.ok());
  use(**list);
  REQUIRE(helper.stop(kPatience));
}

size_t lines_in(const std::string& path) {
  const std::string text = read_text(path);
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST_CASE("a_write_has_the_fields_of_the_control_api") {
  const auto json = nlohmann::json::parse(to_json(make_write(0)));
  CHECK(json.size() == 11);
  CHECK(json["time"] == "2025-11-22T03:04:05.678Z");
  CHECK(json["request_id"] == "id-0");
  CHECK(json["service"] == "salon");
  CHECK(json["epoch"] == 8);
  CHECK(json["method"] == "POST");
  CHECK(json["path"] == "/bookings?day=\xC3\xBC");
  CHECK(json["client"] == "192.0.2.7:51234");
  CHECK(json["side"] == "primary");
  CHECK(json["server"] == "10.0.0.10:8080");
  CHECK(json["bytes_sent"] == 512);
  CHECK(json["why"] == "the server closed the connection");
}

TEST_CASE("bytes_that_are_not_text_do_not_break_a_line") {
  UncertainWrite write = make_write(0);
  write.path = "/\xFF\n\"\\";
  const std::string line = to_json(write);
  CHECK(line.find('\n') == std::string::npos);
  CHECK(nlohmann::json::parse(line)["path"] == "/\xEF\xBF\xBD\n\"\\");
}

TEST_CASE("writes_are_listed_newest_first_per_service_and_after_a_restart") {
  const TemporaryFolder folder;
  const std::vector<UncertainWrite> newest{make_write(4), make_write(3), make_write(1)};
  const auto check = [&newest](UncertainList& list) {
    CHECK(list.newest("salon", 100) == newest);
    CHECK(list.newest("salon", 2) == std::vector<UncertainWrite>{make_write(4), make_write(3)});
    CHECK(list.newest("barber", 100) == std::vector<UncertainWrite>{make_write(2, "barber")});
    CHECK(list.newest("", 100).size() == 4);
    CHECK(list.newest("nobody", 100).empty());
    CHECK(list.count("salon") == 3);
    CHECK(list.count("") == 4);
  };
  with_list(folder.path(), [&check](UncertainList& list) {
    list.append({make_write(1), make_write(2, "barber")}, {});
    list.append({make_write(3), make_write(4)}, {});
    check(list);
  });
  with_list(folder.path(), [&check](UncertainList& list) {
    check(list);
    CHECK(list.warning().empty());
  });
}

TEST_CASE("done_is_said_when_the_file_has_it") {
  const TemporaryFolder folder;
  HelperThread helper("list");
  auto list = UncertainList::open(folder.path(), helper);
  REQUIRE(list.ok());
  std::promise<bool> done;
  (*list)->append({make_write(1)}, [&](const Status& status) {
    done.set_value(status.ok() && lines_in(folder / "uncertain.jsonl") == 1);
  });
  CHECK(done.get_future().get());
}

TEST_CASE("a_write_that_stands_in_the_file_already_is_not_listed_twice") {
  const TemporaryFolder folder;
  with_list(folder.path(), [](UncertainList& list) { REQUIRE(list.append_now({make_write(1)}).ok()); });
  with_list(folder.path(), [](UncertainList& list) {
    REQUIRE(list.append_now({make_write(1), make_write(2)}).ok());
    CHECK(list.newest("salon", 100) == std::vector<UncertainWrite>{make_write(2), make_write(1)});
  });
  CHECK(lines_in(folder / "uncertain.jsonl") == 2);
}

TEST_CASE("the_same_request_id_at_another_time_is_another_write") {
  const TemporaryFolder folder;
  with_list(folder.path(), [](UncertainList& list) {
    UncertainWrite again = make_write(1);
    again.wall_ms += 1;
    REQUIRE(list.append_now({make_write(1), again}).ok());
    CHECK(list.count("salon") == 2);
  });
}

TEST_CASE("the_same_request_id_for_another_request_is_another_write") {
  const TemporaryFolder folder;
  UncertainWrite other_path = make_write(1), other_method = make_write(1), told_differently = make_write(1);
  other_path.path += "/2";
  other_method.method = "PATCH";
  told_differently.why = "halfdoor stopped";
  told_differently.bytes_sent += 1;
  with_list(folder.path(), [&](UncertainList& list) {
    REQUIRE(list.append_now({make_write(1), other_path, other_method}).ok());
    CHECK(list.count("salon") == 3);
  });
  with_list(folder.path(), [&](UncertainList& list) {
    REQUIRE(list.append_now({told_differently, other_path}).ok());
    CHECK(list.count("salon") == 3);
  });
}

TEST_CASE("lines_listed_twice_or_torn_are_read_as_one_or_skipped") {
  const TemporaryFolder folder;
  const std::string line = to_json(make_write(1)) + "\n";
  write_text(folder / "uncertain.jsonl", line + "{}\n" + line + to_json(make_write(2)).substr(0, 60));
  with_list(folder.path(), [](UncertainList& list) {
    CHECK(list.count("salon") == 1);
    CHECK(list.skipped_lines() == 2);
    CHECK_FALSE(list.warning().empty());
    REQUIRE(list.append_now({make_write(3)}).ok());
  });
  with_list(folder.path(), [](UncertainList& list) { CHECK(list.count("salon") == 2); });
}

TEST_CASE("a_list_that_cannot_be_written_is_told_and_written_when_asked_again") {
  const TemporaryFolder folder;
  // A folder in the way of the second file makes the rotation fail half way.
  with_list(
      folder.path(),
      [&folder](UncertainList& list) {
        REQUIRE(list.append_now({make_write(1)}).ok());
        REQUIRE(::mkdir((folder / "uncertain.jsonl.1").c_str(), 0700) == 0);
        CHECK_FALSE(list.append_now({make_write(2)}).ok());
        CHECK(list.count("salon") == 2);
        REQUIRE(::rmdir((folder / "uncertain.jsonl.1").c_str()) == 0);
        CHECK(list.append_now({make_write(2)}).ok());
        CHECK(list.count("salon") == 2);
      },
      100);
  CHECK(lines_in(folder / "uncertain.jsonl") == 1);
  CHECK(lines_in(folder / "uncertain.jsonl.1") == 1);
}

TEST_CASE("a_file_that_grew_too_large_is_put_aside_and_still_read") {
  const TemporaryFolder folder;
  with_list(
      folder.path(),
      [](UncertainList& list) {
        for (int i = 0; i < 10; ++i) list.append({make_write(i)}, {});
      },
      1000);
  CHECK(lines_in(folder / "uncertain.jsonl") + lines_in(folder / "uncertain.jsonl.1") < 10);
  CHECK(read_text(folder / "uncertain.jsonl.1").size() <= 1000);
  with_list(folder.path(), [](UncertainList& list) {
    CHECK(list.newest("salon", 3) == std::vector<UncertainWrite>{make_write(9), make_write(8), make_write(7)});
  });
}

TEST_CASE("memory_keeps_only_the_newest") {
  const TemporaryFolder folder;
  with_list(folder.path(), [](UncertainList& list) {
    std::vector<UncertainWrite> many;
    for (size_t i = 0; i < kUncertainKept + 5; ++i) many.push_back(make_write(static_cast<int>(i)));
    REQUIRE(list.append_now(many).ok());
    CHECK(list.count("") == kUncertainKept);
    CHECK(list.newest("", 1).front() == many.back());
  });
}

}  // namespace
}  // namespace halfdoor
