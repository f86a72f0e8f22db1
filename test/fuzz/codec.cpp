#include "fuzz/codec.h"

#include <cstring>

#include "base/text.h"

namespace halfdoor::fuzz {

namespace {

// A piece in memory of its own, which ends with it: a view that is kept too long is caught.
class OwnMemory {
 public:
  explicit OwnMemory(std::string_view bytes) : bytes_(std::make_unique<char[]>(bytes.size())), size_(bytes.size()) {
    if (!bytes.empty()) std::memcpy(bytes_.get(), bytes.data(), bytes.size());
  }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t size_;
};

std::string number(uint64_t value) { return std::to_string(value); }

template <class Message>
std::string describe_messages(const std::vector<std::unique_ptr<Message>>& messages, const MessageError& error) {
  std::string text;
  for (const auto& message : messages) {
    text += "at " + number(message->at);
    if (message->has_head) text += "\n" + describe(message->head);
    text += "body " + message->body + "\n" + message->trailers;
    if (message->is_complete) text += "complete, bytes " + number(message->bytes) + "\n";
  }
  return text + "error " + number(static_cast<uint64_t>(error.status)) + " " + std::string(error.what);
}

}  // namespace

Requests read_requests(const Pieces& pieces, const MessageLimits& limits) {
  Requests seen;
  RequestReader reader(limits);
  size_t taken = 0;
  const auto begin = [&] {
    seen.messages.push_back(std::make_unique<ReadRequest>());
    seen.messages.back()->at = taken;
    reader.start(seen.messages.back()->arena, seen.messages.back()->head);
  };
  begin();
  for (const std::string_view piece : pieces) {
    const OwnMemory memory(piece);
    std::string_view input = memory.view();
    for (bool wants_more = false; !wants_more;) {
      ReadRequest& message = *seen.messages.back();
      const size_t before = input.size();
      const ReadEvent event = reader.read(input);
      taken += before - input.size();
      switch (event) {
        case ReadEvent::need_more:
          require(input.empty(), "a reader that wants more has used up its input");
          wants_more = true;
          break;
        case ReadEvent::head: message.has_head = true; break;
        case ReadEvent::body:
          require(!reader.body().empty(), "a piece of a body is not empty");
          message.body += reader.body();
          break;
        case ReadEvent::end:
          message.is_complete = true;
          message.bytes = taken - message.at;
          if (reader.has_trailers()) message.trailers = reader.take_trailers();
          require(!reader.has_trailers(), "trailers are taken once");
          begin();
          wants_more = input.empty();
          break;
        case ReadEvent::error: {
          seen.error = reader.error();
          require(seen.error.status >= 400 && !seen.error.what.empty(), "an error says its status and what is wrong");
          std::string_view more = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
          require(reader.read(more) == ReadEvent::error, "an error is final");
          return seen;
        }
      }
    }
  }
  return seen;
}

Responses read_responses(const Pieces& pieces, ResponseSetting setting, const MessageLimits& limits) {
  Responses seen;
  ResponseReader reader(limits);
  // The reader overwrites one head; each is kept by being moved to the next arena only after it was described.
  seen.messages.push_back(std::make_unique<ReadResponse>());
  ReadResponse* message = seen.messages.back().get();
  Arena arena;
  ResponseHead head;
  size_t taken = 0;
  reader.start(arena, head, setting.is_head, setting.upgrade_asked);
  const auto keep_head = [&] {
    message->head = head;
    message->head.reason = message->arena.copy(head.reason);
    message->head.fields.clear();
    for (const Field& field : head.fields) {
      message->head.fields.add(field.id, message->arena.copy(field.name), message->arena.copy(field.value));
    }
    message->has_head = true;
  };
  for (const std::string_view piece : pieces) {
    const OwnMemory memory(piece);
    std::string_view input = memory.view();
    while (true) {
      const size_t before = input.size();
      const ReadEvent event = reader.read(input);
      taken += before - input.size();
      if (event == ReadEvent::need_more) {
        require(input.empty(), "a reader that wants more has used up its input");
        break;
      }
      if (event == ReadEvent::head) {
        keep_head();
        if (!head.is_interim() || head.status == 101) continue;
        message->is_complete = true;
        message->bytes = taken - message->at;
        seen.messages.push_back(std::make_unique<ReadResponse>());
        message = seen.messages.back().get();
        message->at = taken;
      } else if (event == ReadEvent::body) {
        require(!reader.body().empty(), "a piece of a body is not empty");
        message->body += reader.body();
      } else if (event == ReadEvent::end) {
        message->is_complete = true;
        if (reader.has_trailers()) message->trailers = reader.take_trailers();
        message->bytes = taken - message->at;
        return seen;
      } else {
        seen.error = reader.error();
        require(!seen.error.what.empty(), "an error says what is wrong");
        return seen;
      }
    }
  }
  if (!setting.closes) return seen;
  const ReadEvent event = reader.finish();
  require(event == ReadEvent::end || event == ReadEvent::error, "the end of the stream ends the message or cuts it");
  if (event == ReadEvent::error) {
    seen.error = reader.error();
  } else {
    message->is_complete = true;
    message->bytes = taken - message->at;
  }
  return seen;
}

std::string describe(const RequestHead& head) {
  std::string text(head.method);
  text.append(" ").append(head.target).append(" 1.").append(number(head.minor_version));
  text.append("\npath ").append(head.path).append(head.has_query ? " ?" : " ").append(head.query);
  text.append("\nauthority ").append(head.authority).append(" host ").append(head.host).append("\n");
  text += describe(fields_of(head.fields));
  text += "framing " + number(static_cast<uint64_t>(head.framing)) + " " + number(head.content_length);
  text += head.keep_alive ? " keep-alive" : "";
  text += head.expects_continue ? " continue" : "";
  text += head.is_websocket_handshake ? " websocket" : "";
  return text + (head.accepts_trailers ? " trailers\n" : "\n");
}

std::string describe(const ResponseHead& head) {
  std::string text = number(static_cast<uint64_t>(head.status)) + " " + std::string(head.reason) + " 1." +
                     number(head.minor_version) + "\n" + describe(fields_of(head.fields));
  text += "framing " + number(static_cast<uint64_t>(head.framing)) + " " + number(head.content_length);
  text += head.has_content_length ? " length said" : "";
  text += head.keep_alive ? " keep-alive " : " ";
  return text + std::to_string(head.keep_alive_timeout_s) + "\n";
}

std::string describe(const Requests& requests) { return describe_messages(requests.messages, requests.error); }
std::string describe(const Responses& responses) { return describe_messages(responses.messages, responses.error); }

std::vector<reference::Field> fields_of(const FieldList& fields) {
  std::vector<reference::Field> all;
  for (const Field& field : fields) {
    require(field.id == find_field_id(field.name), "every field carries the id of its name");
    all.push_back({reference::lower(field.name), std::string(field.value)});
  }
  return all;
}

std::vector<reference::Field> fields_in(std::string_view lines) {
  std::vector<reference::Field> all;
  while (!lines.empty()) {
    const size_t end = lines.find("\r\n");
    const size_t colon = lines.find(": ");
    require(end != std::string_view::npos && colon < end, "trailers are lines of a name and a value",
            [&] { return printable(lines); });
    all.push_back({reference::lower(lines.substr(0, colon)), std::string(lines.substr(colon + 2, end - colon - 2))});
    lines.remove_prefix(end + 2);
  }
  return all;
}

std::string describe(const std::vector<reference::Field>& fields) {
  std::string text;
  for (const reference::Field& field : fields) text += field.name + ": " + field.value + "\n";
  return text;
}

std::string text_of(SliceQueue& queue) {
  std::string text;
  while (!queue.empty()) {
    text += queue.front();
    queue.consume(queue.front().size());
  }
  return text;
}

MessageLimits choose_limits(Input& input) {
  switch (input.choose(3)) {
    case 1: return {40, 200, 6, 16, 24};
    case 2: return {300, 1000, 20, 60, 100};
    default: return {};
  }
}

size_t memory_bound(const MessageLimits& limits) {
  return 24'000 + 8 * (limits.start_line + limits.head + limits.chunk_line) + 160 * limits.fields;
}

}  // namespace halfdoor::fuzz
