#include "filters/notice_page.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

namespace halfdoor {

namespace {

constexpr std::array<std::string_view, 5> kTypes{"read-only", "closed", "unreachable", "unreachable", "uncertain"};

constexpr std::string_view kStyle = R"(<style>
:root{color-scheme:light dark;--page:#f5f3ee;--card:#fff;--ink:#22252b;--soft:#5b616c;--line:#dcd8cf;--mark:#8a5a00}
@media (prefers-color-scheme:dark){:root{--page:#17191d;--card:#20242a;--ink:#ece9e2;--soft:#a9afba;--line:#383e48;--mark:#f0b95a}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:flex;align-items:center;justify-content:center;padding:1.25rem;
background:var(--page);color:var(--ink);font:1.0625rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{width:100%;max-width:36rem;padding:2rem 1.75rem;background:var(--card);border:1px solid var(--line);
border-top:.3rem solid var(--mark);border-radius:.6rem}
h1{margin:0 0 1rem;font-size:1.5rem;line-height:1.25}
p{margin:0 0 1rem}
p:last-child{margin-bottom:0}
.soft{color:var(--soft);font-size:.95rem}
.again{padding:.75rem 1rem;border:2px solid var(--mark);border-radius:.4rem;font-weight:600}
code{overflow-wrap:anywhere}
a{color:inherit}
a:focus-visible{outline:3px solid var(--mark);outline-offset:2px}
</style>
)";

// Times in the reader's own zone; without a script they stay in UTC.
constexpr std::string_view kTimeScript = R"(<script>
document.querySelectorAll("time").forEach(function(t){
  var d=new Date(t.dateTime);
  if(!isNaN(d))try{
    t.textContent=d.toLocaleString(document.documentElement.lang,{dateStyle:"medium",timeStyle:"short"});
  }catch(e){}
});
</script>
)";

// Asks now and then whether writing is possible again, and says so.
constexpr std::string_view kWatchScript = R"(<script>
(function(){
  var status=document.getElementById("status");
  status.textContent=status.dataset.waiting;
  function later(){setTimeout(ask,4000+Math.random()*4000)}
  function ask(){
    fetch("/.well-known/halfdoor",{cache:"no-store",credentials:"omit"})
      .then(function(answer){return answer.json()})
      .then(function(now){
        var over=status.dataset.until==="served"?now.mode!=="closed":now.read_only===false;
        if(!over)return later();
        status.textContent=status.dataset.again;
        status.className="again";
      }).catch(later);
  }
  later();
})();
</script>
)";

void append_escaped(std::string& out, std::string_view text) {
  for (char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out.push_back(c);
    }
  }
}

// A JSON string; what is no printable ASCII or UTF-8 lead or tail byte becomes "?".
void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(byte < 0x20 || byte == 0x7f ? '?' : c);
  }
  out.push_back('"');
}

// "2026-11-22 16:38 UTC"
std::string for_people(WallTime time) {
  const std::string exact = format_rfc3339(time);
  return fmt::format("{} {} UTC", std::string_view(exact).substr(0, 10), std::string_view(exact).substr(11, 5));
}

void append_time(std::string& out, std::string_view label, WallTime time) {
  fmt::format_to(std::back_inserter(out), R"({} <time datetime="{}">{}</time>)", label, format_rfc3339(time),
                 for_people(time));
}

// Whether the mode is why; then it is worth telling since when, and watching for its end.
bool is_about_mode(NoticeKind kind) { return kind == NoticeKind::read_only || kind == NoticeKind::closed; }

void append_since_and_until(std::string& out, const NoticeFacts& facts) {
  out += "<p class=\"soft\">";
  append_time(out, facts.text->since, facts.since);
  if (facts.until && facts.shows_until) {
    out += "<br>";
    append_time(out, facts.text->until, *facts.until);
  }
  out += "</p>\n";
}

std::string render_html(const NoticeFacts& facts) {
  const NoticeText& text = *facts.text;
  const NoticeWords& words = text.words(facts.kind);
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<meta name=\"robots\" content=\"noindex\">\n<title>{}</title>\n",
      text.language, words.title);
  out += kStyle;
  fmt::format_to(std::back_inserter(out),
                 "</head>\n<body>\n<main>\n<h1>{}</h1>\n<p>{}</p>\n<p><strong>{}</strong></p>\n", words.title,
                 words.explanation, words.advice);
  if (is_about_mode(facts.kind)) {
    append_since_and_until(out, facts);
    // A page that could not be shown is back as soon as anything is served; what was refused, when writes pass.
    const bool waits_for_reads = facts.kind == NoticeKind::closed && !facts.is_form;
    fmt::format_to(std::back_inserter(out),
                   "<p id=\"status\" role=\"status\" class=\"soft\" data-waiting=\"{}\" data-again=\"{}\""
                   " data-until=\"{}\"></p>\n",
                   text.waiting, facts.is_form ? text.works_again : text.reload,
                   waits_for_reads ? "served" : "writable");
  }
  if (!facts.request_id.empty()) {
    fmt::format_to(std::back_inserter(out), "<p class=\"soft\">{} <code>", text.number);
    append_escaped(out, facts.request_id);
    out += "</code></p>\n";
  }
  if (!facts.contact.empty()) {
    out += "<p><a href=\"";
    append_escaped(out, facts.contact);
    fmt::format_to(std::back_inserter(out), "\" rel=\"noreferrer\">{}</a></p>\n", text.contact);
  }
  out += "</main>\n";
  if (is_about_mode(facts.kind)) {
    out += kTimeScript;
    out += kWatchScript;
  }
  out += "</body>\n</html>\n";
  return out;
}

// Plain members only: names and words carry nothing that JSON would have to escape.
std::string render_json(const NoticeFacts& facts) {
  const NoticeWords& words = facts.text->words(facts.kind);
  std::string out = fmt::format(
      R"({{"type":"/.well-known/halfdoor#{}","title":"{}","status":{},"detail":"{} {}","service":"{}","mode":"{}",)"
      R"("since":"{}","until":)",
      kTypes[static_cast<size_t>(facts.kind)], words.title, facts.status, words.explanation, words.advice,
      facts.service, to_text(facts.mode), format_rfc3339(facts.since));
  out += facts.until ? fmt::format("\"{}\"", format_rfc3339(*facts.until)) : "null";
  out += ",\"retry_after\":";
  out += facts.retry_after_s > 0 ? std::to_string(facts.retry_after_s) : "null";
  if (!facts.request_id.empty()) {
    out += ",\"request_id\":";
    append_json_string(out, facts.request_id);
  }
  if (!facts.contact.empty()) {
    out += ",\"contact\":";
    append_json_string(out, facts.contact);
  }
  out += "}\n";
  return out;
}

std::string render_text(const NoticeFacts& facts) {
  const NoticeText& text = *facts.text;
  const NoticeWords& words = text.words(facts.kind);
  std::string out = fmt::format("{}\n\n{}\n{}\n", words.title, words.explanation, words.advice);
  if (is_about_mode(facts.kind)) {
    fmt::format_to(std::back_inserter(out), "\n{}: {}\n", text.since, for_people(facts.since));
    if (facts.until && facts.shows_until) {
      fmt::format_to(std::back_inserter(out), "{}: {}\n", text.until, for_people(*facts.until));
    }
  }
  if (!facts.request_id.empty()) {
    fmt::format_to(std::back_inserter(out), "\n{} {}\n", text.number, facts.request_id);
  }
  if (!facts.contact.empty()) fmt::format_to(std::back_inserter(out), "\n{}: {}\n", text.contact, facts.contact);
  return out;
}

}  // namespace

std::string render(const NoticeFacts& facts, NoticeFormat format) {
  switch (format) {
    case NoticeFormat::html: return render_html(facts);
    case NoticeFormat::json: return render_json(facts);
    case NoticeFormat::text: break;
  }
  return render_text(facts);
}

std::string_view content_type_of(NoticeFormat format) {
  switch (format) {
    case NoticeFormat::html: return "text/html; charset=utf-8";
    case NoticeFormat::json: return "application/problem+json";
    case NoticeFormat::text: break;
  }
  return "text/plain; charset=utf-8";
}

}  // namespace halfdoor
