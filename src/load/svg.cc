#include "load/svg.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "load/quantity.h"

namespace tercel::load {
namespace {

constexpr double kWidth = 860, kHeight = 300, kLeft = 74, kRight = 18, kTop = 56, kBottom = 44;

std::string format(const char* pattern, double a, double b = 0, double c = 0, double d = 0) {
  char text[200];
  std::snprintf(text, sizeof text, pattern, a, b, c, d);
  return text;
}

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();
  void include(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

// Values to pixels along one axis.
class Axis {
 public:
  Axis(Scale scale, Range range, double from, double to) : scale_(scale), range_(range), from_(from), to_(to) {
    if (!(range_.low <= range_.high)) range_ = {scale == Scale::kLogarithmic ? 1.0 : 0.0, 10};
    if (scale_ == Scale::kLogarithmic) {
      range_.low = std::max(range_.low, 1e-9);
      range_.high = std::max(range_.high, range_.low * 1.5);
    } else if (range_.high <= range_.low) {
      range_.high = range_.low + 1;
    }
  }
  double at(double value) const {
    const double share = (transformed(value) - transformed(range_.low)) / (transformed(range_.high) - transformed(range_.low));
    return from_ + (to_ - from_) * std::clamp(share, 0.0, 1.0);
  }
  bool holds(double value) const { return value >= range_.low * (1 - 1e-9) && value <= range_.high * (1 + 1e-9); }
  std::vector<double> ticks() const { return scale_ == Scale::kLogarithmic ? logarithmic_ticks() : linear_ticks(); }

 private:
  double transformed(double value) const {
    if (scale_ == Scale::kLogarithmic) return std::log(std::max(value, 1e-9));
    return scale_ == Scale::kSquareRoot ? std::sqrt(std::max(value, 0.0)) : value;
  }
  // 1, 2, 5 times powers of ten; the powers alone over more than three of them.
  std::vector<double> logarithmic_ticks() const {
    std::vector<double> ticks;
    const bool sparse = range_.high / range_.low > 2000;
    for (double decade = std::pow(10, std::floor(std::log10(range_.low))); decade <= range_.high * 1.0001; decade *= 10)
      for (const double factor : {1.0, 2.0, 5.0})
        if ((!sparse || factor == 1) && holds(decade * factor)) ticks.push_back(decade * factor);
    return ticks;
  }
  std::vector<double> linear_ticks() const {
    const double rough = (range_.high - range_.low) / 6, decade = std::pow(10, std::floor(std::log10(rough)));
    double step = decade * 10;
    for (const double factor : {5.0, 2.0, 1.0})
      if (decade * factor >= rough) step = decade * factor;
    std::vector<double> ticks;
    for (double tick = std::ceil(range_.low / step) * step; tick <= range_.high * 1.0001; tick += step) ticks.push_back(tick);
    return ticks;
  }

  Scale scale_;
  Range range_;
  double from_, to_;
};

std::string label_of(double value, bool is_time) {
  return is_time ? duration_text(static_cast<int64_t>(std::llround(value))) : format("%.6g", value + 0.0);
}

std::string text_at(double x, double y, const char* anchor, const std::string& text, const char* extra = "") {
  return format("<text x=\"%.1f\" y=\"%.1f\" ", x, y) + "text-anchor=\"" + anchor + "\" " + extra + ">" + escaped(text) +
         "</text>\n";
}

std::string head(const PlotOptions& options) {
  return format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" ", kWidth, kHeight) +
         "font-family=\"system-ui, Helvetica, Arial, sans-serif\" font-size=\"12\" fill=\"#222\">\n<title>" +
         escaped(options.title) + "</title>\n" +
         format("<rect width=\"%.0f\" height=\"%.0f\" fill=\"#fff\"/>\n", kWidth, kHeight) +
         text_at(kLeft, 20, "start", options.title, "font-size=\"14\" font-weight=\"600\"");
}

std::string legend(const std::vector<Series>& series) {
  std::string out;
  double x = kLeft;
  for (const Series& one : series) {
    out += format("<rect x=\"%.1f\" y=\"31\" width=\"12\" height=\"12\" rx=\"2\" ", x) + "fill=\"" + one.color + "\"/>\n";
    out += text_at(x + 17, 41, "start", one.name);
    x += 34 + 6.8 * static_cast<double>(one.name.size());
  }
  return out;
}

std::string grid(const PlotOptions& options, const Axis& x, const Axis& y) {
  std::string out;
  for (const double tick : y.ticks()) {
    out += format("<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#e6e6e2\"/>\n", kLeft, kWidth - kRight,
                  y.at(tick), y.at(tick));
    out += text_at(kLeft - 8, y.at(tick) + 4, "end", label_of(tick, options.y_is_time), "fill=\"#555\"");
  }
  std::vector<Tick> ticks = options.x_ticks;
  if (ticks.empty())
    for (const double tick : x.ticks()) ticks.push_back({tick, label_of(tick, options.x_is_time)});
  for (const Tick& tick : ticks) {
    out += format("<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#e6e6e2\"/>\n", x.at(tick.at), x.at(tick.at),
                  kTop, kHeight - kBottom);
    out += text_at(x.at(tick.at), kHeight - kBottom + 17, "middle", tick.label, "fill=\"#555\"");
  }
  out += text_at((kLeft + kWidth - kRight) / 2, kHeight - 8, "middle", options.x_label, "fill=\"#555\"");
  out += text_at(kWidth - kRight, 41, "end", options.y_label, "fill=\"#555\"");
  return out;
}

std::string level_line(const PlotOptions& options, const Axis& x, const Axis& y) {
  const Axis& axis = options.level_is_x ? x : y;
  if (options.level == 0 || !axis.holds(options.level)) return "";
  const double at = axis.at(options.level);
  const bool upright = options.level_is_x;
  const char* pattern = "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#222\" stroke-dasharray=\"5 4\"/>\n";
  const std::string line =
      upright ? format(pattern, at, at, kTop, kHeight - kBottom) : format(pattern, kLeft, kWidth - kRight, at, at);
  const bool at_the_right = at > kWidth - kRight - 90;
  return line + (upright ? text_at(at_the_right ? at - 5 : at + 5, kTop + 12, at_the_right ? "end" : "start", options.level_name)
                         : text_at(kWidth - kRight - 4, at - 5, "end", options.level_name));
}

// A path with a gap wherever a value is not finite; a point between two gaps is a dot.
std::string path_of(const Series& series, const Axis& x, const Axis& y) {
  std::string path;
  bool drawing = false;
  for (const auto& [px, py] : series.points) {
    if (!std::isfinite(py)) {
      drawing = false;
      continue;
    }
    path += format(drawing ? "L%.1f %.1f" : "M%.1f %.1fh0.1", x.at(px), y.at(py));
    drawing = true;
  }
  return "<path d=\"" + path + "\" fill=\"none\" stroke=\"" + series.color +
         "\" stroke-width=\"1.8\" stroke-linejoin=\"round\" stroke-linecap=\"round\"/>\n";
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&quot;";
    else if (static_cast<unsigned char>(c) >= 0x20 || c == '\n') out += c;
  }
  return out;
}

std::string line_plot(const PlotOptions& options, const std::vector<Series>& series) {
  Range horizontal, vertical;
  for (const Series& one : series)
    for (const auto& [x, y] : one.points) {
      horizontal.include(x);
      vertical.include(y);
    }
  if (options.y == Scale::kLinear) vertical.include(0);
  if (options.level > 0) (options.level_is_x ? horizontal : vertical).include(options.level);
  const Axis x(options.x, horizontal, kLeft, kWidth - kRight), y(options.y, vertical, kHeight - kBottom, kTop);
  std::string out = head(options) + legend(series) + grid(options, x, y);
  for (const Series& one : series) out += path_of(one, x, y);
  return out + level_line(options, x, y) + "</svg>\n";
}

std::string stacked_bars(const PlotOptions& options, const std::vector<Series>& series, double bar_width) {
  Range horizontal, vertical;
  vertical.include(0);
  const size_t count = series.empty() ? 0 : series[0].points.size();
  for (size_t i = 0; i < count; ++i) {
    double height = 0;
    for (const Series& one : series) height += one.points[i].second;
    vertical.include(height);
    horizontal.include(series[0].points[i].first);
    horizontal.include(series[0].points[i].first + bar_width);
  }
  const Axis x(options.x, horizontal, kLeft, kWidth - kRight), y(options.y, vertical, kHeight - kBottom, kTop);
  std::string out = head(options) + legend(series) + grid(options, x, y);
  std::vector<double> base(count, 0);
  for (const Series& one : series) {
    std::string path;
    for (size_t i = 0; i < count; ++i) {
      const auto [at, height] = one.points[i];
      if (height <= 0) continue;
      const double left = x.at(at), right = x.at(at + bar_width), bottom = y.at(base[i]), top = y.at(base[i] += height);
      path += format("M%.2f %.2fV%.2fH%.2f", left, bottom, top, right) + format("V%.2fZ", bottom);
    }
    if (!path.empty()) out += "<path d=\"" + path + "\" fill=\"" + one.color + "\"/>\n";
  }
  return out + level_line(options, x, y) + "</svg>\n";
}

}  // namespace tercel::load
