// What is left to the end of a turn happens once, and what asks again while it happens comes in the next.
#include "event/turn.h"

#include <catch2/catch.hpp>
#include <functional>

using namespace halfdoor;

namespace {

struct Worked final : Flushable, Resumable, Disposable {
  void flush() override {
    ++flushed;
    if (on_flush) on_flush();
  }
  void resume() override {
    ++resumed;
    if (on_resume) on_resume();
  }
  int flushed = 0;
  int resumed = 0;
  std::function<void()> on_flush;
  std::function<void()> on_resume;
};

}  // namespace

TEST_CASE("asking twice flushes once, and what is marked while flushing is flushed in the same turn") {
  Turn turn;
  Worked first;
  Worked second;
  first.on_flush = [&] { turn.flush_later(second); };
  turn.flush_later(first);
  turn.flush_later(first);
  turn.flush();
  CHECK(first.flushed == 1);
  CHECK(second.flushed == 1);
}

TEST_CASE("what asks to be resumed while being resumed comes in the next turn") {
  Turn turn;
  Worked worked;
  worked.on_resume = [&] { turn.resume_later(worked); };
  turn.resume_later(worked);
  CHECK(turn.has_resumable());
  turn.resume();
  CHECK(worked.resumed == 1);
  CHECK(turn.has_resumable());
}

TEST_CASE("what is destroyed is called no more") {
  Turn turn;
  auto worked = std::make_unique<Worked>();
  turn.flush_later(*worked);
  turn.resume_later(*worked);
  turn.dispose(std::move(worked));
  turn.dispose_all();
  turn.resume();
  turn.flush();
  CHECK_FALSE(turn.has_resumable());
}
