#include "control/http_call.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/socket.h>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace halfdoor {

namespace {

// A watcher that leaves more than this unread is cut.
constexpr size_t kMostUnread = 256 << 10;

std::string method_text(struct evhttp_request* request) {
  switch (evhttp_request_get_command(request)) {
    case EVHTTP_REQ_GET: return "GET";
    case EVHTTP_REQ_HEAD: return "HEAD";
    case EVHTTP_REQ_POST: return "POST";
    default: return "other";
  }
}

}  // namespace

const char* reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 202: return "Accepted";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 412: return "Precondition Failed";
    case 415: return "Unsupported Media Type";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    default: return "Error";
  }
}

std::shared_ptr<HttpCall> HttpCall::take(struct evhttp_request* request, bool over_tcp) {
  std::shared_ptr<HttpCall> call(new HttpCall);
  call->request_ = request;
  call->over_tcp_ = over_tcp;
  call->method_ = method_text(request);
  if (const evhttp_uri* uri = evhttp_request_get_evhttp_uri(request)) {
    if (const char* path = evhttp_uri_get_path(uri)) call->path_ = path;
    if (const char* query = evhttp_uri_get_query(uri)) call->query_ = query;
  }
  evbuffer* body = evhttp_request_get_input_buffer(request);
  call->body_.resize(evbuffer_get_length(body));
  evbuffer_copyout(body, call->body_.data(), call->body_.size());
  call->self_ = call;
  evhttp_connection_set_closecb(evhttp_request_get_connection(request), on_close, call.get());
  return call;
}

void HttpCall::on_close(struct evhttp_connection*, void* call) {
  auto* self = static_cast<HttpCall*>(call);
  // When a client leaves before its answer is complete, evhttp cuts the request loose and it is ours.
  if (evhttp_request_get_connection(self->request_) == nullptr) evhttp_request_free(self->request_);
  self->request_ = nullptr;
  // May be the last reference.
  const std::shared_ptr<HttpCall> keep = std::move(self->self_);
}

void HttpCall::let_go() {
  evhttp_connection_set_closecb(evhttp_request_get_connection(request_), nullptr, nullptr);
  request_ = nullptr;
  self_.reset();
}

std::string HttpCall::field(const char* name) const {
  if (!is_open()) return "";
  const char* value = evhttp_find_header(evhttp_request_get_input_headers(request_), name);
  return value != nullptr ? value : "";
}

std::string HttpCall::query_parameter(std::string_view name) const {
  for (const std::string_view pair : split(query_, '&')) {
    const size_t equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) return std::string(pair.substr(equals + 1));
  }
  return "";
}

std::string HttpCall::peer_actor() const {
  if (!is_open()) return "unknown";
  bufferevent* stream = evhttp_connection_get_bufferevent(evhttp_request_get_connection(request_));
  struct ucred peer {};
  socklen_t length = sizeof(peer);
  if (::getsockopt(bufferevent_getfd(stream), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return "unknown";
  std::vector<char> buffer(1 << 14);
  struct passwd entry {};
  struct passwd* found = nullptr;
  ::getpwuid_r(peer.uid, &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr ? fmt::format("uid:{}({})", peer.uid, found->pw_name) : fmt::format("uid:{}", peer.uid);
}

void HttpCall::reply(int status, const std::string& content_type, const std::string& body, const Fields& fields) {
  if (!is_open()) return;
  const std::shared_ptr<HttpCall> keep = shared_from_this();
  struct evhttp_request* request = request_;
  let_go();
  evkeyvalq* headers = evhttp_request_get_output_headers(request);
  evhttp_add_header(headers, "Content-Type", content_type.c_str());
  evhttp_add_header(headers, "Cache-Control", "no-store");
  evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : fields) evhttp_add_header(headers, name.c_str(), value.c_str());
  evbuffer* out = evbuffer_new();
  evbuffer_add(out, body.data(), body.size());
  evhttp_send_reply(request, status, reason_of(status), out);
  evbuffer_free(out);
}

bool HttpCall::start_stream() {
  if (!is_open()) return false;
  evkeyvalq* headers = evhttp_request_get_output_headers(request_);
  evhttp_add_header(headers, "Content-Type", "text/event-stream");
  evhttp_add_header(headers, "Cache-Control", "no-store");
  evhttp_add_header(headers, "Connection", "close");
  evhttp_send_reply_start(request_, 200, "OK");
  return is_open();
}

bool HttpCall::send_event(const std::string& text) {
  if (!is_open()) return false;
  struct evhttp_connection* connection = evhttp_request_get_connection(request_);
  const size_t unread = evbuffer_get_length(bufferevent_get_output(evhttp_connection_get_bufferevent(connection)));
  if (unread > kMostUnread) {
    const std::shared_ptr<HttpCall> keep = shared_from_this();
    let_go();
    evhttp_connection_free(connection);
    return false;
  }
  evbuffer* out = evbuffer_new();
  evbuffer_add(out, text.data(), text.size());
  evhttp_send_reply_chunk(request_, out);
  evbuffer_free(out);
  return is_open();
}

void HttpCall::end_stream() {
  if (!is_open()) return;
  const std::shared_ptr<HttpCall> keep = shared_from_this();
  struct evhttp_request* request = request_;
  let_go();
  evhttp_send_reply_end(request);
}

void reply_problem(HttpCall& call, int status, const std::string& detail) {
  const nlohmann::json problem{
      {"type", "about:blank"}, {"title", reason_of(status)}, {"status", status}, {"detail", detail}};
  call.reply(status, "application/problem+json",
             problem.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace halfdoor
