// From evhttp's request to ours, and from our response to evhttp's.
#include "exchange.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>

#include <algorithm>
#include <cctype>

namespace salon {

namespace {

const char* method_name(evhttp_request* request) {
  switch (evhttp_request_get_command(request)) {
    case EVHTTP_REQ_GET: return "GET";
    case EVHTTP_REQ_POST: return "POST";
    case EVHTTP_REQ_HEAD: return "HEAD";
    case EVHTTP_REQ_PUT: return "PUT";
    case EVHTTP_REQ_DELETE: return "DELETE";
    case EVHTTP_REQ_OPTIONS: return "OPTIONS";
    case EVHTTP_REQ_TRACE: return "TRACE";
    case EVHTTP_REQ_CONNECT: return "CONNECT";
    case EVHTTP_REQ_PATCH: return "PATCH";
  }
  return "UNKNOWN";
}

Request read_request(evhttp_request* evhttp) {
  Request request;
  request.method = method_name(evhttp);
  request.target = evhttp_request_get_uri(evhttp);
  const std::size_t question = request.target.find('?');
  request.path = request.target.substr(0, question);
  if (question != std::string::npos) request.query = request.target.substr(question + 1);

  const evkeyvalq* headers = evhttp_request_get_input_headers(evhttp);
  for (const evkeyval* header = headers->tqh_first; header != nullptr; header = header->next.tqe_next) {
    std::string name = header->key;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    std::string& value = request.headers[name];
    if (!value.empty()) value += name == "cookie" ? "; " : ", ";
    value += header->value;
  }

  evbuffer* body = evhttp_request_get_input_buffer(evhttp);
  request.body.resize(evbuffer_get_length(body));
  evbuffer_copyout(body, request.body.data(), request.body.size());
  return request;
}

struct BufferFree {
  void operator()(evbuffer* buffer) const { evbuffer_free(buffer); }
};
using Buffer = std::unique_ptr<evbuffer, BufferFree>;

}  // namespace

std::string Request::header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? std::string() : found->second;
}

bool Request::wants_json() const {
  if (path.starts_with("/api/") || path.starts_with("/replication/")) return true;
  if (header("content-type").starts_with("application/json")) return true;
  const std::string accept = header("accept");
  return accept.find("json") != std::string::npos && accept.find("text/html") == std::string::npos;
}

std::string Request::request_id() const {
  std::string id = header("x-request-id").substr(0, 128);
  std::erase_if(id, [](unsigned char letter) { return std::isprint(letter) == 0; });
  return id;
}

Response json_response(int status, std::string body) {
  return {status, "application/json", std::move(body) + "\n", {{"Cache-Control", "no-store"}}};
}

Response redirect(const std::string& location) {
  return {303, "text/plain; charset=utf-8", "See " + location + "\n", {{"Location", location}}};
}

Exchange::Exchange(evhttp_request* request, std::function<void(const Exchange&, int)> on_answered)
    : request_(read_request(request)), evhttp_(request), on_answered_(std::move(on_answered)) {}

Exchange::~Exchange() {
  if (evhttp_ != nullptr) answer({500, "text/plain; charset=utf-8", "The salon forgot to answer.\n", {}});
}

void Exchange::add_headers(const Response& response) {
  evkeyvalq* headers = evhttp_request_get_output_headers(evhttp_);
  if (!response.content_type.empty()) {
    evhttp_add_header(headers, "Content-Type", response.content_type.c_str());
  }
  evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) evhttp_add_header(headers, name.c_str(), value.c_str());
}

void Exchange::answer(const Response& response) {
  if (evhttp_ == nullptr || alive_while_sending_ != nullptr) return;
  add_headers(response);
  const bool has_body = response.status != 204 && response.status != 304;
  if (has_body) {
    evhttp_add_header(evhttp_request_get_output_headers(evhttp_), "Content-Length",
                      std::to_string(response.body.size()).c_str());
  }
  const Buffer body(evbuffer_new());
  // evhttp would send the body of an answer to HEAD.
  if (has_body && request_.method != "HEAD") evbuffer_add(body.get(), response.body.data(), response.body.size());
  // Logged before it is sent: whoever has the answer finds it in the log.
  on_answered_(*this, response.status);
  evhttp_send_reply(std::exchange(evhttp_, nullptr), response.status, nullptr, body.get());
}

void Exchange::answer_in_pieces(const Response& head, std::function<std::string()> next_piece) {
  if (request_.method == "HEAD") return answer(head);
  add_headers(head);
  alive_while_sending_ = shared_from_this();
  next_piece_ = std::move(next_piece);
  on_answered_(*this, head.status);
  evhttp_connection* connection = evhttp_request_get_connection(evhttp_);
  if (connection == nullptr) return end_pieces();  // the client has left already
  evhttp_connection_set_closecb(connection, &Exchange::connection_closed, this);
  evhttp_send_reply_start(evhttp_, head.status, nullptr);
  send_piece();
}

void Exchange::send_piece() {
  const std::string piece = next_piece_();
  if (piece.empty()) return end_pieces();
  const Buffer buffer(evbuffer_new());
  evbuffer_add(buffer.get(), piece.data(), piece.size());
  evhttp_send_reply_chunk_with_cb(evhttp_, buffer.get(), &Exchange::piece_sent, this);
}

void Exchange::end_pieces() {
  const auto alive = std::move(alive_while_sending_);
  if (alive == nullptr) return;
  if (evhttp_connection* connection = evhttp_request_get_connection(evhttp_)) {
    evhttp_connection_set_closecb(connection, nullptr, nullptr);
  }
  evhttp_send_reply_end(std::exchange(evhttp_, nullptr));
}

void Exchange::piece_sent(evhttp_connection*, void* self) { static_cast<Exchange*>(self)->send_piece(); }

void Exchange::connection_closed(evhttp_connection*, void* self) {
  // evhttp has already taken the request off its connection and left it to us.
  static_cast<Exchange*>(self)->end_pieces();
}

void Exchange::abandon() {
  if (alive_while_sending_ != nullptr) return end_pieces();
  answer({503, "text/plain; charset=utf-8", "This host is being stopped.\n", {{"Connection", "close"}}});
}

}  // namespace salon
