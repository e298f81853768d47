#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tercel::load {

// One line, or one band of a stack, of a plot. A value that is not finite leaves a gap.
struct Series {
  std::string name, color;
  std::vector<std::pair<double, double>> points;
};

enum class Scale : uint8_t { kLinear, kLogarithmic, kSquareRoot };

// A mark on an axis.
struct Tick {
  double at = 0;
  std::string label;
};

struct PlotOptions {
  std::string title, x_label, y_label;
  Scale x = Scale::kLinear, y = Scale::kLinear;
  std::vector<Tick> x_ticks;                  // empty: chosen
  bool y_is_time = false, x_is_time = false;  // nanoseconds: labels such as "1 ms"
  double level = 0;                           // a dashed line across, 0: none
  std::string level_name;
  bool level_is_x = false;  // the level stands on the x axis
};

// Each of these is an <svg> element that needs nothing else: no script, no style sheet.
std::string line_plot(const PlotOptions& options, const std::vector<Series>& series);
// Series on top of each other, each with the same x; every point is a bar of the given width.
std::string stacked_bars(const PlotOptions& options, const std::vector<Series>& series, double bar_width);

// Text that may stand in HTML and in attributes.
std::string escaped(const std::string& text);

}  // namespace tercel::load
