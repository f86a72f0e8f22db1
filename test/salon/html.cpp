// The frame of every page: made for a phone in a salon, readable on anything.
#include "html.h"

#include <fmt/format.h>

namespace salon::html {

namespace {

constexpr std::string_view style = R"css(
:root { color-scheme: light dark; --ink: #23212b; --paper: #fbf9f6; --card: #fff; --line: #ddd6cc; --accent: #8a2f5c; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #efeaf2; --paper: #1b1920; --card: #26232d; --line: #423d4b; --accent: #f09cc4; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 44rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1.05rem/1.5 system-ui, sans-serif; }
header, footer { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; justify-content: space-between; }
footer { margin-top: 2rem; font-size: .85rem; opacity: .8; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 1.5rem 0 .5rem; }
a { color: var(--accent); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1rem; margin: 1rem 0; }
.notice { border-left: .35rem solid var(--accent); }
form.fields { display: grid; gap: .75rem; }
label { display: grid; gap: .25rem; }
input, select, button { font: inherit; min-height: 2.75rem; padding: .4rem .7rem; border: 1px solid var(--line);
  border-radius: .5rem; background: var(--paper); color: inherit; }
button { background: var(--accent); border-color: var(--accent); color: var(--card); cursor: pointer; }
button.quiet { background: transparent; color: var(--accent); }
ul.plain { list-style: none; margin: 0; padding: 0; }
li.booking { display: flex; gap: .75rem; align-items: center; justify-content: space-between;
  border-bottom: 1px solid var(--line); padding: .5rem 0; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; }
small { opacity: .75; }
)css";

}  // namespace

std::string escape(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  for (const char letter : text) {
    switch (letter) {
      case '&': safe += "&amp;"; break;
      case '<': safe += "&lt;"; break;
      case '>': safe += "&gt;"; break;
      case '"': safe += "&quot;"; break;
      case '\'': safe += "&#39;"; break;
      default: safe.push_back(letter);
    }
  }
  return safe;
}

std::string page(const Frame& frame, std::string_view title, std::string_view body) {
  std::string session = R"(<a href="/login">Log in</a>)";
  if (!frame.user.empty()) {
    session = fmt::format(
        R"(<form method="post" action="/logout"><small>{}</small> <button class="quiet">Log out</button></form>)",
        escape(frame.user));
  }
  const std::string halfdoor =
      frame.halfdoor_url.empty() ? std::string()
                                 : fmt::format(R"(<a href="{0}">the salon's address</a>)", escape(frame.halfdoor_url));
  return fmt::format(R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} – Salon Seven</title>
<style>{style}</style>
</head>
<body>
<header><strong><a href="/">Salon Seven</a></strong> <a href="/bookings">Bookings</a> {session}</header>
<main>
<h1>{title}</h1>
{body}
</main>
<footer><span>served by host {host}{mode}</span>{halfdoor}</footer>
</body>
</html>
)",
                     fmt::arg("title", escape(title)), fmt::arg("style", style), fmt::arg("session", session),
                     fmt::arg("body", body), fmt::arg("host", escape(frame.host)),
                     fmt::arg("mode", frame.takes_writes ? "" : " (read-only copy)"), fmt::arg("halfdoor", halfdoor));
}

std::string message_box(std::string_view message, std::string_view link, std::string_view link_text) {
  return fmt::format(R"(<p class="card notice" role="alert">{}</p><p><a href="{}">{}</a></p>)", escape(message),
                     escape(link), escape(link_text));
}

}  // namespace salon::html
