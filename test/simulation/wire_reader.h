// WireReader: reads a stream of HTTP/1 messages as its bytes come, as strictly as RFC 9112 allows: what the proxy sends
// must please it, in either direction. It shares nothing with the proxy's own codecs.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace halfdoor {

struct WireHead {
  std::string start_line;
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case

  std::string method;  // of a request
  std::string target;
  int status = 0;         // of a response
  int minor_version = 1;  // HTTP/1.minor

  const std::string* find(std::string_view name) const;
  std::string value(std::string_view name) const;
  size_t count(std::string_view name) const;
};

class WireReader {
 public:
  class User {
   public:
    virtual void on_head(const WireHead& head) = 0;
    virtual void on_body(std::string_view bytes) = 0;
    virtual void on_message_end() = 0;

   protected:
    ~User() = default;
  };
  enum class Reads : uint8_t { requests, responses };

  WireReader(Reads reads, User& user) : reads_(reads), user_(user) {}

  // Responses: of which methods, in order. One that was not expected is read as an answer to GET.
  void expect_answer_to(std::string_view method) { expected_.emplace_back(method); }
  // Stops at the first fault; problem() then says what it is.
  void feed(std::string_view bytes);
  // No more bytes come. Whether that was between two messages, or is the end of a body that ends so.
  bool finish();
  // After a 101: whatever comes now is no message; on_body() gets it.
  void become_raw() { state_ = State::raw; }
  bool is_raw() const { return state_ == State::raw; }
  // Nothing is to be understood any more.
  void give_up() { state_ = State::broken; }

  // Where in the stream the next message begins, or the present one goes on.
  uint64_t consumed() const { return consumed_; }
  const std::string& problem() const { return problem_; }
  bool is_within_message() const { return state_ != State::head || !line_.empty() || has_start_line_; }
  // Bytes of a head have come that is not complete.
  bool is_within_head() const { return state_ == State::head && (has_start_line_ || !line_.empty()); }
  const WireHead& head() const { return head_; }
  // Of a head that is not complete, as much as has come.
  const std::string& begun_start_line() const { return has_start_line_ ? head_.start_line : line_; }
  // Of the message that has ended last; empty: it had none of that name (in lower case).
  std::string trailer(std::string_view name) const { return trailers_.value(name); }
  bool body_ends_with_stream() const { return framing_ == Framing::until_close; }

 private:
  enum class State : uint8_t { head, body, chunk_line, chunk_end, trailers, raw, broken };
  enum class Framing : uint8_t { none, length, chunked, until_close };

  void break_at(const std::string& why);
  bool take_line(std::string_view& bytes);
  void on_line();
  void on_head_line();
  bool read_start_line();
  bool read_field_line(WireHead& into);
  void on_head_end();
  bool choose_framing();
  void on_chunk_line();
  void take_body(std::string_view& bytes);
  void end_message();

  const Reads reads_;
  User& user_;
  State state_ = State::head;
  Framing framing_ = Framing::none;
  WireHead head_;
  WireHead trailers_;
  bool has_start_line_ = false;
  std::string line_;
  uint64_t left_ = 0;  // of the body, or of the chunk
  std::deque<std::string> expected_;
  std::string problem_;
  uint64_t consumed_ = 0;
};

}  // namespace halfdoor
