#include "retina/report/page.h"

#include <span>
#include <utility>

#include <fmt/format.h>

#include "retina/core/file.h"

namespace retina::report {
namespace {

constexpr std::int64_t kLargestPicture = 512;

constexpr std::string_view kStyle = R"css(
:root{color-scheme:light dark;--bg:#fbfaf8;--card:#fff;--ink:#1d2126;--soft:#667080;--line:#dfe3e8;
--c0:#0b6e99;--c1:#c2410c;--c2:#2f855a;--c3:#7c3aed;--c4:#b7791f;--c5:#be185d}
@media (prefers-color-scheme:dark){:root{--bg:#14171b;--card:#1c2127;--ink:#e6e9ed;--soft:#98a2b0;
--line:#333a44;--c0:#5cc0ea;--c1:#fb923c;--c2:#68d391;--c3:#b79cff;--c4:#ecc94b;--c5:#f687b3}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1080px;padding:2.2rem 1.2rem 4rem;background:var(--bg);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
h1{font-size:1.7rem;margin:0 0 .6rem;letter-spacing:-.01em}
h2{font-size:1.15rem;margin:2.2rem 0 .6rem}h3{font-size:1rem;margin:0 0 .4rem}
p{margin:.4rem 0;max-width:75ch}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.93rem;margin:.5rem 0}
th,td{text-align:left;padding:.32rem .9rem .32rem 0;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:600}
.row{display:grid;grid-template-columns:repeat(auto-fit,minmax(200px,1fr));gap:.8rem;margin:.8rem 0}
figure{margin:0}figure img{width:100%;display:block;border-radius:6px;image-rendering:auto}
figcaption{font-size:.85rem;color:var(--soft);margin-top:.25rem}
.plot{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1rem 1.1rem;margin:.9rem 0}
svg{width:100%;height:auto;display:block}svg text{fill:var(--soft);font-size:12px}
.grid{stroke:var(--line);stroke-width:1}.band{opacity:.16}.curve{fill:none;stroke-width:1.8;stroke-linejoin:round}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;font-size:.88rem;color:var(--soft)}
.legend i{display:inline-block;width:1.1rem;height:.22rem;border-radius:2px;margin-right:.4rem;vertical-align:middle}
)css";

/// Stroke of curves, fill of marks and background of legend keys, per colour.
std::string colour_rules() {
  std::string out;
  for (int i = 0; i < 6; ++i) {
    out += fmt::format(
        ".curve.c{0}{{stroke:var(--c{0})}}.mark.c{0},.band.c{0}{{fill:var(--c{0})}}"
        ".legend .c{0}{{background:var(--c{0})}}\n",
        i);
  }
  return out;
}

std::string base64(std::span<const std::byte> bytes) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group =
          group << 8 | (i + k < bytes.size() ? std::to_integer<std::uint32_t>(bytes[i + k]) : 0);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      const bool padding = k > bytes.size() - i;
      out += padding ? '=' : kAlphabet[group >> (18 - 6 * k) & 63];
    }
  }
  return out;
}

std::string element(std::string_view tag, const std::string& content) {
  return fmt::format("<{0}>{1}</{0}>", tag, content);
}

}  // namespace

Page::Page(std::string title) : title_(std::move(title)) {}

void Page::paragraph(const std::string& text) {
  body_ += fmt::format("<p>{}</p>\n", escape_html(text));
}

void Page::heading(const std::string& text) {
  body_ += fmt::format("<h2>{}</h2>\n", escape_html(text));
}

void Page::table(const std::vector<std::string>& header,
                 const std::vector<std::vector<std::string>>& rows,
                 const std::set<std::pair<std::size_t, std::size_t>>& strong) {
  std::string line;
  for (const std::string& cell : header) {
    line += element("th", escape_html(cell));
  }
  body_ += "<div class=\"scroll\"><table><thead>" + element("tr", line) + "\n</thead><tbody>";
  for (std::size_t row = 0; row < rows.size(); ++row) {
    line.clear();
    for (std::size_t column = 0; column < rows[row].size(); ++column) {
      const std::string text = escape_html(rows[row][column]);
      line += element("td", strong.contains({row, column}) ? element("strong", text) : text);
    }
    body_ += element("tr", line) + "\n";
  }
  body_ += "</tbody></table></div>\n";
}

void Page::pictures(const std::vector<Picture>& row) {
  body_ += "<div class=\"row\">";
  for (const Picture& picture : row) {
    const std::string caption = escape_html(picture.caption);
    body_ += fmt::format(
        R"(<figure><img alt="{0}" src="data:image/png;base64,{1}"><figcaption>{0}</figcaption></figure>)",
        caption, base64(encode_png(shrink(picture.pixels, kLargestPicture))));
  }
  body_ += "</div>\n";
}

void Page::curves(const std::string& title, const std::string& x_label,
                  const std::vector<Curve>& curves) {
  body_ += fmt::format("<div class=\"plot\"><h3>{}</h3>{}</div>\n", escape_html(title),
                       svg_plot(x_label, curves));
}

std::string Page::html() const {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
      "<title>{0}</title>\n<style>{1}{2}</style></head>\n<body>\n<h1>{0}</h1>\n{3}</body>\n</"
      "html>\n",
      escape_html(title_), kStyle, colour_rules(), body_);
}

void Page::write(const std::filesystem::path& path) const {
  core::write_atomically(path, std::string_view(html()));
}

}  // namespace retina::report
