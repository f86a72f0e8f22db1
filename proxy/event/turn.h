// Turn: what the objects of a worker leave to the end of the present turn of its loop, or to the next one.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "base/intrusive_list.h"

namespace halfdoor {

struct FlushTag;
struct ResumeTag;

// Something with output to write.
class Flushable : public ListLink<FlushTag> {
 public:
  virtual void flush() = 0;

 protected:
  ~Flushable() = default;
};

// Something whose reading was stopped although its stream is readable.
class Resumable : public ListLink<ResumeTag> {
 public:
  virtual void resume() = 0;

 protected:
  ~Resumable() = default;
};

// What is destroyed only when none of its functions is on the stack any more.
class Disposable {
 public:
  virtual ~Disposable() = default;
};

class Turn {
 public:
  // Once per turn, however often it is asked for.
  void flush_later(Flushable& object) {
    if (!object.ListLink<FlushTag>::is_linked()) to_flush_.push_back(object);
  }
  // In the next turn, which then does not wait.
  void resume_later(Resumable& object) {
    if (!object.ListLink<ResumeTag>::is_linked()) to_resume_.push_back(object);
  }
  void dispose(std::unique_ptr<Disposable> object) { to_dispose_.push_back(std::move(object)); }

  bool has_resumable() { return !to_resume_.empty(); }
  void resume() {
    // Those that ask again while we are at it come in the next turn.
    IntrusiveList<Resumable, ResumeTag> now;
    now.take(to_resume_);
    while (Resumable* object = now.pop_front()) object->resume();
  }
  void flush() {
    while (Flushable* object = to_flush_.pop_front()) object->flush();
  }
  void dispose_all() {
    while (!to_dispose_.empty()) {
      const std::unique_ptr<Disposable> object = std::move(to_dispose_.back());
      to_dispose_.pop_back();
    }
  }

 private:
  IntrusiveList<Flushable, FlushTag> to_flush_;
  IntrusiveList<Resumable, ResumeTag> to_resume_;
  std::vector<std::unique_ptr<Disposable>> to_dispose_;
};

}  // namespace halfdoor
